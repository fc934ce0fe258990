"""A source stream as it is taken in: what arrives, decoded, and purged once it is old."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

from nats.aio.client import Client
from pydantic import ValidationError

from rosterline.bus.reader import StreamMessage, StreamReader, open_reader
from rosterline.config.errors import OperatorError
from rosterline.events.source import SOURCE_MESSAGE
from rosterline.projector.batch import Batch, Limits, Received, units
from rosterline.projector.resume import Finder, of_one_epoch
from rosterline.projector.streams import Followed
from rosterline.telemetry import failpoints

PURGE_SECONDS = 300.0


class UnreadableMessageError(OperatorError):
    """A message of a stream that this version does not understand; says where, never what."""


class Lane:
    """One stream on its way in: what has arrived of it, in units of work.

    While it is closed its messages wait in the stream.
    """

    def __init__(
        self, client: Client, finder: Finder, followed: Followed, limits: Limits, keep_hours: float
    ) -> None:
        self.client = client
        self.finder = finder
        self.followed = followed
        self.limits = limits
        self.purge = Purge(client, followed.stream.name, keep_hours)
        self.stack: AsyncExitStack | None = None
        self.reader: StreamReader | None = None
        self.reading: asyncio.Future[list[StreamMessage]] | None = None
        self.arrived: Iterator[Batch | Received] | None = None

    async def open(self) -> None:
        """Read the stream from the cursor on."""
        self.stack = AsyncExitStack()
        after = self.followed.cursor.sequence
        opened = open_reader(self.client, self.followed.stream.name, after)
        self.reader = await self.stack.enter_async_context(opened)

    async def close(self) -> None:
        """Forget what has arrived and is not applied."""
        stack, self.stack = self.stack, None
        reading, self.reading = self.reading, None
        self.reader = self.arrived = None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if stack is not None:
            await stack.aclose()

    @property
    def is_open(self) -> bool:
        """Whether it is read."""
        return self.reader is not None

    @property
    def is_ready(self) -> bool:
        """Whether something has arrived."""
        return self.arrived is not None or (self.reading is not None and self.reading.done())

    def read(self) -> "asyncio.Future[list[StreamMessage]]":
        """What is done when something has arrived."""
        if self.reader is None:
            raise ValueError("a closed lane is not read")
        self.reading = self.reading or asyncio.ensure_future(
            self.reader.read(self.limits.transactions)
        )
        return self.reading

    def take(self) -> Batch | Received | None:
        """The next unit of work, if one has arrived; raises AnotherEpochError and what the reader
        does.
        """
        if self.arrived is None and self.reading is not None and self.reading.done():
            messages, self.reading = self.reading.result(), None
            failpoints.reach(failpoints.PROJECTOR_AFTER_FETCH)
            received = decoded(messages, self.followed.stream.name)
            following = of_one_epoch(received, self.followed.cursor.epoch)
            self.arrived = units(following, self.limits)
        unit = None if self.arrived is None else next(self.arrived, None)
        if unit is None:
            self.arrived = None
        return unit


async def next_lane(
    lanes: list[Lane], stopping: "asyncio.Future[Any]", seconds: float
) -> Lane | None:
    """The first of the open lanes on which something has arrived; None if nothing does in time."""
    if not any(lane.is_ready for lane in lanes):
        waiting: set[asyncio.Future[Any]] = {stopping, *(lane.read() for lane in lanes)}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return next((lane for lane in lanes if lane.is_ready), None)


def decoded(messages: list[StreamMessage], stream: str) -> Iterator[Received]:
    """The messages, decoded one at a time: a snapshot's are large."""
    for message in messages:
        try:
            body = SOURCE_MESSAGE.validate_json(message.data)
        except ValidationError as error:
            # Without the error itself: it quotes what the message holds.
            places = {".".join(map(str, found["loc"])) for found in error.errors()}
            raise UnreadableMessageError(
                f"message {message.sequence} of stream {stream} is not understood at "
                f"{', '.join(sorted(places)[:5])}; is capture of another version?"
            ) from None
        yield Received(message.sequence, body)


class Purge:
    """Takes applied messages out of the stream once they are `keep_hours` old; never the newest."""

    def __init__(self, client: Client, stream: str, keep_hours: float) -> None:
        self.client = client
        self.stream = stream
        self.keep_seconds = keep_hours * 3600
        self.marks: deque[tuple[float, int]] = deque()

    async def applied(self, sequence: int) -> None:
        """Note how far the stream is applied, and purge what is old."""
        now = time.monotonic()
        if not self.marks or now - self.marks[-1][0] >= PURGE_SECONDS:
            self.marks.append((now, sequence))
        while self.marks and now - self.marks[0][0] > self.keep_seconds + PURGE_SECONDS:
            _, old = self.marks.popleft()
            await self.client.jetstream().purge_stream(self.stream, seq=old)
