"""Time is an event: each day touches the records that flip on it, and no others."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from random import Random

import pytest

from rosterline.db.tables.mirror import NAMED_DAYS
from rosterline.oneroster.vocabulary import COLLECTIONS, Version
from rosterline.projector.duties import attend
from rosterline.projector.facts import Switches
from rosterline.projector.store import TABLE
from rosterline.sample.generate import generate
from tests.integration.projector.checks import feed_faults, load_differences, replay
from tests.integration.projector.mutation import Mutator
from tests.support.projection import TODAY, Chain, Event, RecordKey, fresh_load, open_chain
from tests.support.servers import Databases

STUDENTS = 100
# Portions as small as this make a person come in several of them.
FEW = 7
FIRST = date(2025, 8, 10)
LAST = date(2026, 7, 6)
# The sample's rows ended before its own today; these end and begin on days of a whole year.
SCATTER = """
UPDATE sis.enrollment SET end_date = $1::date + enrollment_id::int * 7 % 331
WHERE enrollment_id % 4 = 0;
UPDATE sis.district_assignment SET end_date = $1::date + assignment_id::int * 11 % 331
WHERE assignment_id % 3 = 0;
UPDATE sis.relationship SET start_date = $1::date + relationship_id::int * 13 % 331
WHERE relationship_id % 3 = 0;
UPDATE sis.relationship SET end_date = $1::date + 40 + relationship_id::int * 17 % 331
WHERE relationship_id % 4 = 0;
UPDATE sis.roster SET end_date = $1::date + roster_id::int * 19 % 331 WHERE roster_id % 5 = 0;
UPDATE sis.section_staff SET end_date = $1::date + section_staff_id::int * 23 % 331
WHERE section_staff_id % 5 = 0
"""
CLOCK = "SELECT evaluated_on, last_stamp, last_sequence FROM rosterline.clock"
Look = tuple[str, bytes]


@pytest.fixture
async def chain(databases: Databases) -> AsyncIterator[Chain]:
    """A district whose rows begin and end on days of a whole year, loaded before its first day."""
    await generate(
        databases.sis_dsn, students=STUDENTS, seed=5, progress=lambda *_: None, today=LAST
    )
    async with open_chain(databases, part_rows=100, today=FIRST, run_size=11) as opened:
        for statement in SCATTER.split(";"):
            await opened.sis.execute(statement, FIRST)
        await opened.load()
        opened.store.projection.load_people = FEW
        yield opened


async def pass_to(chain: Chain, day: date) -> list[Event]:
    """Let it be another day, and the projector see it; the events of that."""
    chain.store.projection.today = lambda: day
    before = len(chain.store.events)
    await attend(chain.store.projection)
    await chain.store.collect()
    return chain.store.events[before:]


async def look(chain: Chain, day: date) -> dict[RecordKey, Look]:
    """How a first load would make the records on a day; a record not made is absent."""
    drafts = await fresh_load(chain.store.reader, day)
    return {key: (draft.status, draft.digest) for key, draft in drafts.items()}


def differing(before: dict[RecordKey, Look], after: dict[RecordKey, Look]) -> set[RecordKey]:
    """Records that are not the same, leaving out those that were no more and are not made now."""
    keys = before.keys() | after.keys()
    return {key for key in keys if before.get(key) != after.get(key)}


def days(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


async def test_g3_a_year_passes_day_by_day_and_each_day_touches_what_flips_and_no_more(
    chain: Chain,
) -> None:
    shown = await look(chain, FIRST)
    stamps: set[str] = set()
    told = 0
    for day in days(FIRST + timedelta(days=1), LAST):
        events = await pass_to(chain, day)
        if not events:
            continue
        now = await look(chain, day)
        keys = [event.key for event in events]
        assert len(keys) == len(set(keys)), day
        assert set(keys) == differing(shown, now), day
        assert {event.headers["ce-transactionid"] for event in events} == {f"day-{day}"}
        (stamp,) = {event.headers["ce-time"] for event in events}
        assert stamp not in stamps
        stamps.add(stamp)
        told += len(events)
        shown = now
    assert differing(shown, await look(chain, LAST)) == set()
    assert len(stamps) > 150
    assert told > 500
    await check(chain)


async def check(chain: Chain) -> None:
    """Everything that must hold at every moment."""
    assert chain.store.projection.day == chain.store.projection.today()
    assert await load_differences(chain) == []
    assert replay(chain.store.events) == await chain.store.stored()
    assert feed_faults(chain.store.events) == []


async def test_g3_after_a_stop_of_a_year_one_step_tells_what_differs_and_no_more(
    chain: Chain,
) -> None:
    before = await look(chain, FIRST)
    events = await pass_to(chain, LAST)
    assert len({event.key for event in events}) == len(events)
    assert {event.key for event in events} == differing(before, await look(chain, LAST))
    assert {event.operation for event in events} == {"created", "updated", "deleted"}
    assert {event.headers["ce-transactionid"] for event in events} == {f"day-{LAST}"}
    assert len({event.headers["ce-time"] for event in events}) == 1
    await check(chain)


async def test_a_poller_finds_a_days_records_by_their_stamp(chain: Chain) -> None:
    before = await chain.store.reader.fetchval("SELECT last_stamp FROM rosterline.clock")
    events = await pass_to(chain, LAST)
    found = {
        (collection.version.value, collection.entity.value, row["sourced_id"])
        for collection in COLLECTIONS
        for row in await chain.store.reader.fetch(
            f"SELECT sourced_id FROM {TABLE[collection]} WHERE date_last_modified > $1", before
        )
    }
    assert found == {event.key for event in events}


@pytest.mark.parametrize("seed", [1, 2])
async def test_days_and_changes_that_alternate_end_as_a_fresh_load(
    databases: Databases, seed: int
) -> None:
    rng = Random(seed)
    await generate(databases.sis_dsn, students=30, seed=seed, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases, today=FIRST, run_size=11) as chain:
        await chain.load()
        chain.store.projection.load_people = FEW
        mutator = Mutator(chain.sis, rng, TODAY)
        day = FIRST
        while day < LAST:
            done = [await mutator.transaction() for _ in range(rng.choice((0, 1, 3)))]
            await chain.sync()
            day += timedelta(days=rng.choice((1, 1, 2, 5, 30)))
            mutator.today = day
            await pass_to(chain, day)
            assert await load_differences(chain) == [], (seed, day, done)
        await check(chain)


async def test_a_day_on_which_nothing_flips_takes_no_stamp_and_makes_no_event(
    chain: Chain,
) -> None:
    for table, names in NAMED_DAYS.items():
        for name in names:
            await chain.sis.execute(
                f"UPDATE sis.{table} SET {name} = NULL WHERE {name} > $1", FIRST
            )
    await chain.sync()
    stands, quiet = await clock(chain), FIRST + timedelta(days=2)
    assert await pass_to(chain, quiet) == []
    assert await clock(chain) == {**stands, "evaluated_on": quiet}


async def clock(chain: Chain) -> dict[str, object]:
    """The stored clock."""
    (row,) = await chain.store.reader.fetch(CLOCK)
    return dict(row)


async def test_a_clock_that_was_set_back_changes_nothing_and_is_told_of_once(
    chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    day = FIRST + timedelta(days=100)
    await pass_to(chain, day)
    stands = await clock(chain)
    assert "projector.day_back" not in capsys.readouterr().out
    for back in (1, 1, 2, 2, 2):
        assert await pass_to(chain, day - timedelta(days=back)) == []
    assert await clock(chain) == stands
    assert capsys.readouterr().out.count("projector.day_back") == 2
    assert await pass_to(chain, day) == []
    assert await pass_to(chain, LAST)
    await check(chain)


@pytest.mark.parametrize("local_grades", [False, True])
async def test_a_database_of_an_earlier_version_is_computed_anew(
    chain: Chain, *, local_grades: bool
) -> None:
    """It holds nothing of OneRoster 1.1, and has noted neither its day nor its switches."""
    store = chain.store
    wanted = await fresh_load(store.reader, LAST)
    for collection, table in TABLE.items():
        if collection.version is Version.V1P1:
            await store.reader.execute(f"TRUNCATE {table}")
    await store.reader.execute("UPDATE rosterline.clock SET evaluated_on = NULL, switches = NULL")
    await store.restart()
    store.projection.switches = Switches(local_grades=local_grades)
    assert await pass_to(chain, LAST)
    assert (await clock(chain))["evaluated_on"] == LAST
    assert store.projection.clock.switches == Switches(local_grades=local_grades)
    assert wanted.keys() <= (await store.stored()).keys()
    assert local_grades == bool(await load_differences(chain))


async def test_no_day_begins_between_the_parts_of_a_large_transaction(chain: Chain) -> None:
    await chain.sis.execute("UPDATE sis.person SET pronouns = 'any'")
    first, *rest = await chain.source.drain()
    assert len(rest) > 1
    await chain.store.apply([first])
    assert await pass_to(chain, LAST) == []
    await chain.store.apply(rest)
    assert (await clock(chain))["evaluated_on"] == FIRST
    assert await pass_to(chain, LAST)
    await check(chain)


async def test_no_day_begins_while_a_snapshot_is_under_way_and_its_end_makes_it_today(
    chain: Chain,
) -> None:
    begin, *rest = await chain.source.snapshot()
    await chain.store.apply([begin])
    assert await pass_to(chain, LAST) == []
    assert (await clock(chain))["evaluated_on"] == FIRST
    events = await chain.store.apply(rest)
    assert {event.headers["ce-transactionid"].partition("-")[0] for event in events} == {"snapshot"}
    assert (await clock(chain))["evaluated_on"] == LAST
    assert await pass_to(chain, LAST) == []
    await check(chain)


async def test_a_snapshot_takes_no_day_back_when_the_clock_was_set_back(chain: Chain) -> None:
    await pass_to(chain, LAST)
    await pass_to(chain, FIRST)
    assert await chain.store.apply(await chain.source.snapshot()) == []
    assert (await clock(chain))["evaluated_on"] == LAST
    assert await pass_to(chain, LAST) == []
    await check(chain)
