"""PostgreSQL's errors as they may stand in a log: never with values of a row."""

import asyncpg

LOCATED = ("schema_name", "table_name", "column_name", "constraint_name")


def describe(error: BaseException) -> str:
    """The error on one line; of what a server refused only its kind and the place.

    PostgreSQL quotes values in messages and details ("Failing row contains …").
    """
    if isinstance(error, asyncpg.PostgresError) and not is_about_the_server(error):
        place = [str(value) for name in LOCATED if (value := getattr(error, name, None))]
        return " ".join([type(error).__name__, f"(SQLSTATE {error.sqlstate})", *place])
    return " ".join(f"{type(error).__name__}: {error}".split())


def is_about_the_server(error: asyncpg.PostgresError) -> bool:
    """Whether the error speaks of the server, login or rights, and so of no row."""
    # Classes of the SQL standard and PostgreSQL: connection, authorization, resources, operator,
    # configuration, syntax or access rule.
    return (error.sqlstate or "")[:2] in {"08", "28", "3D", "42", "53", "55", "57", "58", "F0"}
