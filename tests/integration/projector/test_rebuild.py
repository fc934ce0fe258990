"""A rebuild as an operator asks for it: only what differs is written, all of it at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import pytest

from rosterline.projector.answer import rebuild_as_asked
from rosterline.projector.duties import attend
from rosterline.projector.guard import Guard
from rosterline.projector.requests import (
    Kind,
    Outcome,
    Request,
    ask,
    fetch_outcome,
    fetch_request,
    take,
    withdraw,
)
from tests.integration.projector.checks import feed_faults, load_differences, replay
from tests.support.projection import Chain, Event, RecordKey

DAMAGE = """
UPDATE v1p2.users SET document = replace(document, '"givenName"', '"lost"'), digest = ''
WHERE sourced_id IN (SELECT sourced_id FROM v1p2.users WHERE status = 'active' LIMIT 3)
RETURNING 'v1p2', 'users', sourced_id
"""
DELETE_CLASSES = """
DELETE FROM v1p1.classes
WHERE sourced_id IN (SELECT sourced_id FROM v1p1.classes WHERE status = 'active' LIMIT 2)
RETURNING 'v1p1', 'classes', sourced_id
"""
USERS = "SELECT md5(string_agg(document, '' ORDER BY sourced_id)) FROM v1p2.users"
PEOPLE = "SELECT count(*) FROM mirror.person"
INVENT = """
INSERT INTO v1p2.orgs (sourced_id, status, date_last_modified, document, digest, sequence, type)
SELECT 'invented', status, date_last_modified, replace(document, sourced_id, 'invented'), digest,
       sequence, type FROM v1p2.orgs WHERE type = 'school' AND status = 'active' LIMIT 1
RETURNING 'v1p2', 'orgs', sourced_id
"""


async def rebuild(chain: Chain, kind: Kind = Kind.REBUILD) -> tuple[Outcome, list[Event]]:
    """Ask for a rebuild and let the projector attend to it; the outcome and the events."""
    store, told = chain.store, len(chain.store.events)
    number = await ask(store.reader, kind)
    store.projection.next_look = 0
    await attend(store.projection)
    await store.collect()
    outcome = await fetch_outcome(store.reader, number)
    assert outcome is not None
    return outcome, store.events[told:]


async def damage(chain: Chain) -> dict[RecordKey, str]:
    """Change the read model behind the projector's back; how the damaged records were before."""
    before = await chain.store.stored()
    rows = [
        (version, entity, sourced_id)
        for statement in (DAMAGE, DELETE_CLASSES, INVENT)
        for version, entity, sourced_id in await chain.store.reader.fetch(statement)
    ]
    return {
        (version, entity, key): before.get((version, entity, key), "")
        for version, entity, key in rows
    }


@asynccontextmanager
async def beside(chain: Chain) -> AsyncIterator[asyncpg.Connection]:
    """Another connection, as the service opens one."""
    connection = await asyncpg.connect(chain.store.dsn)
    yield connection
    await connection.close()


async def watch(
    dsn: str, looked: asyncio.Event, stop: asyncio.Event, seen: dict[int, set[str]]
) -> None:
    """Read users again and again: what is seen while how many people are done."""
    connection = await asyncpg.connect(dsn)
    while not stop.is_set():
        async with connection.transaction(isolation="repeatable_read"):
            done = await connection.fetchval("SELECT done FROM rosterline.progress")
            users = await connection.fetchval(USERS)
        looked.set()
        if done is not None:
            seen.setdefault(done, set()).add(users)
    await connection.close()


async def test_a_rebuild_of_what_is_right_tells_nothing(chain: Chain) -> None:
    before, clock = await chain.store.stored(), chain.store.projection.clock
    assert await rebuild(chain) == ({"records": 0}, [])
    assert await chain.store.stored() == before
    assert chain.store.projection.clock == clock
    assert await fetch_request(chain.store.reader) is None


async def test_a_rebuild_writes_what_was_damaged_and_nothing_else(chain: Chain) -> None:
    before = await chain.store.stored()
    damaged = await damage(chain)
    assert len(damaged) == 6
    outcome, events = await rebuild(chain)
    assert outcome == {"records": 6}
    assert {event.key for event in events} == set(damaged)
    assert len({event.headers["ce-transactionid"] for event in events}) == 1
    assert events[0].headers["ce-transactionid"].startswith("rebuild-")
    after = await chain.store.stored()
    for key, text in before.items():
        assert (after[key] == text) == (key not in damaged)
    assert await load_differences(chain) == []
    assert replay(events) == {key: after[key] for key in damaged}
    assert (await rebuild(chain))[0] == {"records": 0}


async def test_readers_see_the_old_records_until_all_of_the_new_ones_are_there(
    chain: Chain,
) -> None:
    projection = chain.store.projection
    projection.beside, projection.load_people = partial(beside, chain), 1
    await damage(chain)
    wrong, portions = await chain.store.stored(), await projection.connection.fetchval(PEOPLE)
    looked, stop, seen = asyncio.Event(), asyncio.Event(), dict[int, set[str]]()
    watching = asyncio.create_task(watch(chain.store.dsn, looked, stop, seen))
    await looked.wait()
    await rebuild(chain)
    stop.set()
    await watching
    assert len(seen) > portions / 2
    assert len(set.union(*seen.values())) == 1
    assert await chain.store.stored() != wrong
    assert await chain.store.reader.fetchval("SELECT count(*) FROM rosterline.progress") == 0


async def test_a_rebuild_that_would_delete_too_much_says_so_and_is_done_if_it_is_meant(
    chain: Chain,
) -> None:
    await chain.store.reader.execute("DELETE FROM mirror.roster")
    before = await chain.store.stored()
    chain.store.projection.guard = Guard(share=0.2, records=5)
    outcome, events = await rebuild(chain)
    assert events == []
    assert await chain.store.stored() == before
    assert {loss["collection"] for loss in outcome["refused"]} == {
        "v1p2.enrollments",
        "v1p1.enrollments",
    }
    outcome, events = await rebuild(chain, Kind.RELEASED_REBUILD)
    assert outcome == {"records": len(events)}
    assert {event.operation for event in events} == {"deleted"}
    assert feed_faults(chain.store.events) == []
    assert await load_differences(chain) == []


async def test_a_rebuild_that_fails_says_where_and_the_projector_goes_on(chain: Chain) -> None:
    before = await chain.store.stored()
    await chain.store.reader.execute("UPDATE mirror.term SET start_date = NULL")
    outcome, events = await rebuild(chain)
    assert list(outcome) == ["failed"]
    assert ".py:" in outcome["failed"]
    assert events == []
    assert await chain.store.stored() == before
    await chain.sis.execute("UPDATE sis.person SET given_name = given_name || ' II'")
    await chain.sis.execute("UPDATE sis.term SET name = name || '.'")
    assert await chain.sync()
    assert await load_differences(chain) == []
    assert (await rebuild(chain))[0] == {"records": 0}


async def test_a_request_is_withdrawn_before_it_is_taken_or_not_at_all(chain: Chain) -> None:
    reader, connection = chain.store.reader, chain.store.projection.connection
    number = await ask(reader, Kind.REBUILD)
    async with connection.transaction():
        assert await take(connection, number)
        assert not await withdraw(reader, number)
    assert await withdraw(reader, number)
    assert not await withdraw(reader, number)
    assert not await take(connection, number)


async def test_a_request_that_is_withdrawn_as_it_is_about_to_be_taken_changes_nothing(
    chain: Chain,
) -> None:
    await damage(chain)
    wrong = await chain.store.stored()
    number = await ask(chain.store.reader, Kind.REBUILD)
    assert await withdraw(chain.store.reader, number)
    await rebuild_as_asked(chain.store.projection, Request(number, Kind.REBUILD))
    assert await chain.store.stored() == wrong


async def test_a_projector_that_dies_leaves_the_request_to_the_next_one(chain: Chain) -> None:
    await damage(chain)
    wrong = await chain.store.stored()
    projection = chain.store.projection

    class DyingError(BaseException):
        """The end of a projector."""

    @asynccontextmanager
    async def beside() -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(chain.store.dsn)
        yield connection
        await connection.close()
        raise DyingError

    projection.beside = beside
    await ask(chain.store.reader, Kind.REBUILD)
    with pytest.raises(DyingError):
        await attend(projection)
    await chain.store.restart()
    assert await chain.store.stored() == wrong
    assert await fetch_request(chain.store.reader) is not None
    await attend(chain.store.projection)
    await chain.store.collect()
    assert await load_differences(chain) == []
    assert await fetch_request(chain.store.reader) is None


async def test_a_rebuild_between_messages_leaves_the_position_alone(chain: Chain) -> None:
    await chain.sis.execute("UPDATE sis.district SET name = 'first'")
    await chain.sync()
    cursor = chain.store.projection.sis.cursor
    await damage(chain)
    await rebuild(chain)
    assert chain.store.projection.sis.cursor == cursor
    await chain.sis.execute("UPDATE sis.district SET name = 'second'")
    assert await chain.sync()
    assert await load_differences(chain) == []
