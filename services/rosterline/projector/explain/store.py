"""What `explain` asks of the Rosterline database beside facts: ids, connections, what is stored.

Reads only; the transaction belongs to the caller.
"""

from collections import defaultdict
from collections.abc import Iterable

import asyncpg

from rosterline.oneroster.vocabulary import Collection, Status
from rosterline.projector.explain.findings import Finding
from rosterline.projector.explain.subjects import Sought
from rosterline.projector.explain.vendor import ConnectionFacts
from rosterline.projector.store import fetch_stored

PERSON_BY: dict[str, str] = {
    "person_guid": "SELECT person_id FROM mirror.person WHERE person_guid = $1::uuid",
    "person_id": "SELECT person_id FROM mirror.person WHERE person_id = $1",
    "sourced_id": "SELECT person_id FROM mirror.person WHERE person_id = $1",
    "student_number": """
SELECT person_id FROM mirror.person WHERE student_number = $1 ORDER BY person_id LIMIT 10""",
    "staff_number": """
SELECT person_id FROM mirror.person WHERE staff_number = $1 ORDER BY person_id LIMIT 10""",
}
CONNECTION = """
SELECT app, version, scopes, schools, secondary_email, gradebook_sync, tombstones, sees_agents
FROM rosterline.connection WHERE app = $1
"""
IS_LOADING = """
SELECT coalesce(bool_or(loading), true) FROM rosterline.cursor WHERE stream = 'SIS'
"""


async def fetch_person_ids(connection: asyncpg.Connection, sought: Sought) -> list[int]:
    """The people whom an id may mean: several only for a number that several people have."""
    return [row[0] for row in await connection.fetch(PERSON_BY[sought.column], sought.value)]


async def fetch_connection(connection: asyncpg.Connection, app: str) -> ConnectionFacts | None:
    """A vendor's connection by its name."""
    row = await connection.fetchrow(CONNECTION, app)
    if row is None:
        return None
    name, version, scopes, schools, *switches = row
    return ConnectionFacts(
        name, version, tuple(scopes), None if schools is None else tuple(schools), *switches
    )


async def fetch_is_loading(connection: asyncpg.Connection) -> bool:
    """Whether the mirror is being filled, so that rows may be missing."""
    return bool(await connection.fetchval(IS_LOADING))


async def fetch_statuses(
    connection: asyncpg.Connection, findings: Iterable[Finding]
) -> dict[tuple[Collection, str], Status]:
    """What the read model has of the records now."""
    wanted: dict[Collection, list[str]] = defaultdict(list)
    for finding in findings:
        wanted[finding.collection].append(finding.sourced_id)
    return {
        (collection, sourced_id): stored.status
        for collection, sourced_ids in wanted.items()
        for sourced_id, stored in (await fetch_stored(connection, collection, sourced_ids)).items()
    }
