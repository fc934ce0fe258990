"""Writes a spool under one stamp: read model, outbox and clock, in the caller's transaction.

The stamp is taken when all records are ready. If writing them took so long that the stamp could be
passed before they are visible, they are written again with a longer lead: G3 holds for a
transaction of any size.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

import asyncpg
import structlog

from rosterline.events.change import ChangeEvent
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import with_base
from rosterline.projector.clock import ClockState, lead_for, next_stamp
from rosterline.projector.store import advance_clock, emit, lock_clock, upsert
from rosterline.projector.withdraw import depart, restamp, withdraw
from rosterline.projector.writes import Spool, Write

log = structlog.get_logger(__name__)

# What remains of the lead when the last row is written must cover the events and the commit.
KEPT_SHARE = 0.5


class LateError(Exception):
    """The stamp is too near: the records would become visible after it."""


@dataclass(frozen=True, slots=True)
class Place:
    """An event's place in its transaction; `index` counts from 1."""

    transaction: str
    index: int
    last: bool


@dataclass(frozen=True, slots=True)
class Writer:
    """What writing needs to know of the installation; `now` is the clock, injected.

    `again` says that the spool was told of before: nothing in it is new.
    """

    district: str
    base_url: str
    lead_seconds: float
    now: Callable[[], datetime]
    again: bool = False

    async def write(
        self,
        connection: asyncpg.Connection,
        spool: Spool,
        clock: ClockState,
        transactions: dict[int, str],
    ) -> ClockState:
        """Write everything that waits, and answer the clock as it is afterwards.

        `transactions` names each transaction number for subscribers.
        """
        lead = lead_for(len(spool), self.lead_seconds)
        too_near = clock.last_stamp
        clock = await lock_clock(connection, clock)
        while True:
            started = self.now()
            stamp = next_stamp(clock.last_stamp, started, lead)
            try:
                async with connection.transaction():
                    await self.store(connection, spool, clock, stamp)
                    if self.again:
                        await restamp(connection, too_near, stamp)
                    self.refuse_late(stamp, started)
            except LateError:
                lead *= 2
                log.warning("projector.slow_write", records=len(spool), lead=lead.total_seconds())
                continue
            await self.tell(connection, spool, clock, stamp, transactions)
            after = clock.after(stamp, len(spool))
            await advance_clock(connection, after)
            return after

    def refuse_late(self, stamp: datetime, started: datetime) -> None:
        """Raise LateError when too little of the lead is left."""
        promised = stamp - started
        left = stamp - self.now()
        if left < promised * KEPT_SHARE and promised > timedelta():
            raise LateError

    async def store(
        self, connection: asyncpg.Connection, spool: Spool, clock: ClockState, stamp: datetime
    ) -> None:
        """Store the records, each with the number of its event."""
        numbers = spool.first_numbers(clock.last_sequence)
        for run in spool.runs():
            sequences: list[int] = []
            for write in run:
                numbers[write.transaction] += 1
                sequences.append(numbers[write.transaction])
            await withdraw(connection, run, stamp)
            if not self.again:
                await depart(connection, run, stamp)
            await upsert(connection, run, stamp, sequences)

    async def tell(
        self,
        connection: asyncpg.Connection,
        spool: Spool,
        clock: ClockState,
        stamp: datetime,
        transactions: dict[int, str],
    ) -> None:
        """Put the records' events into the outbox, one transaction's after the other's."""
        before = spool.first_numbers(clock.last_sequence)
        several = len(before) > 1
        text = format_stamp(stamp)
        told: Counter[int] = Counter()
        waiting: list[ChangeEvent] = []
        for run in spool.runs():
            for write in run:
                number = write.transaction
                told[number] += 1
                index = told[number]
                whole = spool.per_transaction[number]
                place = Place(transactions[number], index, last=index == whole)
                waiting.append(self.event(clock.epoch, before[number] + index, write, text, place))
            if not several:
                await emit(connection, [event.outbox_text() for event in waiting])
                waiting.clear()
        if several:
            waiting.sort(key=attrgetter("sequence"))
            await emit(connection, [event.outbox_text() for event in waiting])

    def event(
        self, epoch: str, sequence: int, write: Write, stamp: str, place: Place
    ) -> ChangeEvent:
        """The record's event."""
        draft = write.draft
        operation = write.operation
        if self.again and operation == "created":
            operation = "updated"
        document = with_base(draft.stamped(stamp), self.base_url)
        return ChangeEvent(
            epoch=epoch,
            sequence=sequence,
            district=self.district,
            version=draft.collection.version,
            entity=draft.entity,
            operation=operation,
            sourced_id=draft.sourced_id,
            time=stamp,
            transaction=place.transaction,
            index=place.index,
            last=place.last,
            data=f'{{"{draft.entity.single}":{document}}}',
            secondary_email=draft.secondary_email,
        )
