"""Applies source messages to mirror, read models, outbox, clock and cursor, each in one go.

All that a unit of work changes commits together with the stream position behind it, so a message
that comes again is not applied again. While a snapshot is under way only the mirror is filled.
"""

import logging
from contextlib import ExitStack
from datetime import datetime

import structlog

from rosterline.events.source import Gap, SnapshotBegin, SnapshotEnd, SnapshotRows, TransactionPart
from rosterline.projector.batch import Batch, Received, row_keys
from rosterline.projector.effects import Changes, ConflictError, HeldError, take_effect
from rosterline.projector.facts import Context
from rosterline.projector.fold import Folded, fold
from rosterline.projector.gather import gather_reference
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.mirror import TABLES, Images, apply_changes, apply_snapshot
from rosterline.projector.project import touch
from rosterline.projector.projection import Projection
from rosterline.projector.rebuild import load, rebuild, rebuild_written
from rosterline.projector.scopes import Touched
from rosterline.projector.store import (
    Cursor,
    advance_task,
    analyze,
    begin_task,
    end_task,
    save_cursor,
)
from rosterline.projector.streams import SIS, Followed, LargeTransaction
from rosterline.projector.writes import Names, Spool, written_after
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

Transactions = list[tuple[int, TransactionPart]]


async def apply(projection: Projection, followed: Followed, unit: Batch | Received) -> None:
    """Apply a unit of work of a stream; nothing of it stays behind when it fails.

    Raises HeldError; the parts of a large transaction are then to be abandoned.
    """
    if isinstance(unit, Batch):
        await apply_batch(projection, followed, unit.transactions)
        return
    message = unit.message
    match message:
        case TransactionPart():
            await apply_part(projection, followed, unit.sequence, message)
        case SnapshotRows():
            await apply_rows(projection, followed, unit, message)
        case SnapshotBegin() | Gap():
            name = followed.stream.name
            # A first start is no trouble, and a snapshot behind a gap has been told of by the gap.
            level = logging.WARNING if isinstance(message, Gap) else logging.INFO
            log.log(
                level, "projector.snapshot", stream=name, kind=message.kind, reason=message.reason
            )
            await interrupt(projection, followed, unit)
            if isinstance(message, SnapshotBegin):
                await begin_task(projection.connection, followed.stream.rows, message.rows)
        case SnapshotEnd():
            await end_snapshot(projection, followed, unit)


def position_behind(followed: Followed, unit: Received, *, loading: bool) -> Cursor:
    """The position behind a message."""
    message = unit.message
    created = followed.cursor.created
    return Cursor(created, unit.sequence, message.position, loading, message.epoch)


async def apply_rows(
    projection: Projection, followed: Followed, unit: Received, message: SnapshotRows
) -> None:
    """Take rows of a snapshot into the mirror."""
    connection, stream = projection.connection, followed.stream
    cursor = position_behind(followed, unit, loading=True)
    async with connection.transaction():
        if message.table in stream.tables:
            await apply_snapshot(connection, message)
        await advance_task(connection, stream.rows, len(message.rows))
        await save_cursor(connection, stream.name, cursor)
    followed.cursor = cursor


async def apply_batch(
    projection: Projection, followed: Followed, transactions: Transactions
) -> None:
    """Apply whole transactions with one stamp, but in several goes where they conflict.

    After a conflict a go is at most twice as long as the last one, so that not much is tried in
    vain when there are many.
    """
    size = len(transactions)
    while transactions:
        try:
            await commit(projection, followed, transactions[:size])
        except ConflictError as conflict:
            size = conflict.first
        else:
            transactions = transactions[size:]
            size *= 2


async def commit(projection: Projection, followed: Followed, transactions: Transactions) -> None:
    """Apply transactions in one transaction of ours; raises ConflictError."""
    sequence, last = transactions[-1]
    stream = followed.stream
    names = {
        number: stream.transaction(part.epoch, part.position)
        for number, (_, part) in enumerate(transactions)
    }
    with ExitStack() as stack:
        spools = open_spools(stack, names)
        async with projection.connection.transaction():
            touched, tables = await change(projection, followed, transactions)
            failpoints.reach(failpoints.PROJECTOR_AFTER_MIRROR)
            changes = Changes(touched, tables, sequence)
            clock, reference = await take_effect(projection, followed, changes, spools)
            cursor = await save(projection, followed, sequence, last)
        followed.reached(cursor)
        await projection.committed(clock, spools, reference)


def open_spools(stack: ExitStack, names: Names) -> tuple[Spool, Spool]:
    """For what transactions change, and for what is written and follows from that."""
    return stack.enter_context(Spool(names)), stack.enter_context(Spool(written_after(names)))


async def save(
    projection: Projection, followed: Followed, sequence: int, part: TransactionPart
) -> Cursor:
    """Store the position behind a transaction."""
    unit = Received(sequence, part)
    cursor = position_behind(followed, unit, loading=followed.cursor.loading)
    committed_at = datetime.fromisoformat(part.committed_at)
    await projection.save_position(followed, cursor, committed_at)
    failpoints.reach(failpoints.PROJECTOR_BEFORE_COMMIT)
    return cursor


async def change(
    projection: Projection, followed: Followed, transactions: Transactions
) -> tuple[Touched, set[str]]:
    """Apply the transactions to the mirror; what they may concern, and the tables they hit."""
    folded: Folded = {}
    origin: dict[tuple[str, tuple[str | None, ...]], int] = {}
    for number, (_, part) in enumerate(transactions):
        fold(part.changes, folded)
        if len(transactions) > 1:
            origin.update((key, number) for key in row_keys(part))
    touched = Touched()
    for table, changes in folded.items():
        if table not in followed.stream.tables:
            continue
        images = await apply_changes(projection.connection, table, changes)
        if len(transactions) == 1:
            touch(touched, table, images, 0)
            continue
        for pair in images:
            touch(touched, table, [pair], origin[row_key(table, pair)])
    return touched, set(folded)


async def apply_part(
    projection: Projection, followed: Followed, sequence: int, part: TransactionPart
) -> None:
    """Apply a part of a large transaction; the last part makes all of it visible."""
    large = followed.large
    if large is None:
        transaction = projection.connection.transaction()
        await transaction.start()
        large = followed.large = LargeTransaction(transaction, Touched(), set())
    touched, tables = await change(projection, followed, [(sequence, part)])
    failpoints.reach(failpoints.PROJECTOR_AFTER_MIRROR)
    large.touched.merge(touched)
    large.tables |= tables
    if part.last:
        await end_large(projection, followed, large, (sequence, part))


async def end_large(
    projection: Projection,
    followed: Followed,
    large: LargeTransaction,
    last: tuple[int, TransactionPart],
) -> None:
    """Write what the whole transaction changes, and commit."""
    sequence, part = last
    names = {0: followed.stream.transaction(part.epoch, part.position)}
    with ExitStack() as stack:
        spools = open_spools(stack, names)
        changes = Changes(large.touched, large.tables, sequence)
        clock, reference = await take_effect(projection, followed, changes, spools)
        cursor = await save(projection, followed, sequence, part)
        await large.transaction.commit()
        followed.large = None
        followed.reached(cursor)
        await projection.committed(clock, spools, reference)


async def interrupt(projection: Projection, followed: Followed, unit: Received) -> None:
    """A snapshot begins, or a gap is told of, perhaps between the parts of a large transaction.

    The rest of it comes behind a snapshot's rows, and the snapshot's end makes it visible; after a
    gap it never comes.
    """
    begun = isinstance(unit.message, SnapshotBegin)
    large, followed.large = followed.large, None
    if large is not None and not begun:
        await large.transaction.rollback()
    cursor = position_behind(followed, unit, loading=begun or followed.cursor.loading)
    await save_cursor(projection.connection, followed.stream.name, cursor)
    if large is not None and begun:
        await large.transaction.commit()
    followed.cursor = cursor


async def end_snapshot(projection: Projection, followed: Followed, unit: Received) -> None:
    """The mirror is consistent: load the read models, or bring them to the new state at once."""
    connection = projection.connection
    await end_task(connection, followed.stream.rows)
    await analyze(connection, "mirror")
    cursor = position_behind(followed, unit, loading=False)
    place = f"{unit.message.epoch}-{unit.message.position}"
    if followed.stream is not SIS:
        await rebuild_written(projection, f"{followed.stream.prefix}snapshot-{place}", cursor)
        return
    # A machine whose clock was set back takes no day back.
    day = max(projection.day, projection.today())
    context = Context(await gather_reference(connection), day, projection.switches)
    if not projection.clock.ready:
        await load(projection, context, f"load-{place}", cursor)
        return
    name, guarded = f"snapshot-{place}", not followed.is_released(unit.sequence)
    try:
        await rebuild(projection, context, name, cursor, guarded=guarded)
    except TooManyLossesError as error:
        raise HeldError(unit.sequence, name, error.losses) from error


def row_key(table: str, images: Images) -> tuple[str, tuple[str | None, ...]]:
    """The key of a changed row, as `row_keys` names it."""
    image = images[1] or images[0] or {}
    return table, tuple(str(image[name]) for name in TABLES[table].key)
