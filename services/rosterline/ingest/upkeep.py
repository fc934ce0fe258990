"""What ingest does beside its messages: looks after what waits, forgets the old, feels its pulse.

Word of a consumer that was deleted does not reach a subscriber of FastStream's: it would wait for
ever.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog
from nats.js import JetStreamContext

from rosterline.bus.topology import INGEST, INGEST_CONSUMER
from rosterline.ingest.dead_letters import forget_attempts
from rosterline.ingest.errors import LostMessagesError
from rosterline.ingest.reception import Reception
from rosterline.ingest.store import purge_batches, purge_commands

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
END_SECONDS: Final = 1.0
PULSE_SECONDS: Final = 5.0
PURGE_SECONDS: Final = 60.0
PURGED_AT_ONCE: Final = 10_000


async def end(works: Sequence["asyncio.Future[Any]"]) -> None:
    """Cancel them until they end: nats-py's waits lose word of it that comes with an answer."""
    while pending := [each for each in works if not each.done()]:
        for each in pending:
            each.cancel()
        await asyncio.wait(pending, timeout=END_SECONDS)
    await asyncio.gather(*works, return_exceptions=True)


class Upkeep:
    """Beside one connection's life."""

    def __init__(
        self, reception: Reception, jetstream: JetStreamContext, keep_hours: float
    ) -> None:
        self.reception = reception
        self.jetstream = jetstream
        self.keep_hours = keep_hours
        self.seen_before = -1

    async def go_on(self, stop: asyncio.Event, failed: "asyncio.Future[None]") -> None:
        """Until `stop`, or until a message has failed for good: then raises what it ended with."""
        works: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(stop.wait()),
            asyncio.ensure_future(self.look_again_and_again()),
            asyncio.ensure_future(self.feel_the_pulse()),
            asyncio.ensure_future(self.purge_now_and_then()),
        ]
        try:
            await asyncio.wait([failed, *works], return_when=asyncio.FIRST_COMPLETED)
            for each in (failed, *works):
                if each.done():
                    each.result()
        finally:
            await end(works)

    async def look_again_and_again(self) -> None:
        """See whether what waits may go on: about once a second, and when something was written."""
        written = self.reception.written
        while True:
            written.clear()
            if await self.reception.look():
                continue
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await written.wait()
            except TimeoutError:
                continue

    async def feel_the_pulse(self) -> None:
        """Raise when the consumer is gone, or hands nothing over though something waits."""
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            info = await self.jetstream.consumer_info(INGEST, INGEST_CONSUMER)
            seen = self.reception.seen
            is_idle = seen == self.seen_before and not self.reception.turn.locked()
            if is_idle and info.delivered is not None and info.delivered.stream_seq > seen:
                await self.reception.miss(info.delivered.stream_seq + 1)
            if is_idle and info.num_pending:
                raise LostMessagesError(f"nothing came behind message {seen}, though more waits")
            self.seen_before = seen

    async def purge_now_and_then(self) -> None:
        """Forget old commands, and take what is acknowledged out of the stream."""
        while True:
            await self.purge()
            await asyncio.sleep(PURGE_SECONDS)

    async def purge(self) -> None:
        """Once: what is acknowledged has its verdict in the database."""
        info = await self.jetstream.consumer_info(INGEST, INGEST_CONSUMER)
        floor = 0 if info.ack_floor is None else info.ack_floor.stream_seq
        reception = self.reception
        connection = reception.worker.connection
        purged = PURGED_AT_ONCE
        while purged == PURGED_AT_ONCE:
            async with reception.turn:
                purged = await purge_commands(connection, self.keep_hours, PURGED_AT_ONCE)
        async with reception.turn:
            await purge_batches(connection, self.keep_hours)
            await forget_attempts(connection, reception.intake.stream, floor)
        if floor:
            await self.jetstream.purge_stream(INGEST, seq=floor + 1)
