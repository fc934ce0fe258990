"""The whole district in portions: for the first load, and to compute everything anew.

The same rules and the same writing as for a single change; only the keys come from the mirror
instead of a transaction.
"""

from collections.abc import AsyncIterator

import asyncpg

from rosterline.oneroster.vocabulary import (
    COLLECTIONS,
    WRITTEN_COLLECTIONS,
    Collection,
    Entity,
    Version,
)
from rosterline.projector.scopes import Scope, Touched
from rosterline.projector.store import TABLE
from rosterline.projector.wanted import Wanted

FOUNDATION: dict[Scope, str] = {
    Scope.ORG: """
SELECT district_guid::text FROM mirror.district
UNION ALL SELECT school_guid::text FROM mirror.school""",
    Scope.SCHOOL_YEAR: "SELECT school_year_id FROM mirror.school_year",
    Scope.TERM: "SELECT term_id FROM mirror.term",
    Scope.COURSE: "SELECT course_id FROM mirror.course",
    Scope.SECTION: "SELECT section_id FROM mirror.section",
}
PEOPLE_AFTER = """
SELECT person_id FROM mirror.person WHERE person_id > $1 ORDER BY person_id LIMIT $2
"""
PLACES: dict[Scope, str] = {
    Scope.ROSTER: "SELECT roster_id FROM mirror.roster WHERE person_id = ANY($1::bigint[])",
    Scope.SECTION_STAFF: """
SELECT section_staff_id FROM mirror.section_staff WHERE person_id = ANY($1::bigint[])""",
}
# What a record stands for; asked when a mirror was filled anew.
SOURCES: dict[Entity, tuple[str, ...]] = {
    Entity.ORGS: (
        "mirror.district WHERE district_guid::text = record.sourced_id",
        "mirror.school WHERE school_guid::text = record.sourced_id",
    ),
    Entity.ACADEMIC_SESSIONS: (
        "mirror.term WHERE term_id::text = record.sourced_id",
        "mirror.term WHERE 'gp' || term_id = record.sourced_id",
        "mirror.school_year WHERE 'sy' || school_year_id = record.sourced_id",
    ),
    Entity.COURSES: ("mirror.course WHERE course_id::text = record.sourced_id",),
    Entity.CLASSES: ("mirror.section WHERE section_id::text = record.sourced_id",),
    Entity.USERS: ("mirror.person WHERE person_guid::text = record.sourced_id",),
    Entity.DEMOGRAPHICS: ("mirror.person WHERE person_guid::text = record.sourced_id",),
    Entity.ENROLLMENTS: (
        "mirror.roster WHERE 'r' || roster_id = record.sourced_id",
        "mirror.section_staff WHERE 't' || section_staff_id = record.sourced_id",
    ),
}
# What is written stands for itself.
DOCUMENT = (
    "mirror.document WHERE collection = '{collection}' "
    'AND document.sourced_id COLLATE "C" = record.sourced_id'
)
# In 1.1 a person's ids are a letter and the number of the person.
PEOPLE = (Entity.USERS, Entity.DEMOGRAPHICS)
NUMBERED_PERSON = ("mirror.person WHERE person_id::text = substr(record.sourced_id, 2)",)
LEAST_KEY = -(2**63)
COUNT_PEOPLE = "SELECT count(*) FROM mirror.person"


async def portions(connection: asyncpg.Connection, people: int) -> AsyncIterator[Touched]:
    """All rows of the mirror: first what classes need, then people with their places in classes."""
    foundation = Touched()
    for scope, query in FOUNDATION.items():
        for (key,) in await connection.fetch(query):
            foundation.add(scope, key, 0)
    yield foundation
    after = LEAST_KEY
    while keys := [row[0] for row in await connection.fetch(PEOPLE_AFTER, after, people)]:
        touched = Touched()
        for key in keys:
            touched.add(Scope.PERSON, key, 0)
            touched.add(Scope.DEMOGRAPHICS, key, 0)
        for scope, query in PLACES.items():
            for (key,) in await connection.fetch(query, keys):
                touched.add(scope, key, 0)
        yield touched
        after = keys[-1]


async def orphans(
    connection: asyncpg.Connection, *, written: bool = False
) -> AsyncIterator[Wanted]:
    """Active records that nothing in the mirror stands for: they should be no more.

    Those of the SIS, or those that are `written`.
    """
    for collection in WRITTEN_COLLECTIONS if written else COLLECTIONS:
        sourced_ids = await fetch_orphans(connection, collection)
        yield Wanted(collection, dict.fromkeys(sourced_ids, (None, 0)))


def orphans_query(collection: Collection) -> str:
    """Active records that nothing in the mirror stands for."""
    sources = SOURCES.get(collection.entity, (DOCUMENT.format(collection=collection.entity),))
    if collection.version is Version.V1P1 and collection.entity in PEOPLE:
        sources = NUMBERED_PERSON
    absent = "".join(f" AND NOT EXISTS (SELECT FROM {source})" for source in sources)
    return (
        f"SELECT record.sourced_id FROM {TABLE[collection]} AS record "
        f"WHERE status = 'active'{absent}"
    )


async def fetch_orphans(connection: asyncpg.Connection, collection: Collection) -> list[str]:
    """The ids that `orphans_query` finds."""
    return [row[0] for row in await connection.fetch(orphans_query(collection))]


async def count_people(connection: asyncpg.Connection) -> int:
    """How many people a load has before it."""
    return int(await connection.fetchval(COUNT_PEOPLE))
