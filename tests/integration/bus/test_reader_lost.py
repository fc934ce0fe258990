"""A reader whose consumer is gone says so; it neither waits for ever nor asks in a circle."""

import asyncio

import pytest

from rosterline.bus import reader as reader_module
from rosterline.bus.reader import ReaderLostError, StreamReader, open_reader
from rosterline.bus.topology import SIS, ensure_streams
from rosterline.launch.embedded import EmbeddedNats
from tests.support.running import PATIENCE_SECONDS, until
from tests.support.streams import client_of


async def test_a_consumer_that_the_server_forgot_between_two_reads_is_noticed(
    nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The next request shows it, not only that nothing comes.
    monkeypatch.setattr(reader_module, "SILENCE_SECONDS", 3600)
    async with client_of(nats_server.url) as client:
        jetstream = client.jetstream()
        await ensure_streams(jetstream, [SIS])
        await jetstream.publish("sis.test.transaction", b"1")
        async with open_reader(client, SIS, 0) as reader:
            assert [message.sequence for message in await reader.read(10)] == [1]
            (consumer,) = await jetstream.consumers_info(SIS)
            await jetstream.delete_consumer(SIS, consumer.name)
            # As when the request ran out while the reader was busy: the server owes it no word.
            await until(lambda: has_word(reader))
            reader.arrived.clear()
            reader.asked = 0
            async with asyncio.timeout(PATIENCE_SECONDS):
                with pytest.raises(ReaderLostError):
                    await reader.read(10)


async def has_word(reader: StreamReader) -> bool:
    """Whether the server has said something."""
    return bool(reader.arrived)


async def test_a_reader_of_a_lost_connection_is_lost(
    nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is told, and does not only find the new connection silent.
    monkeypatch.setattr(reader_module, "SILENCE_SECONDS", 3600)
    async with client_of(nats_server.url) as client:
        await ensure_streams(client.jetstream(), [SIS])
        async with open_reader(client, SIS, 0) as reader:
            reading = asyncio.create_task(reader.read(10))
            await asyncio.to_thread(nats_server.stop)
            await asyncio.to_thread(nats_server.start)
            async with asyncio.timeout(PATIENCE_SECONDS):
                with pytest.raises(ReaderLostError):
                    await reading
