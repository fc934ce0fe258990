"""The migrations make exactly the tables that the code declares."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from rosterline.db.addresses import sqlalchemy_url
from rosterline.db.lineage import METADATA, VERSION_TABLE
from rosterline.db.migrate import migrate_sis
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
