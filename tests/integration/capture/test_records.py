"""The Rosterline database: rows of `records` into RECORDS, the outbox into ONEROSTER."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from nats.aio.client import Client

from rosterline.capture.service import serve_records
from rosterline.events.change import OUTBOX_PREFIX, ChangeEvent
from rosterline.events.source import Gap, SnapshotEnd, SnapshotRows, TransactionPart
from rosterline.events.subjects import gap_subject
from rosterline.launch.embedded import EmbeddedNats
from rosterline.oneroster.vocabulary import Entity, Version
from tests.integration.capture.scenes import Scene, check_whole, freed, open_scene, short_life
from tests.support.running import running, until
from tests.support.servers import RECORDS_PUBLICATION, Databases
from tests.support.streams import last_sequence, read_all, read_source

EMIT = f"""
SELECT count(pg_logical_emit_message(true, '{OUTBOX_PREFIX}', message))
FROM unnest($1::text[]) AS message
"""
WRITE = "INSERT INTO records.document (collection, sourced_id, body) VALUES ('results', $1, $2)"
POSITION = "Rosterline-Position"


def event(sequence: int, sourced_id: str = "", *, last: bool = False) -> ChangeEvent:
    """An event as the projector makes one."""
    return ChangeEvent(
        epoch="e",
        sequence=sequence,
        district="district",
        version=Version.V1P2,
        entity=Entity.USERS,
        operation="updated",
        sourced_id=sourced_id or f"id-{sequence}",
        time="2025-09-01T12:00:00.000Z",
        transaction="1-0/64",
        index=sequence,
        last=last,
        data=orjson.dumps({"user": {"sourcedId": sourced_id, "n": sequence}}).decode(),
    )


async def emit(connection: asyncpg.Connection, *events: ChangeEvent) -> None:
    """Put events into the outbox, in a transaction of their own unless one is open."""
    await connection.execute(EMIT, [one.outbox_text() for one in events])


@asynccontextmanager
async def open_records(
    databases: Databases, nats: EmbeddedNats, **changes: Any
) -> AsyncIterator[tuple[Scene, asyncpg.Connection]]:
    """A scene, and a connection to the Rosterline database."""
    own = await asyncpg.connect(databases.dsn)
    try:
        async with open_scene(databases, nats, **changes) as scene:
            yield scene, own
    finally:
        await own.close()


async def stored(client: Client) -> list[tuple[str, dict[str, str], bytes]]:
    """The events of ONEROSTER, as published."""
    return await read_all(client, "ONEROSTER")


async def ready(client: Client) -> None:
    """Wait until the first snapshot is whole."""

    async def ended() -> bool:
        if not await last_sequence(client, "RECORDS"):
            return False
        return any(isinstance(m, SnapshotEnd) for m in await read_source(client, "RECORDS"))

    await until(ended)


async def arrived(client: Client, count: int) -> list[tuple[str, dict[str, str], bytes]]:
    """Wait for so many events."""

    async def enough() -> bool:
        return await last_sequence(client, "ONEROSTER") >= count

    await until(enough)
    return await stored(client)


async def test_written_records_stream_as_rows_and_their_events_stay_out(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_records(databases, nats_server) as (scene, own):
        await own.execute(WRITE, "before", '{"score": 1}')
        async with running(serve_records, scene.settings):
            await ready(scene.client)
            async with own.transaction():
                await own.execute(WRITE, "after", '{"score": 2, "comment": "Größe"}')
                await emit(own, event(1, last=True))
            await own.execute("DELETE FROM records.document WHERE sourced_id = 'before'")
            await scene.said('"delete"', "RECORDS")
        messages = await read_source(scene.client, "RECORDS")
        ((subject, _, data),) = await stored(scene.client)
    (rows,) = (message for message in messages if isinstance(message, SnapshotRows))
    assert [row[:3] for row in rows.rows] == [("results", "before", '{"score": 1}')]
    first, second = (message for message in messages if isinstance(message, TransactionPart))
    assert first.changes[0].key == {"collection": "results", "sourced_id": "after"}
    assert first.changes[0].row is not None
    assert orjson.loads(first.changes[0].row["body"] or "") == {"score": 2, "comment": "Größe"}
    assert second.changes[0].op == "delete"
    assert subject == "oneroster.district.v1p2.users.updated"
    assert orjson.loads(data)["user"]["n"] == 1


async def test_g8_an_event_arrives_as_it_was_written(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    written = [
        event(1, "6f0a8b52-3f0e-4c1c-9f52-111111111111"),
        event(2, "Größe mit Leerzeichen"),
        event(3, "a:b,c;d=e\"f'g\\h"),
        event(4, "學生" * 50, last=True),
    ]
    async with (
        open_records(databases, nats_server) as (scene, own),
        running(serve_records, scene.settings),
    ):
        await ready(scene.client)
        await emit(own, *written)
        found = await arrived(scene.client, 4)
    for one, (subject, headers, data) in zip(written, found, strict=True):
        own_headers = {name: value for name, value in headers.items() if name.startswith("ce-")}
        expected = one.headers()
        assert headers["content-type"] == expected.pop("content-type")
        assert own_headers == expected
        assert (subject, data.decode()) == (one.subject, one.data)


async def test_g4_three_thousand_events_of_one_transaction_stand_once_and_in_order(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with (
        open_records(databases, nats_server) as (scene, own),
        running(serve_records, scene.settings),
    ):
        await ready(scene.client)
        await emit(own, *(event(number, last=number == 3000) for number in range(1, 3001)))
        await emit(own, event(3001))
        found = await arrived(scene.client, 3001)
    assert [headers["ce-sequence"] for _, headers, _ in found] == [
        f"{number:020d}" for number in range(1, 3002)
    ]
    lasts = [headers["ce-transactionlast"] for _, headers, _ in found]
    assert lasts == ["false"] * 2999 + ["true", "false"]


async def test_what_is_rolled_back_or_emitted_outside_of_a_transaction_is_no_event(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with (
        open_records(databases, nats_server) as (scene, own),
        running(serve_records, scene.settings),
    ):
        await ready(scene.client)
        transaction = own.transaction()
        await transaction.start()
        await emit(own, event(1))
        await transaction.rollback()
        await own.execute(EMIT.replace("(true", "(false"), [event(2).outbox_text()])
        await own.execute("SELECT pg_logical_emit_message(true, 'someone', 'garbage')")
        await emit(own, event(3))
        found = await arrived(scene.client, 1)
    assert [headers["ce-id"] for _, headers, _ in found] == ["e-3"]


async def test_g1_g4_captures_that_are_cut_again_and_again_lose_and_repeat_no_event(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    sizes = (1, 700, 1, 40, 1300, 2, 300)
    async with open_records(databases, nats_server, part_rows=7) as (scene, own):
        async with running(serve_records, scene.settings):
            await ready(scene.client)
        number = 0
        for size in sizes:
            async with own.transaction():
                for _ in range(size):
                    number += 1
                    await own.execute(WRITE, str(number), "{}")
                await emit(own, *(event(n) for n in range(number - size + 1, number + 1)))
        total = number
        for part in (1, 100, 600, 800, 1500):
            async with short_life(serve_records, scene.settings):
                await arrived(scene.client, part)
        async with running(serve_records, scene.settings):
            found = await arrived(scene.client, total)
            await scene.said(f'"{total}"', "RECORDS")
        messages = await read_source(scene.client, "RECORDS")
    assert [headers["ce-id"] for _, headers, _ in found] == [f"e-{n}" for n in range(1, total + 1)]
    check_whole(messages)
    rows = [c for m in messages if isinstance(m, TransactionPart) for c in m.changes]
    assert [change.key["sourced_id"] for change in rows] == [str(n) for n in range(1, total + 1)]


async def test_g1_a_gap_is_told_to_subscribers_before_the_first_event_behind_it(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_records(databases, nats_server) as (scene, own):
        await own.execute(WRITE, "kept", "{}")
        async with running(serve_records, scene.settings):
            await ready(scene.client)
            await emit(own, event(1))
            await arrived(scene.client, 1)
        await emit(own, event(2))
        await freed(own, RECORDS_PUBLICATION)
        await own.execute("SELECT pg_drop_replication_slot($1)", RECORDS_PUBLICATION)
        async with running(serve_records, scene.settings):
            await arrived(scene.client, 2)
            # The slot stands when the gap is told: nothing committed from now on can be missed.
            assert await own.fetchval(
                "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1",
                RECORDS_PUBLICATION,
            )
            await emit(own, event(3))
            found = await arrived(scene.client, 3)
        # The position of the last event is known again: nothing is published a second time.
        async with running(serve_records, scene.settings):
            await emit(own, event(4))
            found = await arrived(scene.client, 4)
        messages = await read_source(scene.client, "RECORDS")
    first, gap, third, fourth = found
    assert first[1]["ce-id"] == "e-1"
    assert gap[0] == gap_subject("district")
    assert "slot no longer exists" in Gap.model_validate_json(gap[2]).reason
    assert [third[1]["ce-id"], fourth[1]["ce-id"]] == ["e-3", "e-4"]
    assert [message.epoch for message in messages if isinstance(message, SnapshotEnd)] == [1, 2]
    assert [message.epoch for message in messages if isinstance(message, Gap)] == [2]


async def test_g4_events_of_many_writers_stand_in_commit_order(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with (
        open_records(databases, nats_server) as (scene, own),
        running(serve_records, scene.settings),
    ):
        await ready(scene.client)
        await own.execute("CREATE TABLE public.counter AS SELECT 0 AS n")

        async def write(times: int) -> None:
            connection = await asyncpg.connect(databases.dsn)
            for _ in range(times):
                async with connection.transaction():
                    n = await connection.fetchval("UPDATE public.counter SET n = n + 1 RETURNING n")
                    await emit(connection, event(n))
            await connection.close()

        await asyncio.gather(*(write(50) for _ in range(4)))
        found = await arrived(scene.client, 200)
    assert [headers["ce-id"] for _, headers, _ in found] == [f"e-{n}" for n in range(1, 201)]
    positions = [headers[POSITION].partition(":")[0] for _, headers, _ in found]
    assert len(set(positions)) == 200
