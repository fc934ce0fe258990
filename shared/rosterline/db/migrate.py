"""Brings both databases to the schema of this version, and makes what capture reads from.

A SIS whose schema `sis` was not made by these migrations is left as it is.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from rosterline.db.addresses import sqlalchemy_url
from rosterline.db.lineage import VERSION_TABLE
from rosterline.db.tables import records, sis

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 7264001


def migrate_sis(dsn: str, publication: str) -> None:
    """Make or update schema `sis`, and publish its tables.

    Raises sqlalchemy.exc.DBAPIError when the role may not.
    """
    migrate(dsn, "sis", publication, [f"sis.{table}" for table in sis.TABLES])


def migrate_rosterline(dsn: str, publication: str) -> None:
    """Make or update Rosterline's own schemas, and publish the tables of `records`."""
    migrate(dsn, "rosterline", publication, [f"records.{table}" for table in records.TABLES])


def migrate(dsn: str, lineage: str, publication: str, tables: list[str]) -> None:
    """Run a lineage's migrations in one transaction, alone among all processes."""
    engine = create_engine(sqlalchemy_url(dsn))
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            if not is_foreign(connection, lineage):
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {lineage}"))
                move(connection, lineage, "head", command.upgrade)
            publish(connection, publication, tables)
    finally:
        engine.dispose()


def is_foreign(connection: Connection, lineage: str) -> bool:
    """Whether the schema holds tables but no version of ours."""
    count, ours = connection.execute(
        text(
            "SELECT count(*), count(*) FILTER (WHERE table_name = :version) "
            "FROM information_schema.tables WHERE table_schema = :schema"
        ),
        {"version": VERSION_TABLE, "schema": lineage},
    ).one()
    return bool(count and not ours)


def move(
    connection: Connection, lineage: str, revision: str, way: Callable[[Config, str], None]
) -> None:
    """Go to a revision by Alembic's `upgrade` or `downgrade`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS / lineage))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    way(config, revision)


def publish(connection: Connection, publication: str, tables: list[str]) -> None:
    """Make the publication, or add the tables that it lacks."""
    known = connection.execute(
        text("SELECT 1 FROM pg_publication WHERE pubname = :name"), {"name": publication}
    ).scalar()
    if not known:
        listed = ", ".join(tables)
        connection.execute(text(f"CREATE PUBLICATION {publication} FOR TABLE {listed}"))
        return
    published = set(
        connection.execute(
            text(
                "SELECT schemaname || '.' || tablename FROM pg_publication_tables "
                "WHERE pubname = :name"
            ),
            {"name": publication},
        ).scalars()
    )
    for table in sorted(set(tables) - published):
        connection.execute(text(f"ALTER PUBLICATION {publication} ADD TABLE {table}"))


__all__ = ["DBAPIError", "migrate_rosterline", "migrate_sis"]
