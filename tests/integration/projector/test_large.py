"""A large transaction comes in parts and becomes visible whole, or not at all (G2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosterline.events.source import Gap, TransactionPart
from rosterline.projector.batch import Received, units
from tests.integration.projector.checks import feed_faults, load_differences, mirror_differences
from tests.integration.projector.conftest import Loaded
from tests.support.projection import LIMITS, Chain, open_chain
from tests.support.servers import Databases

RENAME_ALL = "UPDATE sis.person SET given_name = given_name || ' renamed'"
TABLES = ("district", "school", "person", "roster")


@pytest.fixture
async def parted(copies: Databases, loaded: Loaded) -> AsyncIterator[Chain]:
    """A loaded chain whose transactions come in parts of three rows."""
    async with open_chain(copies, part_rows=3) as opened:
        opened.store.events.extend(loaded.events)
        yield opened


async def large(chain: Chain) -> list[Received]:
    """The parts of one large transaction."""
    async with chain.sis.transaction():
        await chain.sis.execute(RENAME_ALL)
        await chain.sis.execute("UPDATE sis.section SET room = 'other'")
        await chain.sis.execute("DELETE FROM sis.roster")
    parts = await chain.source.drain()
    assert len(parts) > 10
    return parts


async def visible(chain: Chain) -> tuple[Any, ...]:
    """What other connections see: records, mirror, clock and cursor."""
    reader = chain.store.reader
    mirror = [await reader.fetch(f"SELECT * FROM mirror.{name} ORDER BY 1") for name in TABLES]
    clock = await reader.fetchrow("SELECT * FROM rosterline.clock")
    cursor = await reader.fetchrow("SELECT * FROM rosterline.cursor WHERE stream = 'SIS'")
    return await chain.store.stored(), mirror, clock, cursor


async def test_no_reader_sees_a_part(parted: Chain) -> None:
    before, told = await visible(parted), len(parted.store.events)
    *parts, last = units(await large(parted), LIMITS)
    for part in parts:
        await parted.store.apply_unit(part)
        assert await visible(parted) == before
        assert len(parted.store.events) == told
    await parted.store.apply_unit(last)
    events = parted.store.events[told:]
    assert len({event.headers["ce-transactionid"] for event in events}) == 1
    assert len({event.headers["ce-time"] for event in events}) == 1
    assert feed_faults(parted.store.events) == []
    assert await load_differences(parted) == []
    assert await mirror_differences(parted) == []


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
async def test_a_projector_that_dies_between_parts_leaves_nothing(
    parted: Chain, share: float
) -> None:
    before, told = await visible(parted), len(parted.store.events)
    parts = await large(parted)
    for part in parts[: 1 + int(share * (len(parts) - 2))]:
        await parted.store.apply_unit(part)
    await parted.store.restart()
    assert await visible(parted) == before
    cursor = parted.store.projection.sis.cursor.sequence
    await parted.store.apply([part for part in parts if part.sequence > cursor])
    assert len({event.key for event in parted.store.events[told:]}) == (
        len(parted.store.events) - told
    )
    assert feed_faults(parted.store.events) == []
    assert await load_differences(parted) == []
    assert await mirror_differences(parted) == []


async def test_transactions_before_and_after_a_large_one_keep_their_places(parted: Chain) -> None:
    await parted.sis.execute("UPDATE sis.district SET name = 'first'")
    await parted.sis.execute(RENAME_ALL)
    await parted.sis.execute("UPDATE sis.district SET name = 'last'")
    events = await parted.sync()
    assert '"first"' in events[0].data
    assert '"last"' in events[-1].data
    assert len(events) > 10
    assert feed_faults(parted.store.events) == []


async def test_a_row_changed_in_many_parts_is_told_once(parted: Chain) -> None:
    async with parted.sis.transaction():
        for number in range(20):
            await parted.sis.execute("UPDATE sis.district SET name = $1", f"name {number}")
            await parted.sis.execute("UPDATE sis.school SET state_number = $1", str(number))
    events = await parted.sync()
    assert len(events) == len({event.key for event in events})
    assert await load_differences(parted) == []


async def test_a_snapshot_between_the_parts_lets_the_rest_of_them_count(parted: Chain) -> None:
    """Capture was started anew inside a transaction, and asked to read tables again."""
    parts = await large(parted)
    half = len(parts) // 2
    told = len(parted.store.events)
    snapshot = [
        Received(part.sequence, part.message)
        for part in await parted.source.snapshot(("district", "school"))
    ]
    await parted.store.apply(parts[:half])
    await parted.store.apply(snapshot[:-1])
    await parted.store.apply(parts[half:])
    assert len(parted.store.events) == told
    await parted.store.apply(snapshot[-1:])
    assert await load_differences(parted) == []
    assert await mirror_differences(parted) == []
    assert feed_faults(parted.store.events) == []
    await parted.sis.execute("UPDATE sis.district SET name = 'after'")
    assert len(await parted.sync()) == 2
    await parted.store.restart()
    assert await load_differences(parted) == []


async def test_a_gap_between_the_parts_drops_those_that_came(parted: Chain) -> None:
    before, told = await visible(parted), len(parted.store.events)
    parts = await large(parted)
    await parted.store.apply(parts[: len(parts) // 2])
    gap = Gap(epoch=2, position="0/0", reason="the slot is gone")
    await parted.store.apply([parted.source.add(gap)])
    after = await visible(parted)
    assert after[:3] == before[:3]
    assert after[3]["sequence"] == parted.source.sequence
    await parted.store.apply(await parted.source.snapshot())
    assert await load_differences(parted) == []
    assert await mirror_differences(parted) == []
    assert feed_faults(parted.store.events) == []
    assert len(parted.store.events) > told


async def test_parts_say_which_they_are(parted: Chain) -> None:
    parts = [part.message for part in await large(parted)]
    assert all(isinstance(part, TransactionPart) for part in parts)
    numbers = [part.part for part in parts if isinstance(part, TransactionPart)]
    assert numbers == list(range(1, len(parts) + 1))
