"""The migrations make exactly the tables that the code declares."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from rosterline.db.addresses import sqlalchemy_url
from rosterline.db.lineage import METADATA, VERSION_TABLE
from rosterline.db.migrate import migrate_sis, move
from tests.support.servers import SIS_PUBLICATION, Databases


@pytest.mark.parametrize("lineage", ["sis", "rosterline"])
def test_migrated_tables_equal_the_declared_ones(databases: Databases, lineage: str) -> None:
    engine = create_engine(sqlalchemy_url(databases.sis_dsn if lineage == "sis" else databases.dsn))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name != VERSION_TABLE,
            },
        )
        # Alembic takes several, as its documentation says; its annotation does not.
        difference = compare_metadata(context, METADATA[lineage])  # type: ignore[arg-type]
    engine.dispose()
    assert difference == []


def test_migrating_twice_changes_nothing(databases: Databases) -> None:
    migrate_sis(databases.sis_dsn, SIS_PUBLICATION)
    engine = create_engine(sqlalchemy_url(databases.sis_dsn))
    with engine.connect() as connection:
        versions = connection.exec_driver_sql(
            f"SELECT count(*) FROM sis.{VERSION_TABLE}"
        ).scalar_one()
    engine.dispose()
    assert versions == 1


def test_users_of_an_older_database_are_known_as_agents(databases: Databases) -> None:
    roles = {
        "a": ("guardian",),
        "b": ("teacher", "guardian"),
        "c": ("student",),
        "d": ("relative",),
    }
    engine = create_engine(sqlalchemy_url(databases.dsn))
    with engine.begin() as connection:
        move(connection, "rosterline", "0001", command.downgrade)
        for sourced_id, held in roles.items():
            listed = ",".join(f'{{"roleType":"primary","role":"{role}"}}' for role in held)
            connection.execute(
                text(
                    "INSERT INTO v1p2.users (sourced_id, status, date_last_modified, document, "
                    "digest, sequence, is_student, is_teacher) "
                    "VALUES (:sourced_id, 'active', now(), :document, '', 1, false, false)"
                ),
                {"sourced_id": sourced_id, "document": f'{{"roles":[{listed}]}}'},
            )
        move(connection, "rosterline", "head", command.upgrade)
        rows = connection.execute(text("SELECT sourced_id FROM v1p2.users WHERE is_agent")).all()
    engine.dispose()
    assert {row[0] for row in rows} == {"a", "d"}
