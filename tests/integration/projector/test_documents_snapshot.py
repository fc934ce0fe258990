"""Stream RECORDS beyond its everyday: snapshots, gaps, parts, breaks, and the SIS beside it."""

import asyncio
from random import Random

import pytest

from rosterline.events.source import Gap, TransactionPart
from rosterline.projector.apply import apply
from rosterline.projector.batch import Limits, Received, units
from rosterline.projector.effects import HeldError
from rosterline.projector.guard import Guard
from rosterline.projector.mirror import TABLES
from rosterline.projector.streams import RECORDS, SIS
from tests.integration.projector.checks import (
    feed_faults,
    load_differences,
    mirror_differences,
    replay,
    sequence_faults,
    transaction_faults,
)
from tests.integration.projector.conftest import Loaded
from tests.integration.projector.scribe import scribe_of
from tests.support.fresh import loaded_anew, rows
from tests.support.gradebooks import find_place, put, remove
from tests.support.projection import Chain, Store, open_chain
from tests.support.servers import Databases
from tests.support.written_documents import CATEGORY, ONE_OF_EACH_WRITTEN, Document

DOCUMENTS = "SELECT whole::text FROM {}.document AS whole ORDER BY 1"
SHOWN = "SELECT revision FROM rosterline.cursor WHERE stream = 'RECORDS'"
BREAK_SECONDS = 0.01


async def take(chain: Chain) -> list[Received]:
    """What was written to `records` and is not applied."""
    await chain.store.collect()
    written, chain.store.written = chain.store.written, []
    return written


async def is_mirrored(store: Store) -> bool:
    """Whether the mirror holds exactly what was written."""
    written, mirrored = DOCUMENTS.format("records"), DOCUMENTS.format("mirror")
    return await store.reader.fetch(written) == await store.reader.fetch(mirrored)


def categories(count: int, **members: object) -> list[Document]:
    """So many categories."""
    return [CATEGORY.but(sourcedId=f"category-{number}", **members) for number in range(count)]


async def test_g1_after_a_gap_a_snapshot_brings_what_was_lost(chain: Chain) -> None:
    store = chain.store
    await put(store.reader, *categories(6))
    await chain.sync_records()
    before = await store.stored()
    # Nobody heard of these: a document that is lost, one that is new, and one that is another.
    await remove(store.reader, CATEGORY.but(sourcedId="category-0"))
    revision = await put(store.reader, *categories(8, title="Later")[5:])
    await take(chain)
    gap = store.records.add(Gap(epoch=1, position="0/0", reason="the slot is gone"))
    *messages, end = await store.records.snapshot(rows=2)
    assert await store.apply_records([gap, *messages]) == []
    assert await store.stored() == before
    assert store.projection.records.cursor.loading
    assert await store.reader.fetchval(SHOWN) < revision
    events = await store.apply_records([end])
    assert {(event.version, event.key[2], event.operation) for event in events} == {
        (version, f"category-{number}", operation)
        for version in ("v1p1", "v1p2")
        for number, operation in enumerate(
            ("deleted", "", "", "", "", "updated", "created", "created")
        )
        if operation
    }
    (name,) = {event.headers["ce-transactionid"] for event in events}
    assert name.startswith("records-snapshot-1-")
    assert await store.reader.fetchval(SHOWN) == revision
    assert await is_mirrored(store)
    assert replay(store.events) == await store.stored()
    assert feed_faults(store.events) == []


async def test_a_snapshot_of_documents_is_no_business_of_the_guard(chain: Chain) -> None:
    store = chain.store
    store.projection.guard = Guard(share=0.2, records=5)
    await put(store.reader, *categories(20))
    await chain.sync_records()
    await put(store.reader, *categories(20, status="tobedeleted"))
    assert len(await chain.sync_records()) == 40
    await store.reader.execute("DELETE FROM records.document")
    await take(chain)
    assert await store.apply_records(await store.records.snapshot()) == []
    assert await is_mirrored(store)


async def test_while_documents_are_sent_anew_the_roster_goes_on(chain: Chain) -> None:
    store = chain.store
    await put(store.reader, *categories(4))
    await chain.sync_records()
    messages = await store.records.snapshot(rows=1)
    await store.apply_records(messages[:3])
    await chain.sis.execute("UPDATE sis.district SET name = 'meanwhile'")
    assert {event.entity for event in await chain.sync()} == {"orgs"}
    assert await store.apply_records(messages[3:]) == []
    assert replay(store.events) == await store.stored()


async def test_while_the_sis_is_sent_anew_scores_go_on(chain: Chain) -> None:
    store = chain.store
    messages = await chain.source.snapshot(rows=20)
    await store.apply(messages[:5])
    revision = await put(store.reader, CATEGORY)
    assert len(await chain.sync_records()) == 2
    assert await store.reader.fetchval(SHOWN) == revision
    assert await store.apply(messages[5:]) == []
    assert await load_differences(chain) == []


async def test_g7_while_a_transaction_of_the_sis_is_held_scores_go_on(chain: Chain) -> None:
    projection = chain.store.projection
    projection.guard = Guard(share=0.2, records=5)
    await chain.sis.execute("DELETE FROM sis.roster")
    with pytest.raises(HeldError):
        await chain.sync()
    await put(chain.store.reader, CATEGORY)
    assert len(await chain.sync_records()) == 2


async def test_g9_before_the_first_load_documents_wait_and_come_with_it(
    databases: Databases,
) -> None:
    async with open_chain(databases) as chain:
        store = chain.store
        revision = await put(store.reader, *categories(3))
        assert await chain.sync_records() == []
        assert await is_mirrored(store)
        assert await store.reader.fetchval(SHOWN) < revision
        await chain.sis.execute(
            "INSERT INTO sis.district (district_guid, name) VALUES (gen_random_uuid(), 'A')"
        )
        events = await chain.load()
        assert [event.entity for event in events] == ["orgs"] * 2 + ["categories"] * 6
        assert await store.reader.fetchval(SHOWN) == revision
        assert feed_faults(store.events) == []


async def test_g2_no_reader_sees_a_part_of_many_documents(copies: Databases) -> None:
    async with open_chain(copies, part_rows=3) as chain:
        store = chain.store
        place = await find_place(store.reader)
        await put(store.reader, *map(place.at, ONE_OF_EACH_WRITTEN))
        *parts, last = await take(chain)
        assert len(parts) > 3
        before = await store.stored()
        assert await store.apply_records(parts) == []
        assert store.projection.in_large is store.projection.records
        assert await store.stored() == before
        events = await store.apply_records([last])
        assert len({event.headers["ce-transactionid"] for event in events}) == 1
        assert await is_mirrored(store)
        assert transaction_faults(events) == []


async def test_a_projector_that_dies_between_parts_begins_them_again(copies: Databases) -> None:
    async with open_chain(copies, part_rows=2) as chain:
        store = chain.store
        await put(store.reader, *categories(9))
        parts = await take(chain)
        await store.apply_records(parts[:3])
        await store.restart()
        cursor = store.projection.records.cursor.sequence
        assert cursor < parts[0].sequence
        assert len(await store.apply_records(parts)) == 18
        assert await is_mirrored(store)


async def test_rows_of_a_table_of_the_other_stream_are_none_of_its_business(chain: Chain) -> None:
    assert SIS.tables | RECORDS.tables == set(TABLES)
    assert not SIS.tables & RECORDS.tables
    await put(chain.store.reader, CATEGORY)
    (received,) = await take(chain)
    assert isinstance(received.message, TransactionPart)
    chain.source.sequence += 1
    assert await chain.store.apply([Received(chain.source.sequence, received.message)]) == []
    assert not await is_mirrored(chain.store)


async def test_g4_documents_that_are_cut_off_anywhere_give_the_same_records_once(
    copies: Databases, loaded: Loaded
) -> None:
    rng = Random(3)
    async with open_chain(copies, part_rows=4) as chain:
        store = chain.store
        store.events.extend(loaded.events)
        scribe = await scribe_of(chain.sis, store.reader, rng)
        for _ in range(60):
            await scribe.transaction()
        history = await take(chain)
        first, breaks, given = history[0].sequence, 0, 0
        while given < len(history):
            limits = Limits(rng.choice((1, 2, 200)), rng.choice((5, 2000)))
            applying = asyncio.create_task(apply_all(store, history[given : given + 9], limits))
            limit = rng.expovariate(1 / BREAK_SECONDS) if rng.random() < 0.7 else None
            done, _ = await asyncio.wait({applying}, timeout=limit)
            if done:
                await applying
                await store.collect()
                given += 9
                continue
            applying.cancel()
            await asyncio.gather(applying, return_exceptions=True)
            await store.restart()
            given = store.projection.records.cursor.sequence + 1 - first
            breaks += 1
        assert breaks
        assert await is_mirrored(store)
        assert sequence_faults(store.events) + transaction_faults(store.events) == []
        assert replay(store.events) == await store.stored()
        fresh = await loaded_anew(store.reader, store.projection.day)
        mine = await rows(store.reader)
        assert {key: row for key, row in mine.items() if row[0] == "active"} == {
            key: row for key, row in fresh.items() if row[0] == "active"
        }
        assert await mirror_differences(chain) == []


async def apply_all(store: Store, messages: list[Received], limits: Limits) -> None:
    """Apply messages, leaving the events for later: that may be broken off."""
    for unit in units(messages, limits):
        await apply(store.projection, store.projection.records, unit)
