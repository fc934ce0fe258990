"""Where in stream SIS the projector goes on: behind its cursor, or at the last whole snapshot.

The cursor may not fit the stream: the stream lost its newest messages, or no longer holds what the
database, restored from a backup, has not applied. Nothing is skipped then: a snapshot of every
table that stands in the stream is applied from its beginning.
"""

from collections.abc import Iterator

import asyncpg
import structlog
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rosterline.bus.reader import StreamGapError
from rosterline.bus.topology import SIS, identity
from rosterline.db.tables import sis
from rosterline.events.source import Gap, SnapshotBegin
from rosterline.events.subjects import source_subject
from rosterline.projector.batch import Received
from rosterline.projector.store import Cursor, fetch_cursor, save_cursor

log = structlog.get_logger(__name__)

TABLES_HEADER = "Rosterline-Tables"
EPOCH_HEADER = "Rosterline-Epoch"


class AnotherEpochError(Exception):
    """The next message belongs to a later history of the source than the one before it."""


async def find_cursor(
    connection: asyncpg.Connection, jetstream: JetStreamContext, district: str
) -> Cursor | None:
    """Where to go on; None while the stream is shorter than what was applied of it.

    Raises StreamGapError when the next message is gone and no whole snapshot stands in the stream.
    """
    info = await jetstream.stream_info(SIS)
    created, state = identity(info), info.state
    cursor = await fetch_cursor(connection, SIS)
    if cursor is None or cursor.created != created:
        cursor = Cursor(created, 0, "0/0", loading=True)
        await save_cursor(connection, SIS, cursor)
    if cursor.sequence > state.last_seq:
        return await go_to_snapshot(connection, jetstream, cursor, district, newer=True)
    if state.last_seq > cursor.sequence and state.first_seq > cursor.sequence + 1:
        found = await go_to_snapshot(connection, jetstream, cursor, district)
        if found is None:
            raise StreamGapError(
                f"stream SIS begins with message {state.first_seq}, but {cursor.sequence + 1} is "
                "next to be applied; stop capture and send all tables anew: "
                f"rosterline capture sis --snapshot {','.join(sis.TABLES)}"
            )
        return found
    return cursor


async def go_to_snapshot(
    connection: asyncpg.Connection,
    jetstream: JetStreamContext,
    cursor: Cursor,
    district: str,
    *,
    newer: bool = False,
    behind: int = 0,
) -> Cursor | None:
    """Set the cursor before the last snapshot if that is of every table; None if there is none.

    With `newer` it must be of a later epoch than the cursor's; it begins after message `behind`.
    """
    try:
        begin = await jetstream.get_last_msg(SIS, source_subject("sis", district, "snapshot_begin"))
    except NotFoundError:
        return None
    headers = begin.headers or {}
    epoch = int(headers.get(EPOCH_HEADER, "0"))
    is_whole = set(headers.get(TABLES_HEADER, "").split(",")) >= set(sis.TABLES)
    if begin.seq is None or not is_whole or (newer and epoch <= cursor.epoch):
        return None
    if begin.seq <= behind:
        return None
    found = Cursor(cursor.created, begin.seq - 1, cursor.position, loading=True, epoch=epoch)
    await save_cursor(connection, SIS, found)
    log.warning("projector.from_snapshot", instead_of=cursor.sequence, after=found.sequence)
    return found


async def is_superseded(
    connection: asyncpg.Connection,
    jetstream: JetStreamContext,
    cursor: Cursor,
    district: str,
    *,
    held: int,
) -> bool:
    """Whether message `held` is to be met no more: find the cursor again.

    The stream is another one, or all tables were sent anew behind it: what was a mistake, and was
    mended in the SIS, never shows.
    """
    if identity(await jetstream.stream_info(SIS)) != cursor.created:
        return True
    return await go_to_snapshot(connection, jetstream, cursor, district, behind=held) is not None


def of_one_epoch(messages: Iterator[Received], epoch: int) -> Iterator[Received]:
    """The messages, checked to follow each other; raises AnotherEpochError.

    A new epoch begins with a gap or a snapshot: one that begins otherwise has lost its beginning.
    Before a stream's first message no epoch (0) is known.
    """
    for received in messages:
        message = received.message
        is_beginning = epoch == 0 or isinstance(message, Gap | SnapshotBegin)
        if message.epoch != epoch and not is_beginning:
            raise AnotherEpochError(f"message {received.sequence} is of epoch {message.epoch}")
        epoch = message.epoch
        yield received
