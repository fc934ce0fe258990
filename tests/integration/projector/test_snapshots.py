"""A snapshot over a mirror that is not empty: what vanished goes, only differences are told."""

from datetime import datetime
from random import Random

import pytest

from rosterline.db.tables.sis import TABLES
from rosterline.events.source import Gap
from rosterline.oneroster.vocabulary import COLLECTIONS, Collection
from rosterline.projector.load import orphans_query
from tests.integration.projector.checks import (
    feed_faults,
    load_differences,
    mirror_differences,
    replay,
)
from tests.integration.projector.mutation import Mutator
from tests.support.projection import TODAY, Chain, open_chain, utc_now
from tests.support.servers import Databases


async def lose_changes(chain: Chain, seed: int) -> None:
    """Change the SIS behind the projector's back."""
    mutator = Mutator(chain.sis, Random(seed), TODAY)
    for _ in range(30):
        await mutator.transaction()
    await chain.sis.execute("DELETE FROM sis.user_account")
    await chain.source.wal.drain()


async def check_state(chain: Chain) -> None:
    """What must hold of mirror and records afterwards."""
    assert await mirror_differences(chain) == []
    assert await load_differences(chain) == []
    assert replay(chain.store.events) == await chain.store.stored()


async def check(chain: Chain) -> None:
    """Everything that must hold afterwards."""
    await check_state(chain)
    assert feed_faults(chain.store.events) == []


@pytest.mark.parametrize(("seed", "rows"), [(1, 500), (2, 1), (3, 3)])
async def test_after_a_gap_a_snapshot_brings_everything_right_at_once(
    chain: Chain, seed: int, rows: int
) -> None:
    await lose_changes(chain, seed)
    before, told = await chain.store.stored(), len(chain.store.events)
    gap = chain.source.add(Gap(epoch=2, position="0/0", reason="the slot is gone"))
    *messages, end = await chain.source.snapshot(rows=rows)
    for message in (gap, *messages):
        await chain.store.apply_unit(message)
    assert len(chain.store.events) == told
    assert await chain.store.stored() == before
    await chain.store.apply_unit(end)
    events = chain.store.events[told:]
    assert events
    assert len({event.headers["ce-transactionid"] for event in events}) == 1
    after = await chain.store.stored()
    assert {event.key for event in events} == {
        key for key, text in after.items() if before.get(key) != text
    }
    await check(chain)


async def test_a_snapshot_of_what_is_known_already_tells_nothing(chain: Chain) -> None:
    clock = chain.store.projection.clock
    assert await chain.store.apply(await chain.source.snapshot(rows=4)) == []
    assert chain.store.projection.clock == clock
    await check(chain)


async def test_tables_that_are_not_read_anew_stay(chain: Chain) -> None:
    await chain.sis.execute("DELETE FROM sis.roster WHERE roster_id % 2 = 0")
    await chain.source.wal.drain()
    events = await chain.store.apply(await chain.source.snapshot(("roster", "section_staff")))
    assert {event.entity for event in events} == {"enrollments"}
    assert {event.operation for event in events} == {"deleted"}
    await check(chain)


async def test_an_empty_sis_takes_everything_away(chain: Chain) -> None:
    await chain.sis.execute("TRUNCATE " + ", ".join(f"sis.{table}" for table in TABLES))
    await chain.source.wal.drain()
    events = await chain.store.apply(await chain.source.snapshot())
    assert {event.operation for event in events} == {"deleted"}
    assert await chain.store.stored(only_active=True) == {}
    await check(chain)


@pytest.mark.parametrize("seed", [4, 5])
async def test_changes_during_a_snapshot_count(chain: Chain, seed: int) -> None:
    await lose_changes(chain, seed)
    mutator = Mutator(chain.sis, Random(seed), TODAY)
    assert await chain.store.apply(
        await chain.source.snapshot(rows=20, meanwhile=mutator.transaction)
    )
    await check(chain)
    for _ in range(5):
        await mutator.transaction()
        await chain.sync()
    await check(chain)


@pytest.mark.parametrize("seed", [6, 7])
async def test_a_snapshot_goes_on_after_the_projector_died_in_it(chain: Chain, seed: int) -> None:
    rng = Random(seed)
    await lose_changes(chain, seed)
    messages = await chain.source.snapshot(rows=5)
    stops = sorted(rng.sample(range(len(messages)), 4))
    for message in messages:
        await chain.store.apply_unit(message)
        if message.sequence - messages[0].sequence in stops:
            await chain.store.restart()
            assert chain.store.projection.sis.cursor.sequence == message.sequence
    await check(chain)


class DyingError(Exception):
    """The end of a projector."""


async def test_a_first_load_that_never_ended_leaves_nothing_of_a_sis_that_is_no_more(
    databases: Databases, copies: Databases
) -> None:
    """The load died after some portions; when it began again, the SIS was another one."""
    looks = iter(range(8))

    def now() -> datetime:
        if next(looks, None) is None:
            raise DyingError
        return utc_now()

    both = Databases(copies.sis_dsn, databases.dsn)
    async with open_chain(both, load_people=7, now=now) as chain:
        with pytest.raises(DyingError):
            await chain.load()
        chain.store.options.pop("now")
        await chain.store.restart()
        assert chain.store.events
        assert not chain.store.projection.clock.ready
        await chain.sis.execute(
            "DELETE FROM sis.section_term; UPDATE sis.term SET term_id = -term_id"
        )
        await chain.source.wal.drain()
        await chain.store.apply(await chain.source.snapshot())
        assert chain.store.projection.clock.ready
        await check_state(chain)


async def test_people_with_negative_ids_are_loaded(chain: Chain) -> None:
    await chain.sis.execute(
        "INSERT INTO sis.person (person_id, person_guid, given_name, family_name) "
        "VALUES (-5, gen_random_uuid(), 'A', 'B');"
        "UPDATE sis.district_assignment SET person_id = -5"
    )
    await chain.source.wal.drain()
    await chain.store.apply(await chain.source.snapshot())
    guid = await chain.sis.fetchval("SELECT person_guid FROM sis.person WHERE person_id = -5")
    assert ("v1p2", "users", str(guid)) in await chain.store.stored(only_active=True)
    await check(chain)


@pytest.mark.parametrize("collection", COLLECTIONS, ids=".".join)
async def test_orphans_are_found_by_hashing_whatever_their_number(
    chain: Chain, collection: Collection
) -> None:
    reader = chain.store.reader
    await reader.execute("SET work_mem = '64kB'")
    plan = "\n".join(row[0] for row in await reader.fetch(f"EXPLAIN {orphans_query(collection)}"))
    assert "Anti Join" in plan
    assert "SubPlan" not in plan
