"""PostgreSQL addresses: forms for the libraries, and a form that may be shown."""

from urllib.parse import urlsplit, urlunsplit


def sqlalchemy_url(dsn: str) -> str:
    """The address for SQLAlchemy with psycopg."""
    scheme, separator, rest = dsn.partition("://")
    if not separator or scheme not in {"postgresql", "postgres"}:
        raise ValueError("a PostgreSQL address begins with postgresql://")
    return f"postgresql+psycopg://{rest}"


def without_password(dsn: str) -> str:
    """The address as it may stand in a log or an error."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))
