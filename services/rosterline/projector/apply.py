"""Applies source messages to mirror, read models, outbox, clock and cursor, each in one go.

All that a unit of work changes commits together with the stream position behind it, so a message
that comes again is not applied again. While a snapshot is under way only the mirror is filled.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from rosterline.events.source import Gap, SnapshotBegin, SnapshotEnd, SnapshotRows, TransactionPart
from rosterline.projector.batch import Batch, Received, row_keys
from rosterline.projector.clock import ClockState
from rosterline.projector.facts import Context, Reference
from rosterline.projector.fold import Folded, fold
from rosterline.projector.gather import gather_reference
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.holds import Loss
from rosterline.projector.mirror import TABLES, Images, apply_changes, apply_snapshot
from rosterline.projector.project import project, touch
from rosterline.projector.projection import LargeTransaction, Names, Projection
from rosterline.projector.rebuild import load, rebuild
from rosterline.projector.scopes import Touched
from rosterline.projector.spread import spread
from rosterline.projector.store import (
    Cursor,
    advance_task,
    analyze,
    begin_task,
    end_task,
    save_cursor,
)
from rosterline.projector.writes import Spool
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

REFERENCE_TABLES = {"district", "school", "school_year", "calendar", "grade_level", "term"}
# Above this, transactions are told of one by one: the events of several are put in order in memory.
MOST_TOGETHER = 20_000
ROWS = "rows of the SIS"
Transactions = list[tuple[int, TransactionPart]]


@dataclass(frozen=True, slots=True)
class Place:
    """What is written at once: the sequence of its last message, and its transactions' names."""

    sequence: int
    names: Names


class ConflictError(Exception):
    """Transactions of a batch cannot share a stamp; those before `first` perhaps can."""

    def __init__(self, first: int) -> None:
        super().__init__(f"transaction {first} of the batch concerns what an earlier one did")
        self.first = first


class HeldError(Exception):
    """A transaction takes too much away: it stays behind message `sequence` until released."""

    def __init__(self, sequence: int, name: str, losses: tuple[Loss, ...]) -> None:
        super().__init__(f"transaction {name} is held: {'; '.join(map(str, losses))}")
        self.sequence = sequence
        self.name = name
        self.losses = losses


async def apply(projection: Projection, unit: Batch | Received) -> None:
    """Apply a unit of work; nothing of it stays behind when it fails.

    Raises HeldError; the parts of a large transaction are then to be abandoned.
    """
    if isinstance(unit, Batch):
        await apply_batch(projection, unit.transactions)
        return
    message = unit.message
    match message:
        case TransactionPart():
            await apply_part(projection, unit.sequence, message)
        case SnapshotRows():
            cursor = position_behind(projection, unit, loading=True)
            async with projection.connection.transaction():
                await apply_snapshot(projection.connection, message)
                await advance_task(projection.connection, ROWS, len(message.rows))
                await save_cursor(projection.connection, projection.stream, cursor)
            projection.cursor = cursor
        case SnapshotBegin() | Gap():
            log.warning("projector.snapshot", kind=message.kind, reason=message.reason)
            await interrupt(projection, unit)
            if isinstance(message, SnapshotBegin):
                await begin_task(projection.connection, ROWS, message.rows)
        case SnapshotEnd():
            await end_snapshot(projection, unit)


def position_behind(projection: Projection, unit: Received, *, loading: bool) -> Cursor:
    """The position behind a message."""
    message = unit.message
    created = projection.cursor.created
    return Cursor(created, unit.sequence, message.position, loading, message.epoch)


async def apply_batch(projection: Projection, transactions: Transactions) -> None:
    """Apply whole transactions with one stamp, but in several goes where they conflict.

    After a conflict a go is at most twice as long as the last one, so that not much is tried in
    vain when there are many.
    """
    size = len(transactions)
    while transactions:
        try:
            await commit(projection, transactions[:size])
        except ConflictError as conflict:
            size = conflict.first
        else:
            transactions = transactions[size:]
            size *= 2


async def commit(projection: Projection, transactions: Transactions) -> None:
    """Apply transactions in one transaction of ours; raises ConflictError."""
    sequence, last = transactions[-1]
    names = {
        number: f"{part.epoch}-{part.position}" for number, (_, part) in enumerate(transactions)
    }
    with Spool() as spool:
        async with projection.connection.transaction():
            touched, tables = await change(projection, transactions)
            failpoints.reach(failpoints.PROJECTOR_AFTER_MIRROR)
            place = Place(sequence, names)
            clock, reference = await write(projection, touched, tables, spool, place)
            cursor = await save(projection, sequence, last)
        await projection.committed(clock, cursor, reference, spool, names)


async def save(projection: Projection, sequence: int, part: TransactionPart) -> Cursor:
    """Store the position behind a transaction."""
    unit = Received(sequence, part)
    cursor = position_behind(projection, unit, loading=projection.cursor.loading)
    committed_at = datetime.fromisoformat(part.committed_at)
    await projection.save_position(cursor, committed_at)
    failpoints.reach(failpoints.PROJECTOR_BEFORE_COMMIT)
    return cursor


async def change(projection: Projection, transactions: Transactions) -> tuple[Touched, set[str]]:
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
        images = await apply_changes(projection.connection, table, changes)
        if len(transactions) == 1:
            touch(touched, table, images, 0)
            continue
        for pair in images:
            touch(touched, table, [pair], origin[row_key(table, pair)])
    return touched, set(folded)


async def write(
    projection: Projection, touched: Touched, tables: set[str], spool: Spool, place: Place
) -> tuple[ClockState, Reference]:
    """Write what the touched rows change, if no snapshot is under way.

    Raises ConflictError and HeldError.
    """
    if projection.cursor.loading:
        return projection.clock, projection.reference
    connection, reference = projection.connection, projection.reference
    if tables & REFERENCE_TABLES:
        reference = await gather_reference(connection)
    await spread(connection, touched)
    if touched.conflict is not None:
        raise ConflictError(touched.conflict)
    await project(connection, projection.context(reference), touched, projection.run_size, spool)
    half = len(place.names) // 2
    if half and len(spool) > MOST_TOGETHER:
        raise ConflictError(half)
    guarded = not projection.is_released(place.sequence)
    try:
        return await projection.write(spool, place.names, guarded=guarded), reference
    except TooManyLossesError as error:
        # Each transaction is judged by itself: those before one that is held are applied.
        if half:
            raise ConflictError(half) from error
        raise HeldError(place.sequence, place.names[0], error.losses) from error


async def apply_part(projection: Projection, sequence: int, part: TransactionPart) -> None:
    """Apply a part of a large transaction; the last part makes all of it visible."""
    large = projection.large
    if large is None:
        transaction = projection.connection.transaction()
        await transaction.start()
        large = projection.large = LargeTransaction(transaction, Touched(), set())
    touched, tables = await change(projection, [(sequence, part)])
    failpoints.reach(failpoints.PROJECTOR_AFTER_MIRROR)
    merge(large.touched, touched)
    large.tables |= tables
    if part.last:
        await end_large(projection, sequence, part, large)


async def end_large(
    projection: Projection, sequence: int, part: TransactionPart, large: LargeTransaction
) -> None:
    """Write what the whole transaction changes, and commit."""
    names = {0: f"{part.epoch}-{part.position}"}
    with Spool() as spool:
        place = Place(sequence, names)
        clock, reference = await write(projection, large.touched, large.tables, spool, place)
        cursor = await save(projection, sequence, part)
        await large.transaction.commit()
        projection.large = None
        await projection.committed(clock, cursor, reference, spool, names)


async def interrupt(projection: Projection, unit: Received) -> None:
    """A snapshot begins, or a gap is told of, perhaps between the parts of a large transaction.

    The rest of it comes behind a snapshot's rows, and the snapshot's end makes it visible; after a
    gap it never comes.
    """
    begun = isinstance(unit.message, SnapshotBegin)
    large, projection.large = projection.large, None
    if large is not None and not begun:
        await large.transaction.rollback()
    cursor = position_behind(projection, unit, loading=begun or projection.cursor.loading)
    await save_cursor(projection.connection, projection.stream, cursor)
    if large is not None and begun:
        await large.transaction.commit()
    projection.cursor = cursor


async def end_snapshot(projection: Projection, unit: Received) -> None:
    """The mirror is consistent: load the read models, or bring them to the new state at once."""
    reference = await gather_reference(projection.connection)
    await end_task(projection.connection, ROWS)
    await analyze(projection.connection, "mirror")
    # A machine whose clock was set back takes no day back.
    day = max(projection.day, projection.today())
    context = Context(reference, day, projection.switches)
    cursor = position_behind(projection, unit, loading=False)
    place = f"{unit.message.epoch}-{unit.message.position}"
    if not projection.clock.ready:
        await load(projection, context, f"load-{place}", cursor)
        return
    name, guarded = f"snapshot-{place}", not projection.is_released(unit.sequence)
    try:
        await rebuild(projection, context, name, cursor, guarded=guarded)
    except TooManyLossesError as error:
        raise HeldError(unit.sequence, name, error.losses) from error


def row_key(table: str, images: Images) -> tuple[str, tuple[str | None, ...]]:
    """The key of a changed row, as `row_keys` names it."""
    image = images[1] or images[0] or {}
    return table, tuple(str(image[name]) for name in TABLES[table].key)


def merge(into: Touched, touched: Touched) -> None:
    """Add the rows of one part to those of the parts before it."""
    for scope, rows in touched.rows.items():
        into.rows[scope].update(rows)
