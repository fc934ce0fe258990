"""The hot loop: WAL → decoded → assembled → published → confirmed, for one connection's life.

The reader and the publisher share one pipe. The reader does not wait for NATS unless the pipe is
full; the publisher takes all that waits as one batch; the confirmer tells PostgreSQL what is
durable. The connection is kept alive whatever they wait for.
"""

import asyncio
import time
from dataclasses import dataclass, replace

from nats.js import JetStreamContext

from rosterline.bus.relay import LARGEST_BATCH, Relay
from rosterline.bus.topology import POSITIONS
from rosterline.capture.parts import (
    EPOCH_HEADER,
    KIND_HEADER,
    PENDING_HEADER,
    POSITION_HEADER,
    Assembler,
    Destination,
    Outgoing,
    Passed,
)
from rosterline.capture.pgoutput import Decoder
from rosterline.capture.pipe import Pipe
from rosterline.capture.plan import Mark
from rosterline.capture.position import Confirmation, Position, format_lsn
from rosterline.capture.replication import Keepalive, ReplicationConnection
from rosterline.capture.tasks import end
from rosterline.events.source import SnapshotEnd
from rosterline.telemetry import failpoints

CONFIRM_SECONDS = 1.0
# PostgreSQL 18 can miss that WAL was flushed and sleep for ten seconds: word from us wakes it up.
ALIVE_SECONDS = 0.05
MARK_SECONDS = 5.0


@dataclass
class Progress:
    """What headers say of the source: its epoch, and where an unfinished snapshot ends."""

    epoch: int
    pending: int | None = None

    def headers(self) -> dict[str, str]:
        """Headers of every message of the rows' stream."""
        headers = {EPOCH_HEADER: str(self.epoch)}
        if self.pending is not None:
            headers[PENDING_HEADER] = format_lsn(self.pending)
        return headers


async def keep_mark(jetstream: JetStreamContext, subject: str, mark: Mark) -> None:
    """Store how far a slot is about to be confirmed; must succeed before the confirmation."""
    await jetstream.publish(subject, mark.to_json(), stream=POSITIONS, timeout=MARK_SECONDS)


@dataclass
class Streamer:
    """Streams one slot until stopped; any error ends it, and the caller begins anew."""

    replication: ReplicationConnection
    jetstream: JetStreamContext
    relays: dict[Destination, Relay]
    decoder: Decoder
    assembler: Assembler
    progress: Progress
    mark: Mark
    mark_subject: str
    end_subject: str
    idle_seconds: float

    def __post_init__(self) -> None:
        self.pipe = Pipe()
        self.confirmation = Confirmation(self.mark.lsn)
        self.confirmed = self.mark.lsn
        self.published_since = False

    async def run(self, stop: asyncio.Event) -> None:
        """Stream until `stop`; then confirm what was stored, and return."""
        tasks = [
            asyncio.create_task(self.read(), name="read"),
            asyncio.create_task(self.publish(), name="publish"),
            asyncio.create_task(self.confirm_regularly(), name="confirm"),
            asyncio.create_task(self.stay_alive(), name="alive"),
            asyncio.create_task(stop.wait(), name="stop"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
        await self.confirm_now()

    async def read(self) -> None:
        """Take the server's messages and put what they mean into the pipe."""
        async for message in self.replication.messages():
            if isinstance(message, Keepalive):
                await self.keepalive(message)
                continue
            for decoded in self.decoder.decode(message.data):
                for item in self.assembler.feed(decoded):
                    if isinstance(item, Passed):
                        await self.passed(item.lsn)
                    else:
                        await self.send(item)

    async def keepalive(self, message: Keepalive) -> None:
        """Between transactions all WAL so far has been dealt with; answer when asked."""
        if not self.assembler.in_transaction:
            await self.passed(message.wal_end)
        if message.reply:
            await self.replication.confirm(self.confirmed)

    async def send(self, message: Outgoing) -> None:
        """Hand a message to the publisher."""
        self.confirmation.sent()
        await self.pipe.put(message)

    async def passed(self, lsn: int) -> None:
        """Everything before `lsn` has been sent; an unfinished snapshot may be consistent now."""
        if self.progress.pending is not None and lsn >= self.progress.pending:
            await self.send(self.snapshot_end(self.progress.pending))
        self.confirmation.passed(lsn)

    def snapshot_end(self, consistent_at: int) -> Outgoing:
        """The message that ends a snapshot."""
        self.progress.pending = None
        body = SnapshotEnd(epoch=self.progress.epoch, position=format_lsn(consistent_at))
        position = max(Position(consistent_at), self.assembler.last_rows)
        return Outgoing(
            "rows",
            self.end_subject,
            self.progress.headers() | {KIND_HEADER: body.kind, POSITION_HEADER: str(position)},
            body.model_dump_json().encode(),
        )

    async def publish(self) -> None:
        """Store what the pipe holds, in order for each stream."""
        while True:
            messages = await self.pipe.take(LARGEST_BATCH)
            failpoints.reach(failpoints.CAPTURE_BEFORE_PUBLISH)
            for destination, relay in self.relays.items():
                own = [message for message in messages if message.destination == destination]
                if own:
                    await relay.publish(own)
            if b'"last":false' in messages[-1].data[:400]:
                failpoints.reach(failpoints.CAPTURE_BETWEEN_PARTS)
            failpoints.reach(failpoints.CAPTURE_AFTER_PUBLISH)
            self.confirmation.acknowledged(len(messages))
            self.published_since = True

    async def confirm_regularly(self) -> None:
        """Confirm what is durable: soon while there is work, now and then while there is none."""
        confirmed_at = time.monotonic()
        while True:
            await asyncio.sleep(CONFIRM_SECONDS)
            now = time.monotonic()
            due = self.published_since or now - confirmed_at >= self.idle_seconds
            if due and self.confirmation.confirmable > self.confirmed:
                await self.confirm_now()
                confirmed_at = now

    async def stay_alive(self) -> None:
        """Tell the server that we are here, also while NATS keeps all others waiting."""
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            await self.replication.confirm(self.confirmed)

    async def confirm_now(self) -> None:
        """Store the mark, then confirm: so a slot that is ahead of its mark has lost something."""
        target = self.confirmation.confirmable
        if target <= self.confirmed:
            return
        self.published_since = False
        sequences = tuple(relay.last_sequence for relay in self.relays.values())
        self.mark = replace(self.mark, lsn=target, sequences=sequences)
        await keep_mark(self.jetstream, self.mark_subject, self.mark)
        await self.replication.confirm(target)
        self.confirmed = target
        failpoints.reach(failpoints.CAPTURE_AFTER_CONFIRM)
