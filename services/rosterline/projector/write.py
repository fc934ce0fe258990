"""Writes spools under one stamp: read model, outbox and clock, in the caller's transaction.

The stamp is taken when all records are ready. If writing them took so long that the stamp could be
passed before they are visible, they are written again with a longer lead: G3 holds for a
transaction of any size.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

    `times` counts how often the spools are told of: from the second time on nothing in them is new.
    """

    district: str
    base_url: str
    lead_seconds: float
    now: Callable[[], datetime]
    times: int = 1

    async def write(
        self, connection: asyncpg.Connection, spools: Sequence[Spool], clock: ClockState
    ) -> ClockState:
        """Write everything that waits, and answer the clock as it is afterwards.

        Records that refer to those of another spool stand in a later one.
        """
        records = sum(map(len, spools))
        lead = lead_for(records, self.lead_seconds)
        too_near = clock.last_stamp
        clock = await lock_clock(connection, clock)
        while True:
            started = self.now()
            stamp = next_stamp(clock.last_stamp, started, lead)
            try:
                async with connection.transaction():
                    await self.store(connection, spools, clock, stamp)
                    if self.times > 1:
                        await restamp(connection, too_near, stamp)
                    self.refuse_late(stamp, started)
            except LateError:
                lead *= 2
                log.warning("projector.slow_write", records=records, lead=lead.total_seconds())
                continue
            await self.tell(connection, spools, clock, stamp)
            after = clock.after(stamp, records)
            await advance_clock(connection, after)
            return after

    def refuse_late(self, stamp: datetime, started: datetime) -> None:
        """Raise LateError when too little of the lead is left."""
        promised = stamp - started
        left = stamp - self.now()
        if left < promised * KEPT_SHARE and promised > timedelta():
            raise LateError

    async def store(
        self,
        connection: asyncpg.Connection,
        spools: Sequence[Spool],
        clock: ClockState,
        stamp: datetime,
    ) -> None:
        """Store the records, each with the number of its event."""
        used = clock.last_sequence
        for spool in spools:
            numbers = spool.first_numbers(used)
            used += len(spool)
            for run in spool.runs():
                sequences: list[int] = []
                for write in run:
                    numbers[write.transaction] += 1
                    sequences.append(numbers[write.transaction])
                await withdraw(connection, run, stamp)
                if self.times == 1:
                    await depart(connection, run, stamp)
                await upsert(connection, run, stamp, sequences)

    async def tell(
        self,
        connection: asyncpg.Connection,
        spools: Sequence[Spool],
        clock: ClockState,
        stamp: datetime,
    ) -> None:
        """Put the records' events into the outbox, one transaction's after the other's."""
        used = clock.last_sequence
        for spool in spools:
            await self.tell_spool(connection, spool, replace(clock, last_sequence=used), stamp)
            used += len(spool)

    async def tell_spool(
        self, connection: asyncpg.Connection, spool: Spool, clock: ClockState, stamp: datetime
    ) -> None:
        """The events of one spool, behind those that the clock has counted."""
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
                place = Place(self.name(spool, number), index, last=index == whole)
                waiting.append(self.event(clock.epoch, before[number] + index, write, text, place))
            if not several:
                await emit(connection, [event.outbox_text() for event in waiting])
                waiting.clear()
        if several:
            waiting.sort(key=attrgetter("sequence"))
            await emit(connection, [event.outbox_text() for event in waiting])

    def name(self, spool: Spool, number: int) -> str:
        """What subscribers call a transaction; one that is told of again has a name of its own."""
        name = spool.names[number]
        return name if self.times == 1 else f"{name}-{self.times}"

    def event(
        self, epoch: str, sequence: int, write: Write, stamp: str, place: Place
    ) -> ChangeEvent:
        """The record's event."""
        draft = write.draft
        operation = write.operation
        if self.times > 1 and operation == "created":
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
