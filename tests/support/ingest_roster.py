"""The roster of the rules' world, as rows of the read models."""

import asyncpg

from rosterline.db.tables.read_model import TABLE_NAMES
from rosterline.ingest.facts import RosterRecord
from rosterline.ingest.lines import Key
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import PERIOD, whole_roster

ALL = "sourced_id, status, date_last_modified, document, digest, sequence, schools"
INSERT = """
INSERT INTO {version}.{table} ({all}{names})
VALUES ($1, 'active', now(), '{{}}', '', 0, $2{values})
"""


def own_columns(entity: Entity, sourced_id: str, record: RosterRecord) -> dict[str, object]:
    """What only this entity's table has, as far as ingest looks at it."""
    match entity:
        case Entity.USERS:
            is_student = record.is_student
            return {"is_student": is_student, "is_teacher": not is_student, "is_agent": False}
        case Entity.CLASSES:
            return {"school_id": record.school_id}
        case Entity.ORGS:
            return {"type": "school"}
        case Entity.ACADEMIC_SESSIONS if sourced_id == PERIOD:
            return {"type": "gradingPeriod", "parent_id": "term-1"}
        case Entity.ACADEMIC_SESSIONS:
            return {"type": "term", "parent_id": None}
        case _:
            return {}


async def insert(
    connection: asyncpg.Connection, version: str, key: Key, record: RosterRecord
) -> None:
    """A row of one version."""
    entity, sourced_id = key
    own = own_columns(entity, sourced_id, record)
    names = "".join(f", {name}" for name in own)
    values = "".join(f", ${number}" for number in range(3, 3 + len(own)))
    query = INSERT.format(
        version=version, table=TABLE_NAMES[entity], all=ALL, names=names, values=values
    )
    schools = None if record.schools is None else sorted(record.schools)
    await connection.execute(query, sourced_id, schools, *own.values())


async def fill(connection: asyncpg.Connection, roster: dict[Key, RosterRecord]) -> None:
    """All records, in 1.1 too where they have a form there."""
    for key, record in roster.items():
        await insert(connection, "v1p2", key, record)
        if record.in_v1p1:
            await insert(connection, "v1p1", key, record)


async def fill_whole(connection: asyncpg.Connection) -> None:
    """The roster of the rules' world."""
    await fill(connection, whole_roster())
