"""G10: what would take too much away is held as a whole, and goes on only when it is released."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosterline.events.source import Gap
from rosterline.projector.batch import Batch, Received, units
from rosterline.projector.effects import HeldError
from rosterline.projector.guard import Guard
from rosterline.projector.holds import Hold, count_active, fetch_hold, fetch_waiting, release
from rosterline.projector.wanted import ENROLLMENTS
from tests.integration.projector.checks import feed_faults, load_differences, mirror_differences
from tests.integration.projector.conftest import Loaded
from tests.support.projection import LIMITS, Chain, Event, open_chain
from tests.support.servers import Databases

WIPE = "DELETE FROM sis.roster"


def strict() -> Guard:
    """A guard for a small district."""
    return Guard(share=0.2, records=5)


@pytest.fixture
async def guarded(chain: Chain) -> Chain:
    """A loaded chain with a guard."""
    chain.store.projection.guard = strict()
    return chain


@pytest.fixture
async def parted(copies: Databases, loaded: Loaded) -> AsyncIterator[Chain]:
    """A guarded chain whose transactions come in parts of three rows."""
    async with open_chain(copies, part_rows=3) as opened:
        opened.store.events.extend(loaded.events)
        opened.store.projection.guard = strict()
        yield opened


async def refused(chain: Chain, messages: list[Received]) -> HeldError:
    """Apply messages as the service does, up to a transaction that is held; its error."""
    with pytest.raises(HeldError) as caught:
        await chain.store.apply(messages)
    held, projection = caught.value, chain.store.projection
    await projection.abandon(projection.sis)
    await projection.keep(projection.sis, held.sequence, held.name, held.losses)
    await chain.store.collect()
    return held


async def let_go(chain: Chain) -> Hold:
    """Release what is held, and let the projector know."""
    projection = chain.store.projection
    (waiting,) = await fetch_waiting(chain.store.reader)
    released = await release(chain.store.reader, waiting.hold_id)
    assert released is not None
    projection.sis.hold = await fetch_hold(
        projection.connection, projection.sis.stream.name, projection.sis.cursor.created
    )
    return released


def behind(chain: Chain, messages: list[Received]) -> list[Received]:
    """The messages that are not applied yet."""
    return [one for one in messages if one.sequence > chain.store.projection.sis.cursor.sequence]


async def restart(chain: Chain) -> None:
    """Another projector, with the guard and with what it finds held."""
    await chain.store.restart()
    projection = chain.store.projection
    projection.guard = strict()
    projection.sis.hold = await fetch_hold(projection.connection, projection.sis.stream.name, "one")


async def visible(chain: Chain) -> tuple[Any, ...]:
    """What others see: records, the mirror, the clock, the position."""
    reader = chain.store.reader
    rosters = await reader.fetch("SELECT * FROM mirror.roster ORDER BY 1")
    clock = await reader.fetchrow("SELECT * FROM rosterline.clock")
    cursor = await reader.fetchrow("SELECT * FROM rosterline.cursor WHERE stream = 'SIS'")
    return await chain.store.stored(), rosters, clock, cursor


async def check(chain: Chain) -> None:
    """What must hold once all is applied."""
    assert await mirror_differences(chain) == []
    assert await load_differences(chain) == []
    assert feed_faults(chain.store.events) == []
    assert await fetch_waiting(chain.store.reader) == []
    ended = "SELECT count(*) FROM rosterline.hold WHERE ended_at IS NULL"
    assert await chain.store.reader.fetchval(ended) == 0
    assert chain.store.projection.sis.hold is None


def one_transaction(events: list[Event]) -> bool:
    """Whether all the events are of one transaction with one stamp."""
    return len({(one.headers["ce-transactionid"], one.headers["ce-time"]) for one in events}) == 1


async def test_g10_a_wipe_is_held_and_leaves_no_trace_until_it_is_released(guarded: Chain) -> None:
    before, told = await visible(guarded), len(guarded.store.events)
    await guarded.sis.execute(WIPE)
    messages = await guarded.source.drain()
    held = await refused(guarded, messages)
    assert await visible(guarded) == before
    assert len(guarded.store.events) == told
    (waiting,) = await fetch_waiting(guarded.store.reader)
    assert (waiting.sequence, waiting.transaction) == (messages[-1].sequence, held.name)
    assert {loss.collection for loss in waiting.losses} == {"v1p2.enrollments", "v1p1.enrollments"}
    for loss in waiting.losses:
        stored = await guarded.store.stored(only_active=True)
        assert loss.active == sum(f"{key[0]}.{key[1]}" == loss.collection for key in stored)
        assert loss.active > loss.losses > 0.2 * loss.active
    await let_go(guarded)
    events = await guarded.store.apply(behind(guarded, messages))
    assert one_transaction(events)
    assert {event.operation for event in events} == {"deleted"}
    assert len(events) == sum(loss.losses for loss in waiting.losses)
    await check(guarded)


async def test_g10_what_comes_before_a_wipe_in_a_batch_is_applied_and_what_follows_waits(
    guarded: Chain,
) -> None:
    for number in range(7):
        await guarded.sis.execute("UPDATE sis.district SET name = $1", f"before {number}")
    await guarded.sis.execute(WIPE)
    await guarded.sis.execute("UPDATE sis.school SET state_number = 'after'")
    (*_, batch) = units(await guarded.source.drain(), LIMITS)
    messages = [one for one in guarded.source.history if one.sequence > 0]
    assert isinstance(batch, Batch)
    assert len(batch.transactions) > 1
    held = await refused(guarded, behind(guarded, messages))
    assert guarded.store.projection.sis.cursor.sequence == held.sequence - 1
    shown = [text for key, text in (await guarded.store.stored()).items() if key[1] == "orgs"]
    assert any("before 6" in text for text in shown)
    await let_go(guarded)
    events = await guarded.store.apply(behind(guarded, messages))
    assert '"identifier":"after"' in events[-1].data
    await check(guarded)


async def test_g10_many_small_losses_in_one_batch_are_no_wipe(guarded: Chain) -> None:
    rosters = await guarded.sis.fetch("SELECT roster_id FROM sis.roster ORDER BY 1")
    for row in rosters:
        await guarded.sis.execute("DELETE FROM sis.roster WHERE roster_id = $1", row[0])
    events = await guarded.sync()
    assert len(events) > len(rosters) / 2
    await check(guarded)


async def test_g10_a_small_share_of_a_collection_goes_at_once(guarded: Chain) -> None:
    lost = "SELECT roster_id FROM sis.roster WHERE end_date IS NULL ORDER BY 1 LIMIT 15"
    await guarded.sis.execute(f"DELETE FROM sis.roster WHERE roster_id IN ({lost})")
    events = await guarded.sync()
    assert len(events) > 10
    assert one_transaction(events)
    await check(guarded)


async def test_g10_few_records_go_however_large_their_share_is(guarded: Chain) -> None:
    guarded.store.projection.guard = Guard(share=0.2, records=100_000)
    await guarded.sis.execute(WIPE)
    assert await guarded.sync()
    await check(guarded)


async def test_g10_a_large_transaction_is_held_with_all_its_parts(parted: Chain) -> None:
    before = await visible(parted)
    await parted.sis.execute("UPDATE sis.district SET name = 'before'")
    async with parted.sis.transaction():
        await parted.sis.execute("UPDATE sis.section SET room = 'other'")
        await parted.sis.execute(WIPE)
    messages = await parted.source.drain()
    assert len(messages) > 10
    held = await refused(parted, messages)
    assert held.sequence == messages[-1].sequence
    assert parted.store.projection.sis.cursor.sequence == messages[0].sequence
    assert (await visible(parted))[1] == before[1]
    await let_go(parted)
    assert one_transaction(await parted.store.apply(behind(parted, messages)))
    await check(parted)


@pytest.mark.parametrize("rows", [500, 3])
async def test_g10_the_end_of_a_snapshot_is_held(guarded: Chain, rows: int) -> None:
    before = await guarded.store.stored()
    await guarded.sis.execute(WIPE)
    await guarded.source.wal.drain()
    gap = guarded.source.add(Gap(epoch=2, position="0/0", reason="the slot is gone"))
    messages = [gap, *await guarded.source.snapshot(rows=rows)]
    held = await refused(guarded, messages)
    assert held.sequence == messages[-1].sequence
    assert await guarded.store.stored() == before
    assert guarded.store.projection.sis.cursor.sequence == held.sequence - 1
    await let_go(guarded)
    assert one_transaction(await guarded.store.apply(behind(guarded, messages)))
    await check(guarded)


async def test_g10_a_transaction_that_is_met_again_keeps_its_hold_and_its_release(
    guarded: Chain,
) -> None:
    await guarded.sis.execute(WIPE)
    messages = await guarded.source.drain()
    for _ in range(3):
        await refused(guarded, messages)
        await restart(guarded)
    assert len(await fetch_waiting(guarded.store.reader)) == 1
    await let_go(guarded)
    await restart(guarded)
    assert await guarded.store.apply(messages)
    await check(guarded)
    assert await guarded.store.reader.fetchval("SELECT count(*) FROM rosterline.hold") == 1


async def test_g10_a_release_is_good_for_one_transaction_only(guarded: Chain) -> None:
    await guarded.sis.execute(WIPE)
    first = await guarded.source.drain()
    await refused(guarded, first)
    await let_go(guarded)
    await guarded.sis.execute("DELETE FROM sis.section_staff; DELETE FROM sis.section_term")
    second = await guarded.source.drain()
    held = await refused(guarded, behind(guarded, [*first, *second]))
    assert held.sequence == second[-1].sequence
    (waiting,) = await fetch_waiting(guarded.store.reader)
    assert waiting.sequence == held.sequence
    await let_go(guarded)
    await guarded.store.apply(behind(guarded, second))
    await check(guarded)


async def test_g10_a_guard_that_is_set_wider_ends_the_hold(guarded: Chain) -> None:
    await guarded.sis.execute(WIPE)
    messages = await guarded.source.drain()
    await refused(guarded, messages)
    guarded.store.projection.guard = Guard()
    assert await guarded.store.apply(behind(guarded, messages))
    await check(guarded)


async def test_g10_what_comes_and_goes_is_counted_on(guarded: Chain) -> None:
    """Many small deletions leave less and less; what they leave decides over the next one."""
    delete = "DELETE FROM sis.{0} WHERE {0}_id IN (SELECT {0}_id FROM sis.{0} ORDER BY 1 LIMIT 8)"
    gone = 0
    while gone < 1000:
        async with guarded.sis.transaction():
            for table in ("roster", "section_staff"):
                await guarded.sis.execute(delete.format(table))
        messages = await guarded.source.drain()
        active = await count_active(guarded.store.reader, ENROLLMENTS)
        before = len(guarded.store.events)
        try:
            await guarded.store.apply(messages)
        except HeldError as held:
            (loss,) = [one for one in held.losses if one.collection == "v1p2.enrollments"]
            assert loss.active == active
            assert loss.losses > 0.2 * active
            break
        lost = [one for one in guarded.store.events[before:] if one.version == "v1p2"]
        assert len(lost) < 5 or len(lost) <= 0.2 * active
        gone += 10
    assert 0 < gone < 1000


async def test_g10_nothing_is_counted_while_few_records_go(guarded: Chain) -> None:
    guarded.store.projection.guard = Guard(share=0.2, records=50)
    asked: list[str] = []
    connection = guarded.store.projection.connection
    with connection.query_logger(lambda query: asked.append(query.query)):
        for number in range(3):
            await guarded.sis.execute("UPDATE sis.district SET name = $1", f"name {number}")
            await guarded.sync()
    assert asked
    assert not any("status = 'active' LIMIT" in query for query in asked)
