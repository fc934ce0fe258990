"""What Alembic runs for each of the two lineages of migrations: the SIS's and Rosterline's own."""

from alembic import context
from sqlalchemy import Connection, MetaData

from rosterline.db.tables import ingest as ingest
from rosterline.db.tables.mirror import MIRROR
from rosterline.db.tables.read_model import V1P1, V1P2
from rosterline.db.tables.records import RECORDS
from rosterline.db.tables.rosterline import ROSTERLINE
from rosterline.db.tables.sis import SIS

VERSION_TABLE = "rosterline_schema_version"
METADATA: dict[str, list[MetaData]] = {
    "sis": [SIS],
    "rosterline": [MIRROR, RECORDS, V1P2, V1P1, ROSTERLINE],
}


def run(lineage: str) -> None:
    """Migrate on the connection that the caller put into Alembic's configuration."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=METADATA[lineage],
        version_table=VERSION_TABLE,
        version_table_schema=lineage,
    )
    with context.begin_transaction():
        context.run_migrations()
