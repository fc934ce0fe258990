"""Reads a stream from a sequence on, in order and without a gap, as fast as it grows.

The position is the reader's own (it is kept with the data), so the consumer on the server is
throw-away and acknowledges nothing. Messages come as they are stored: no waiting to fill a batch.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rosterline.config.errors import OperatorError

PULL_MESSAGES = 1000
PULL_BYTES = 16_000_000
PULL_SECONDS = 30
HEARTBEAT_SECONDS = 2
SILENCE_SECONDS = 10.0
LOOK_SECONDS = 0.5
# Long enough for a reader that is busy with a first load; a dead one's consumer costs little.
FORGOTTEN_AFTER_SECONDS = 900.0
HEARTBEAT_STATUS = "100"
# A request ran out, or reached its size: the two ways in which one ends as it should.
ENDED_STATUSES = {"408", "409"}
LOST_DESCRIPTIONS = {"Consumer Deleted", "Consumer is push based", "Exceeded MaxWaiting"}


class ReaderLostError(Exception):
    """The consumer is gone or silent; open another reader."""


class StreamGapError(OperatorError):
    """The stream no longer holds the next message."""


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """A stored message."""

    sequence: int
    subject: str
    headers: dict[str, str]
    data: bytes


class StreamReader:
    """One consumer's messages; `sequence` is the last one handed out."""

    def __init__(self, client: Client, next_subject: str, inbox: str, sequence: int) -> None:
        self.client = client
        self.next_subject = next_subject
        self.inbox = inbox
        self.sequence = sequence
        self.asked = 0
        self.has_read = False
        self.reconnects = client.stats["reconnects"]
        self.arrived: deque[Msg] = deque()
        self.news = asyncio.Event()

    async def arrive(self, message: Msg) -> None:
        """Take what the server sends; what is asked for bounds how much can wait here."""
        self.arrived.append(message)
        self.news.set()

    async def read(self, most: int) -> list[StreamMessage]:
        """The next messages, at least one; raises ReaderLostError and StreamGapError.

        Waits as long as the stream does not grow; the server's heartbeats show that it lives.
        """
        found: list[StreamMessage] = []
        while not found:
            await self.ask()
            await self.wait()
            while self.arrived and len(found) < most:
                if found and not self.is_next(self.arrived[0]):
                    # What came before shall be applied first.
                    return found
                message = self.arrived.popleft()
                if message.reply:
                    found.append(self.accept(message))
                else:
                    self.heed(message.headers or {})
        return found

    async def wait(self) -> None:
        """Until something has arrived."""
        if self.arrived:
            return
        self.news.clear()
        deadline = asyncio.get_running_loop().time() + SILENCE_SECONDS
        while not self.arrived:
            if self.client.stats["reconnects"] != self.reconnects:
                raise ReaderLostError("the connection is another one; its consumer may be gone")
            if asyncio.get_running_loop().time() > deadline:
                raise ReaderLostError("the server is silent")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.news.wait()

    async def ask(self) -> None:
        """Keep enough messages asked for."""
        if self.asked > PULL_MESSAGES // 2:
            return
        request = {
            "batch": PULL_MESSAGES,
            "max_bytes": PULL_BYTES,
            "expires": PULL_SECONDS * 1_000_000_000,
            "idle_heartbeat": HEARTBEAT_SECONDS * 1_000_000_000,
        }
        self.asked += PULL_MESSAGES
        await self.client.publish(self.next_subject, orjson.dumps(request), reply=self.inbox)

    def heed(self, headers: dict[str, str]) -> None:
        """Word about a request: a heartbeat, or that it has ended and must be made again."""
        status, description = headers.get("Status"), headers.get("Description", "")
        if status == HEARTBEAT_STATUS:
            return
        if status not in ENDED_STATUSES or description in LOST_DESCRIPTIONS:
            raise ReaderLostError(f"the server refused a request: {status} {description}")
        # Other requests may still be open: asking for all anew each time would pile them up.
        self.asked -= int(headers.get("Nats-Pending-Messages", self.asked))

    def is_next(self, message: Msg) -> bool:
        """Whether the message follows the last one handed out, or is only word of the server."""
        return not message.reply or message.metadata.sequence.stream == self.sequence + 1

    def accept(self, message: Msg) -> StreamMessage:
        """A stored message, checked to be the next one."""
        sequence = message.metadata.sequence.stream
        if sequence != self.sequence + 1 and self.has_read:
            # What was on its way when a connection broke is sent to nobody a second time.
            raise ReaderLostError("messages were lost on the way")
        if sequence != self.sequence + 1:
            raise StreamGapError(
                f"message {self.sequence + 1} is no longer in the stream; the next is {sequence}"
            )
        self.sequence = sequence
        self.has_read = True
        self.asked -= 1
        return StreamMessage(sequence, message.subject, message.headers or {}, message.data)


@asynccontextmanager
async def open_reader(client: Client, stream: str, after: int) -> AsyncIterator[StreamReader]:
    """A reader of the stream's messages behind sequence `after`."""
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        inactive_threshold=FORGOTTEN_AFTER_SECONDS,
        mem_storage=True,
        num_replicas=1,
    )
    consumer = await client.jetstream().add_consumer(stream, config)
    next_subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer.name}"
    reader = StreamReader(client, next_subject, client.new_inbox(), after)
    subscription = await client.subscribe(reader.inbox, cb=reader.arrive)
    try:
        yield reader
    finally:
        if not client.is_closed:
            await subscription.unsubscribe()
