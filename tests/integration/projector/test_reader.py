"""Reading a stream in order: as it grows, over a restart of NATS, and when something is gone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import StreamConfig

from rosterline.bus import reader as reader_module
from rosterline.bus.connection import connect
from rosterline.bus.reader import ReaderLostError, StreamGapError, StreamReader, open_reader
from rosterline.launch.embedded import EmbeddedNats
from tests.support.running import until

STREAM = "THINGS"
# Less than a reader bears silence: that is not how it notices.
WORD_SECONDS = 8


@pytest.fixture
async def client(nats_server: EmbeddedNats) -> AsyncIterator[Client]:
    """A connection as the services make it, and an empty stream."""
    async with connect(nats_server.url, "test") as opened:
        await opened.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["things.>"]))
        yield opened


async def publish(client: Client, first: int, last: int, size: int = 0) -> None:
    """Messages whose text begins with their sequence."""
    acknowledgements = [
        client.jetstream().publish(f"things.{number}", f"{number} {'x' * size}".encode())
        for number in range(first, last + 1)
    ]
    for acknowledgement in acknowledgements:
        await acknowledgement


async def read(reader: StreamReader, count: int, most: int = 100) -> list[int]:
    """The sequences of the next messages, checked against what they hold."""
    found: list[int] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            messages = await reader.read(most)
            assert 0 < len(messages) <= most
            for message in messages:
                assert message.subject == f"things.{message.sequence}"
                assert int(message.data.split()[0]) == message.sequence
                found.append(message.sequence)
    return found


@pytest.mark.parametrize("most", [1, 7, 5000])
async def test_all_messages_come_in_order(client: Client, most: int) -> None:
    await publish(client, 1, 1500)
    async with open_reader(client, STREAM, 0) as reader:
        assert await read(reader, 1500, most) == list(range(1, 1501))


async def test_reading_begins_behind_the_position(client: Client) -> None:
    await publish(client, 1, 20)
    async with open_reader(client, STREAM, 17) as reader:
        assert await read(reader, 3) == [18, 19, 20]


async def test_messages_come_as_soon_as_they_are_stored(client: Client) -> None:
    # Looking every half second, or at heartbeats only, it would take longer.
    async with open_reader(client, STREAM, 0) as reader, asyncio.timeout(10):
        for number in range(1, 30):
            reading = asyncio.create_task(read(reader, 1))
            await publish(client, number, number)
            assert await reading == [number]


async def test_reading_goes_on_when_a_request_has_expired(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "PULL_SECONDS", 1)
    monkeypatch.setattr(reader_module, "HEARTBEAT_SECONDS", 0)
    async with open_reader(client, STREAM, 0) as reader:
        reading = asyncio.create_task(read(reader, 2))
        done, _ = await asyncio.wait({reading}, timeout=1.5)
        assert not done
        await publish(client, 1, 2)
        assert await reading == [1, 2]


async def test_a_request_is_bounded_in_bytes_and_loses_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "PULL_BYTES", 20_000)
    await publish(client, 1, 200, size=9_000)
    async with open_reader(client, STREAM, 0) as reader:
        assert await read(reader, 200, 10) == list(range(1, 201))
        assert len(reader.arrived) < 20


async def test_a_missing_message_is_a_gap_once_a_fresh_reader_misses_it_too(
    client: Client,
) -> None:
    await publish(client, 1, 6)
    await client.jetstream().delete_msg(STREAM, 4)
    async with open_reader(client, STREAM, 0) as reader:
        assert await read(reader, 3, most=2) == [1, 2, 3]
        with pytest.raises(ReaderLostError):
            await read(reader, 1, most=2)
    async with open_reader(client, STREAM, 3) as reader:
        with pytest.raises(StreamGapError, match=r"message 4 .* the next is 5"):
            await read(reader, 1, most=2)


async def test_messages_purged_before_the_position_is_reached_are_a_gap(client: Client) -> None:
    await publish(client, 1, 10)
    await client.jetstream().purge_stream(STREAM, seq=6)
    async with open_reader(client, STREAM, 2) as reader:
        with pytest.raises(StreamGapError, match="message 3"):
            await reader.read(10)


async def test_a_deleted_consumer_is_a_lost_reader(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says so; should a request cross its word, silence does."""
    monkeypatch.setattr(reader_module, "SILENCE_SECONDS", 2.5)
    monkeypatch.setattr(reader_module, "HEARTBEAT_SECONDS", 1)
    async with open_reader(client, STREAM, 0) as reader:
        reading = asyncio.create_task(reader.read(10))
        name = await until(lambda: consumer_of(client))
        await client.jetstream().delete_consumer(STREAM, name)
        with pytest.raises(ReaderLostError):
            async with asyncio.timeout(WORD_SECONDS):
                await reading


async def test_a_consumer_that_was_gone_before_the_next_request_is_a_lost_reader(
    client: Client,
) -> None:
    async with open_reader(client, STREAM, 0) as reader:
        await client.jetstream().delete_consumer(STREAM, await consumer_of(client))
        with pytest.raises(ReaderLostError):
            async with asyncio.timeout(WORD_SECONDS):
                await reader.read(10)


async def consumer_of(client: Client) -> str:
    """The name of the stream's one consumer; empty when there is none."""
    found = await client.jetstream().consumers_info(STREAM)
    return found[0].name if found else ""


async def test_a_deleted_stream_is_a_lost_reader(client: Client) -> None:
    await publish(client, 1, 3)
    async with open_reader(client, STREAM, 0) as reader:
        assert await read(reader, 3) == [1, 2, 3]
        await client.jetstream().delete_stream(STREAM)
        with pytest.raises(ReaderLostError):
            async with asyncio.timeout(WORD_SECONDS):
                await reader.read(10)


async def test_a_server_that_says_nothing_is_a_lost_reader(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(reader_module, "HEARTBEAT_SECONDS", 0)
    async with open_reader(client, STREAM, 0) as reader:
        with pytest.raises(ReaderLostError, match="silent"):
            async with asyncio.timeout(WORD_SECONDS):
                await reader.read(10)


async def test_heartbeats_show_that_an_idle_server_lives(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "SILENCE_SECONDS", 3)
    monkeypatch.setattr(reader_module, "HEARTBEAT_SECONDS", 1)
    async with open_reader(client, STREAM, 0) as reader:
        reading = asyncio.create_task(reader.read(10))
        done, _ = await asyncio.wait({reading}, timeout=4.5)
        assert not done
        await publish(client, 1, 1)
        assert [message.sequence for message in await reading] == [1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_reading_goes_on_without_a_gap_after_the_server_was_restarted(
    nats_server: EmbeddedNats, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a service does: open another reader behind the last message that was taken."""
    monkeypatch.setattr(reader_module, "SILENCE_SECONDS", 2.5)
    monkeypatch.setattr(reader_module, "HEARTBEAT_SECONDS", 1)
    async with connect(nats_server.url, "test") as client:
        await client.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["things.>"]))
        await publish(client, 1, 30)
        found: list[int] = []
        lost = 0
        writing: asyncio.Task[None] | None = None
        async with asyncio.timeout(40):
            while len(found) < 60:
                try:
                    async with open_reader(client, STREAM, len(found)) as reader:
                        while len(found) < 60:
                            found += [message.sequence for message in await reader.read(10)]
                            if len(found) == 30 and writing is None:
                                restart(nats_server, number)
                                writing = asyncio.create_task(publish_patiently(client))
                except (ReaderLostError, Error, TimeoutError):
                    lost += 1
        assert found == list(range(1, 61))
        assert lost < 50
        assert writing is not None
        await writing


def restart(server: EmbeddedNats, number: signal.Signals) -> None:
    """End the server's process and start it again on its data."""
    assert server.process is not None
    os.kill(server.process.pid, number)
    server.process.wait()
    server.start()


async def publish_patiently(client: Client) -> None:
    """Messages 31 to 60, each as often as it takes."""
    for sequence in range(31, 61):
        await until(lambda sequence=sequence: is_stored(client, sequence))  # type: ignore[misc]  # a lambda's default


async def is_stored(client: Client, sequence: int) -> bool:
    """Publish a message unless it is there."""
    try:
        state = (await client.jetstream().stream_info(STREAM)).state
        if state.last_seq < sequence:
            await publish(client, sequence, sequence)
    except (Error, TimeoutError):
        return False
    return True
