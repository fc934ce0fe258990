"""Reading what a stream holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import nats
import orjson
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from rosterline.events.source import (
    SOURCE_MESSAGE,
    Gap,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotRows,
    TransactionPart,
)

Message = TransactionPart | SnapshotBegin | SnapshotRows | SnapshotEnd | Gap


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """A connection of the test's own."""
    client = await nats.connect(url)
    try:
        yield client
    finally:
        await client.close()


async def speak(url: str, words: bytes, *, user: str = "", password: str = "") -> bytes:
    """Say to a server what no client would; its answers until all is taken."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    login = {"user": user or address.username, "pass": password or address.password}
    options = {"verbose": False, "headers": True, "lang": "raw", "version": "1", **login}
    heard = b""
    try:
        writer.write(b"CONNECT " + orjson.dumps(options) + b"\r\n" + words + b"PING\r\n")
        async with asyncio.timeout(10):
            while b"PONG" not in heard and (line := await reader.readline()):
                heard += line
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return heard


async def last_sequence(client: Client, stream: str) -> int:
    """The sequence of the stream's last message; 0 when there is no such stream yet."""
    try:
        return (await client.jetstream().stream_info(stream)).state.last_seq
    except NotFoundError:
        return 0


async def read_all(client: Client, stream: str) -> list[tuple[str, dict[str, str], bytes]]:
    """Subject, headers and data of every message, in order."""
    jetstream = client.jetstream()
    count = (await jetstream.stream_info(stream)).state.messages
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL)
    subscription = await jetstream.pull_subscribe("", stream=stream, config=config)
    found: list[tuple[str, dict[str, str], bytes]] = []
    while len(found) < count:
        messages = await subscription.fetch(min(500, count - len(found)), timeout=5)
        found += [(message.subject, message.headers or {}, message.data) for message in messages]
    await subscription.unsubscribe()
    return found


async def read_source(client: Client, stream: str = "SIS") -> list[Message]:
    """Every message of a source stream, decoded."""
    return [SOURCE_MESSAGE.validate_json(data) for _, _, data in await read_all(client, stream)]
