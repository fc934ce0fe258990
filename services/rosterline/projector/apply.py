"""Applies source messages to mirror, read model, outbox, clock and cursor, all in one transaction.

All that a unit of work changes commits together with the stream position behind it, so a message
that comes again is not applied again. While a snapshot is under way only the mirror is filled.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

import asyncpg
import structlog
from asyncpg.transaction import Transaction

from rosterline.events.source import Gap, SnapshotBegin, SnapshotEnd, SnapshotRows, TransactionPart
from rosterline.projector.batch import Batch, Received, row_keys
from rosterline.projector.clock import ClockState
from rosterline.projector.facts import Context, Reference, Switches
from rosterline.projector.fold import Folded, fold
from rosterline.projector.gather import gather_reference
from rosterline.projector.load import count_people, orphans, portions
from rosterline.projector.mirror import TABLES, Images, apply_changes, apply_snapshot
from rosterline.projector.project import project, settle, touch
from rosterline.projector.scopes import Scope, Touched
from rosterline.projector.spread import spread
from rosterline.projector.store import (
    Cursor,
    advance_clock,
    advance_task,
    analyze,
    begin_task,
    end_task,
    save_cursor,
)
from rosterline.projector.write import Writer
from rosterline.projector.writes import Spool
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

REFERENCE_TABLES = {"district", "school", "school_year", "calendar", "grade_level", "term"}
# Above this, transactions are told of one by one: the events of several are put in order in memory.
MOST_TOGETHER = 20_000
ROWS, PEOPLE = "rows of the SIS", "people"
Transactions = list[tuple[int, TransactionPart]]


class ConflictError(Exception):
    """Transactions of a batch cannot share a stamp; those before `first` perhaps can."""

    def __init__(self, first: int) -> None:
        super().__init__(f"transaction {first} of the batch concerns what an earlier one did")
        self.first = first


@dataclass(slots=True)
class LargeTransaction:
    """A source transaction whose parts are still coming, in an open transaction of ours."""

    transaction: Transaction
    touched: Touched
    tables: set[str]


@dataclass(slots=True)
class Projection:
    """The district's one writer: its connection, and what it remembers of the database."""

    connection: asyncpg.Connection
    stream: str
    writer: Writer
    switches: Switches
    today: Callable[[], date]
    run_size: int
    load_people: int
    clock: ClockState
    cursor: Cursor
    reference: Reference
    large: LargeTransaction | None = None

    def context(self, reference: Reference) -> Context:
        """What the rules are given now."""
        return Context(reference, self.today(), self.switches)

    async def apply(self, unit: Batch | Received) -> None:
        """Apply a unit of work; nothing of it stays behind when it fails."""
        if isinstance(unit, Batch):
            await self.apply_batch(unit.transactions)
            return
        message = unit.message
        match message:
            case TransactionPart():
                await self.apply_part(unit.sequence, message)
            case SnapshotRows():
                async with self.connection.transaction():
                    await apply_snapshot(self.connection, message)
                    await advance_task(self.connection, ROWS, len(message.rows))
                    cursor = await self.save(unit, loading=True)
                self.cursor = cursor
            case SnapshotBegin() | Gap():
                log.warning("projector.snapshot", kind=message.kind, reason=message.reason)
                await self.interrupt(unit)
                if isinstance(message, SnapshotBegin):
                    await begin_task(self.connection, ROWS, message.rows)
            case SnapshotEnd():
                await self.end_snapshot(unit)

    async def save(
        self, unit: Received, *, loading: bool, committed_at: datetime | None = None
    ) -> Cursor:
        """Store the position behind a message."""
        cursor = Cursor(
            self.cursor.created,
            unit.sequence,
            unit.message.position,
            loading,
            unit.message.epoch,
        )
        await save_cursor(self.connection, self.stream, cursor, committed_at)
        return cursor

    async def apply_batch(self, transactions: Transactions) -> None:
        """Apply whole transactions with one stamp, but in several goes where they conflict.

        After a conflict a go is at most twice as long as the last one, so that not much is tried in
        vain when there are many.
        """
        size = len(transactions)
        while transactions:
            try:
                await self.commit(transactions[:size])
            except ConflictError as conflict:
                size = conflict.first
            else:
                transactions = transactions[size:]
                size *= 2

    async def commit(self, transactions: Transactions) -> None:
        """Apply transactions in one transaction of ours; raises ConflictError."""
        sequence, last = transactions[-1]
        with Spool() as spool:
            async with self.connection.transaction():
                touched, tables = await self.change(transactions)
                failpoints.reach(failpoints.PROJECTOR_AFTER_MIRROR)
                names = {
                    number: f"{part.epoch}-{part.position}"
                    for number, (_, part) in enumerate(transactions)
                }
                clock, reference = await self.write(touched, tables, spool, names)
                committed_at = datetime.fromisoformat(last.committed_at)
                cursor = await self.save(
                    Received(sequence, last), loading=self.cursor.loading, committed_at=committed_at
                )
                failpoints.reach(failpoints.PROJECTOR_BEFORE_COMMIT)
            await self.committed(clock, cursor, reference, spool, names)

    async def committed(
        self,
        clock: ClockState,
        cursor: Cursor,
        reference: Reference,
        spool: Spool,
        names: dict[int, str],
    ) -> None:
        """Remember what is stored now; stamp and tell anew what became visible after its stamp."""
        self.clock, self.cursor, self.reference = clock, cursor, reference
        failpoints.reach(failpoints.PROJECTOR_AFTER_COMMIT)
        times = 1
        while len(spool) and self.writer.now() > self.clock.last_stamp:
            log.warning("projector.late_commit", records=len(spool))
            times += 1
            again = {number: f"{name}-{times}" for number, name in names.items()}
            writer = replace(self.writer, again=True)
            async with self.connection.transaction():
                clock = await writer.write(self.connection, spool, self.clock, again)
            self.clock = clock

    async def change(self, transactions: Transactions) -> tuple[Touched, set[str]]:
        """Apply the transactions to the mirror; what they may concern, and the tables they hit."""
        folded: Folded = {}
        origin: dict[tuple[str, tuple[str | None, ...]], int] = {}
        for number, (_, part) in enumerate(transactions):
            fold(part.changes, folded)
            if len(transactions) > 1:
                origin.update((key, number) for key in row_keys(part))
        touched = Touched()
        for table, changes in folded.items():
            if table not in TABLES:
                continue
            images = await apply_changes(self.connection, table, changes)
            if len(transactions) == 1:
                touch(touched, table, images, 0)
                continue
            for pair in images:
                touch(touched, table, [pair], origin[row_key(table, pair)])
        return touched, set(folded)

    async def write(
        self, touched: Touched, tables: set[str], spool: Spool, names: dict[int, str]
    ) -> tuple[ClockState, Reference]:
        """Write what the touched rows change, if no snapshot is under way; raises ConflictError."""
        if self.cursor.loading:
            return self.clock, self.reference
        reference = self.reference
        if tables & REFERENCE_TABLES:
            reference = await gather_reference(self.connection)
        await spread(self.connection, touched)
        if touched.conflict is not None:
            raise ConflictError(touched.conflict)
        await project(self.connection, self.context(reference), touched, self.run_size, spool)
        if not len(spool):
            return self.clock, reference
        if len(names) > 1 and len(spool) > MOST_TOGETHER:
            raise ConflictError(len(names) // 2)
        clock = await self.writer.write(self.connection, spool, self.clock, names)
        return clock, reference

    async def apply_part(self, sequence: int, part: TransactionPart) -> None:
        """Apply a part of a large transaction; the last part makes all of it visible."""
        if self.large is None:
            transaction = self.connection.transaction()
            await transaction.start()
            self.large = LargeTransaction(transaction, Touched(), set())
        touched, tables = await self.change([(sequence, part)])
        failpoints.reach(failpoints.PROJECTOR_AFTER_MIRROR)
        merge(self.large.touched, touched)
        self.large.tables |= tables
        if part.last:
            await self.end_large(sequence, part, self.large)

    async def end_large(
        self, sequence: int, part: TransactionPart, large: LargeTransaction
    ) -> None:
        """Write what the whole transaction changes, and commit."""
        names = {0: f"{part.epoch}-{part.position}"}
        with Spool() as spool:
            clock, reference = await self.write(large.touched, large.tables, spool, names)
            cursor = await self.save(
                Received(sequence, part),
                loading=self.cursor.loading,
                committed_at=datetime.fromisoformat(part.committed_at),
            )
            failpoints.reach(failpoints.PROJECTOR_BEFORE_COMMIT)
            await large.transaction.commit()
            self.large = None
            await self.committed(clock, cursor, reference, spool, names)

    async def interrupt(self, unit: Received) -> None:
        """A snapshot begins, or a gap is told of, perhaps between the parts of a large transaction.

        The rest of it comes behind a snapshot's rows, and the snapshot's end makes it visible;
        after a gap it never comes.
        """
        begun = isinstance(unit.message, SnapshotBegin)
        large, self.large = self.large, None
        if large is not None and not begun:
            await large.transaction.rollback()
        cursor = await self.save(unit, loading=begun or self.cursor.loading)
        if large is not None and begun:
            await large.transaction.commit()
        self.cursor = cursor

    async def end_snapshot(self, unit: Received) -> None:
        """The mirror is consistent: load the read model, or bring it to the new state at once."""
        reference = await gather_reference(self.connection)
        await end_task(self.connection, ROWS)
        await analyze(self.connection, "mirror")
        if not self.clock.ready:
            await self.load(reference, f"load-{unit.message.epoch}-{unit.message.position}")
            async with self.connection.transaction():
                ready = replace(self.clock, ready=True)
                await advance_clock(self.connection, self.clock, ready)
                await end_task(self.connection, PEOPLE)
                cursor = await self.save(unit, loading=False)
            self.clock, self.cursor, self.reference = ready, cursor, reference
            await analyze(self.connection, "v1p2")
            log.info("projector.ready", records=ready.last_sequence)
            return
        names = {0: f"snapshot-{unit.message.epoch}-{unit.message.position}"}
        with Spool() as spool:
            async with self.connection.transaction():
                clock = await self.rebuild(reference, spool, names)
                cursor = await self.save(unit, loading=False)
            await self.committed(clock, cursor, reference, spool, names)

    async def load(self, reference: Reference, name: str) -> None:
        """Fill the read model portion by portion; nobody can read it before it is whole (G9).

        A load that died before its end may have left what its successor's snapshot does not hold.
        """
        context = self.context(reference)
        people = await count_people(self.connection)
        await begin_task(self.connection, PEOPLE, people)
        number = 0
        async for touched in portions(self.connection, self.load_people):
            with Spool() as spool:
                async with self.connection.transaction():
                    await project(self.connection, context, touched, self.run_size, spool)
                    await self.write_portion(spool, f"{name}-{number}")
                    await advance_task(self.connection, PEOPLE, len(touched.rows[Scope.PERSON]))
            failpoints.reach(failpoints.PROJECTOR_DURING_LOAD)
            log.info("projector.loading", portion=number, people=people)
            number += 1
        with Spool() as spool:
            async with self.connection.transaction():
                async for wanted in orphans(self.connection):
                    await settle(self.connection, wanted, spool)
                await self.write_portion(spool, f"{name}-{number}")

    async def write_portion(self, spool: Spool, name: str) -> None:
        """Write a portion of the first load, as a transaction of its own."""
        if len(spool):
            self.clock = await self.writer.write(self.connection, spool, self.clock, {0: name})

    async def rebuild(
        self, reference: Reference, spool: Spool, names: dict[int, str]
    ) -> ClockState:
        """Write all that differs between the mirror and the read model, as one transaction."""
        context = self.context(reference)
        async for touched in portions(self.connection, self.load_people):
            await project(self.connection, context, touched, self.run_size, spool)
        async for wanted in orphans(self.connection):
            await settle(self.connection, wanted, spool)
        if not len(spool):
            return self.clock
        return await self.writer.write(self.connection, spool, self.clock, names)


def row_key(table: str, images: Images) -> tuple[str, tuple[str | None, ...]]:
    """The key of a changed row, as `row_keys` names it."""
    image = images[1] or images[0] or {}
    return table, tuple(str(image[name]) for name in TABLES[table].key)


def merge(into: Touched, touched: Touched) -> None:
    """Add the rows of one part to those of the parts before it."""
    for scope, rows in touched.rows.items():
        into.rows[scope].update(rows)
