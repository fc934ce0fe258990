"""Stream SIS as the projector takes it in: what arrives, decoded, and purged once it is old."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from nats.aio.client import Client
from pydantic import ValidationError

from rosterline.bus.reader import StreamMessage, StreamReader
from rosterline.bus.topology import SIS
from rosterline.events.source import SOURCE_MESSAGE
from rosterline.projector.batch import Received

PURGE_SECONDS = 300.0
LOOK_SECONDS = 0.5


class UnreadableMessageError(Exception):
    """A message of stream SIS that this version does not understand; says where, never what."""


async def arriving(
    reader: StreamReader, stop: asyncio.Event, most: int
) -> AsyncGenerator[list[StreamMessage]]:
    """The next messages, until `stop`; an empty list when none came for LOOK_SECONDS."""
    stopping = asyncio.ensure_future(stop.wait())
    reading: asyncio.Future[list[StreamMessage]] | None = None
    try:
        while not stop.is_set():
            reading = reading or asyncio.ensure_future(reader.read(most))
            waiting: set[asyncio.Future[Any]] = {reading, stopping}
            await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                messages, reading = await reading, None
                yield messages
            elif not stop.is_set():
                yield []
    finally:
        running = [future for future in (reading, stopping) if future is not None]
        for future in running:
            future.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def decoded(messages: list[StreamMessage]) -> Iterator[Received]:
    """The messages, decoded one at a time: a snapshot's are large."""
    for message in messages:
        try:
            body = SOURCE_MESSAGE.validate_json(message.data)
        except ValidationError as error:
            # Without the error itself: it quotes what the message holds.
            places = {".".join(map(str, found["loc"])) for found in error.errors()}
            raise UnreadableMessageError(
                f"message {message.sequence} of stream SIS is not understood at "
                f"{', '.join(sorted(places)[:5])}; is capture of another version?"
            ) from None
        yield Received(message.sequence, body)


class Purge:
    """Takes applied messages out of the stream once they are `keep_hours` old; never the newest."""

    def __init__(self, client: Client, keep_hours: float) -> None:
        self.client = client
        self.keep_seconds = keep_hours * 3600
        self.marks: deque[tuple[float, int]] = deque()

    async def applied(self, sequence: int) -> None:
        """Note how far the stream is applied, and purge what is old."""
        now = time.monotonic()
        if not self.marks or now - self.marks[-1][0] >= PURGE_SECONDS:
            self.marks.append((now, sequence))
        while self.marks and now - self.marks[0][0] > self.keep_seconds + PURGE_SECONDS:
            _, old = self.marks.popleft()
            await self.client.jetstream().purge_stream(SIS, seq=old)
