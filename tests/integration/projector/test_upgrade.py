"""A database of an older version: not readable until the projector has computed it anew (G9)."""

import asyncio
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import create_engine

from rosterline.db.addresses import sqlalchemy_url
from rosterline.db.migrate import move
from rosterline.oneroster.vocabulary import COLLECTIONS, ROSTER, Collection, Version
from rosterline.projector.duties import attend
from rosterline.projector.store import TABLE
from tests.integration.projector.checks import feed_faults, load_differences, replay
from tests.support.projection import TODAY, Chain

UNFILLED = "SELECT count(*) FROM {table} WHERE schools IS DISTINCT FROM '{{}}' OR digest <> ''"
# Of each class of a current school, a student of another school: who has no business with either.
STRANGERS = """
INSERT INTO sis.roster
SELECT 800000 + section_id, section_id, (
    SELECT min(person_id) FROM sis.enrollment AS held JOIN sis.calendar AS own USING (calendar_id)
    WHERE own.school_guid <> calendar.school_guid AND held.end_date IS NULL
), NULL, NULL
FROM sis.section JOIN sis.course USING (course_id) JOIN sis.calendar USING (calendar_id)
"""
# Students who are staff at another school, and have a birth date.
STUDENTS_WHO_ARE_STAFF = """
INSERT INTO sis.district_assignment
SELECT 800000 + person_id, person_id, (
    SELECT min(school_guid::text)::uuid FROM sis.school WHERE school_guid <> calendar.school_guid
), calendar.start_date, NULL, true, '{}', false
FROM sis.enrollment AS held JOIN sis.calendar USING (calendar_id)
JOIN sis.school_year USING (school_year_id)
WHERE school_year.active AND held.end_date IS NULL AND service_type = 'P'
"""


def age(dsn: str, revision: str) -> None:
    """Make of a database what an older version left, and bring it to this one."""
    engine = create_engine(sqlalchemy_url(dsn))
    with engine.begin() as connection:
        move(connection, "rosterline", revision, command.downgrade)
        move(connection, "rosterline", "head", command.upgrade)
    engine.dispose()


async def is_ready(chain: Chain) -> bool:
    """Whether the API may answer."""
    return bool(await chain.store.reader.fetchval("SELECT ready FROM rosterline.clock"))


async def some_leave(chain: Chain) -> None:
    """Leave tombstones behind: two students go, and half of the rosters' rows."""
    await chain.sis.execute(
        "UPDATE sis.enrollment SET end_date = $1 WHERE person_id IN "
        "(SELECT person_id FROM sis.enrollment ORDER BY 1 LIMIT 4)",
        TODAY - timedelta(days=1),
    )
    await chain.sis.execute("DELETE FROM sis.roster WHERE roster_id % 2 = 0")
    assert {event.operation for event in await chain.sync()} >= {"deleted"}


async def gone(chain: Chain, collection: Collection) -> list[object]:
    """The tombstones with the columns that their documents tell; no document tells schools."""
    rows = await chain.store.reader.fetch(
        f"SELECT * FROM {TABLE[collection]} WHERE status = 'tobedeleted' ORDER BY sourced_id"
    )
    return [
        {name: value for name, value in row.items() if name not in {"digest", "schools"}}
        for row in map(dict, rows)
    ]


async def test_g9_an_older_database_is_filled_before_it_is_readable(chain: Chain) -> None:
    await some_leave(chain)
    before = await chain.store.stored()
    tombstones = {each: await gone(chain, each) for each in COLLECTIONS}
    await asyncio.to_thread(age, chain.store.dsn, "0002")
    await chain.store.restart()
    assert not await is_ready(chain)
    for collection in COLLECTIONS:
        assert await chain.store.reader.fetchval(UNFILLED.format(table=TABLE[collection])) == 0
        assert await gone(chain, collection) == tombstones[collection]
    await attend(chain.store.projection)
    await chain.store.collect()
    assert await is_ready(chain)
    assert await load_differences(chain) == []
    assert feed_faults(chain.store.events) == []
    after = await chain.store.stored()
    assert replay(chain.store.events) == after
    assert after.keys() == before.keys()


async def test_g5_an_upgrade_lets_nobody_depart_from_a_school(chain: Chain) -> None:
    """Connections limited to schools never saw anything before it."""
    for statement in (STRANGERS, STUDENTS_WHO_ARE_STAFF):
        assert await chain.sis.execute(statement) != "INSERT 0 0"
    await chain.sync()
    await some_leave(chain)
    await asyncio.to_thread(age, chain.store.dsn, "0002")
    await chain.store.restart()
    await attend(chain.store.projection)
    assert await chain.store.reader.fetch("SELECT collection FROM rosterline.departed") == []
    for collection in COLLECTIONS:
        if collection.entity in ROSTER:
            query = f"SELECT count(*) FROM {TABLE[collection]} WHERE schools <> '{{}}'"
            assert await chain.store.reader.fetchval(query) > 0


async def test_g9_a_change_of_an_older_database_waits_until_it_is_filled(chain: Chain) -> None:
    await asyncio.to_thread(age, chain.store.dsn, "0001")
    await chain.store.restart()
    assert await chain.store.reader.fetchval("SELECT count(*) FROM v1p1.users") == 0
    await chain.sis.execute("UPDATE sis.person SET given_name = 'Other'")
    await attend(chain.store.projection)
    assert await is_ready(chain)
    await chain.sync()
    assert await load_differences(chain) == []
    for version in Version:
        for entity in ROSTER:
            table = TABLE[Collection(version, entity)]
            assert await chain.store.reader.fetchval(f"SELECT count(*) FROM {table}") > 0


async def test_an_empty_database_is_no_older_one(chain: Chain) -> None:
    """What has not been loaded is loaded, and not computed anew from an empty mirror."""
    await chain.store.connection.execute("UPDATE rosterline.clock SET ready = false")
    await chain.store.connection.execute("UPDATE rosterline.cursor SET loading = true")
    await chain.store.restart()
    await attend(chain.store.projection)
    assert not await is_ready(chain)


@pytest.mark.parametrize("first", [True, False])
async def test_a_load_leaves_all_indexes(chain: Chain, first: bool) -> None:
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('v1p1', 'v1p2') ORDER BY 1"
    indexes = [row[0] for row in await chain.store.reader.fetch(query)]
    await chain.store.connection.execute("UPDATE rosterline.clock SET ready = $1", not first)
    await chain.store.restart()
    await chain.load()
    assert await is_ready(chain)
    assert [row[0] for row in await chain.store.reader.fetch(query)] == indexes
