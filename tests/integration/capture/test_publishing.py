"""Fenced publishing: one writer a stream, batches whole or not at all, messages too large."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client

from rosterline.bus.relay import (
    LARGEST_BATCH,
    FencedError,
    PublishError,
    Relay,
    TooLargeError,
    batches,
    read_end,
)
from rosterline.bus.topology import SIS, ensure_streams
from rosterline.capture.parts import Outgoing
from rosterline.capture.service import serve_sis
from rosterline.events.source import SnapshotEnd
from rosterline.launch.embedded import EmbeddedNats
from tests.integration.capture.scenes import open_scene
from tests.support.running import running
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence, read_all


def messages(first: int, last: int, size: int = 10) -> list[Outgoing]:
    """Numbered messages of stream SIS."""
    return [
        Outgoing("rows", "sis.d.transaction", {"Number": str(number)}, b"x" * size)
        for number in range(first, last + 1)
    ]


@asynccontextmanager
async def stream(nats: EmbeddedNats) -> AsyncIterator[Client]:
    """A connection to a server that has an empty stream SIS."""
    async with client_of(nats.url) as client:
        await ensure_streams(client.jetstream(), [SIS])
        yield client


async def numbers(client: Client) -> list[int]:
    """The messages that the stream holds."""
    return [int(headers["Number"]) for _, headers, _ in await read_all(client, SIS)]


async def test_messages_stand_in_order_one_by_one_and_in_batches(nats_server: EmbeddedNats) -> None:
    async with stream(nats_server) as client:
        relay = Relay(client, client.jetstream(), 0)
        await relay.publish(messages(1, 1))
        await relay.publish(messages(2, 1200))
        await relay.publish([])
        await relay.publish(messages(1201, 1202))
        assert await numbers(client) == list(range(1, 1203))
        end = await read_end(client.jetstream(), SIS)
    assert relay.last_sequence == end.sequence == 1202
    assert end.headers is not None
    assert end.headers["Number"] == "1202"


@pytest.mark.parametrize("count", [1, 2, 600])
async def test_g4_a_relay_that_another_has_overtaken_stores_nothing(
    nats_server: EmbeddedNats, count: int
) -> None:
    async with stream(nats_server) as client:
        zombie = Relay(client, client.jetstream(), 0)
        await zombie.publish(messages(1, 3))
        successor = Relay(client, client.jetstream(), 3)
        await successor.publish(messages(4, 4))
        for _ in range(2):
            with pytest.raises(FencedError):
                await zombie.publish(messages(100, 100 + count - 1))
        await successor.publish(messages(5, 6))
        assert await numbers(client) == [1, 2, 3, 4, 5, 6]


async def test_g4_of_two_relays_at_once_each_message_is_stored_by_one(
    nats_server: EmbeddedNats,
) -> None:
    async with stream(nats_server) as client, client_of(nats_server.url) as other:
        relays = [Relay(own, own.jetstream(), 0) for own in (client, other)]
        work = [relay.publish(messages(1, 50)) for relay in relays]
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["FencedError", "NoneType"]
        assert await numbers(client) == list(range(1, 51))


async def test_a_stream_that_is_gone_is_no_silent_loss(nats_server: EmbeddedNats) -> None:
    async with stream(nats_server) as client:
        relay = Relay(client, client.jetstream(), 0)
        await relay.publish(messages(1, 1))
        await client.jetstream().delete_stream(SIS)
        with pytest.raises(PublishError):
            await relay.publish(messages(2, 2))
        with pytest.raises(PublishError):
            await relay.publish(messages(2, 3))


async def test_an_answer_that_went_down_with_its_connection_is_not_waited_for(
    nats_server: EmbeddedNats,
) -> None:
    async with stream(nats_server) as client:
        subscription = await client.subscribe("nobody.answers")
        relay = Relay(client, client.jetstream(), 0)
        asking = asyncio.create_task(
            relay.answer(client.request("nobody.answers", b"?", timeout=60))
        )
        await subscription.next_msg(5)
        nats_server.stop()
        nats_server.start()
        async with asyncio.timeout(15):
            with pytest.raises(PublishError, match="lost"):
                await asking


def test_batches_are_bounded_in_number_and_bytes() -> None:
    many = messages(1, 1201)
    assert [len(batch) for batch in batches(many)] == [LARGEST_BATCH, LARGEST_BATCH, 201]
    large = messages(1, 9, size=1_500_000)
    assert [len(batch) for batch in batches(large)] == [2, 2, 2, 2, 1]
    assert [message for batch in batches(large) for message in batch] == large
    assert [len(batch) for batch in batches(messages(1, 3, size=5_000_000))] == [1, 1, 1]


async def test_a_message_beyond_the_servers_limit_is_refused_with_what_to_do(
    nats_server: EmbeddedNats,
) -> None:
    async with stream(nats_server) as client:
        relay = Relay(client, client.jetstream(), 0)
        with pytest.raises(TooLargeError, match="raise max_payload on the server"):
            await relay.publish(messages(1, 1, size=client.max_payload))
        await relay.publish(messages(1, 1, size=client.max_payload - 5000))
        assert await last_sequence(client, SIS) == 1


@pytest.mark.parametrize("when", ["snapshot", "stream"])
async def test_capture_stops_at_a_row_that_nats_cannot_take_and_goes_on_when_it_can(
    databases: Databases, nats_server: EmbeddedNats, when: str
) -> None:
    grow = "UPDATE sis.person SET other_phone = repeat('5', 9 * 1024 * 1024) WHERE person_id = 2"
    async with open_scene(databases, nats_server) as scene:
        await scene.people(1, 3)
        if when == "snapshot":
            await scene.sis.execute(grow)
        service = asyncio.create_task(serve_sis(scene.settings, asyncio.Event()))
        if when == "stream":
            await scene.snapshots_ended()
            await scene.rename(1, "Before")
            await scene.sis.execute(grow)
        with pytest.raises(TooLargeError, match="max_payload"):
            await service
        ended = any(isinstance(m, SnapshotEnd) for m in await scene.messages())
        assert ended == (when == "stream")
        nats_server.stop()
        file = nats_server.file
        roomy = file.read_text().replace("max_payload: 8MB", "max_payload: 16MB")
        file.write_text(roomy)
        nats_server.launch()
        nats_server.wait_until_ready()
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            await scene.arrived()
