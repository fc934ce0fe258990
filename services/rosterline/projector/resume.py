"""Where in a source stream the projector goes on: behind its cursor, or at the last whole snapshot.

The cursor may not fit the stream: the stream lost its newest messages, or no longer holds what the
database, restored from a backup, has not applied. Nothing is skipped then: a snapshot of every
table that stands in the stream is applied from its beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import structlog
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rosterline.bus.reader import StreamGapError
from rosterline.bus.topology import identity
from rosterline.events.source import Gap, SnapshotBegin
from rosterline.events.subjects import source_subject
from rosterline.projector.batch import Received
from rosterline.projector.store import Cursor, fetch_cursor, save_cursor
from rosterline.projector.streams import SourceStream

log = structlog.get_logger(__name__)

TABLES_HEADER = "Rosterline-Tables"
EPOCH_HEADER = "Rosterline-Epoch"


class AnotherEpochError(Exception):
    """The next message belongs to a later history of the source than the one before it."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the place in one stream."""

    connection: asyncpg.Connection
    jetstream: JetStreamContext
    stream: SourceStream
    district: str

    async def begin(self) -> Cursor:
        """The cursor as stored, where the stream still is the one that it stands in."""
        created = identity(await self.jetstream.stream_info(self.stream.name))
        cursor = await fetch_cursor(self.connection, self.stream.name)
        if cursor is None or cursor.created != created:
            cursor = Cursor(created, 0, "0/0", loading=True)
            await save_cursor(self.connection, self.stream.name, cursor)
        return cursor

    async def find_cursor(self) -> Cursor | None:
        """Where to go on; None while the stream is shorter than what was applied of it.

        Raises StreamGapError when the next message is gone and no whole snapshot stands in the
        stream.
        """
        name = self.stream.name
        cursor = await self.begin()
        state = (await self.jetstream.stream_info(name)).state
        if cursor.sequence > state.last_seq:
            return await self.go_to_snapshot(cursor, newer=True)
        if state.last_seq > cursor.sequence and state.first_seq > cursor.sequence + 1:
            found = await self.go_to_snapshot(cursor)
            if found is None:
                raise StreamGapError(
                    f"stream {name} begins with message {state.first_seq}, but "
                    f"{cursor.sequence + 1} is next to be applied; {self.stream.remedy}"
                )
            return found
        return cursor

    async def go_to_snapshot(
        self, cursor: Cursor, *, newer: bool = False, behind: int = 0
    ) -> Cursor | None:
        """Set the cursor before the last snapshot if that is of every table; None if there is none.

        With `newer` it must be of a later epoch than the cursor's; it begins after message
        `behind`.
        """
        name, subject = self.stream.name, self.subject("snapshot_begin")
        try:
            begin = await self.jetstream.get_last_msg(name, subject)
        except NotFoundError:
            return None
        headers = begin.headers or {}
        epoch = int(headers.get(EPOCH_HEADER, "0"))
        is_whole = set(headers.get(TABLES_HEADER, "").split(",")) >= self.stream.tables
        if begin.seq is None or not is_whole or (newer and epoch <= cursor.epoch):
            return None
        if begin.seq <= behind:
            return None
        found = Cursor(cursor.created, begin.seq - 1, cursor.position, loading=True, epoch=epoch)
        await save_cursor(self.connection, name, found)
        log.warning(
            "projector.from_snapshot",
            stream=name,
            instead_of=cursor.sequence,
            after=found.sequence,
        )
        return found

    async def is_superseded(self, cursor: Cursor, *, held: int) -> bool:
        """Whether message `held` is to be met no more: find the cursor again.

        The stream is another one, or all tables were sent anew behind it: what was a mistake, and
        was mended in the source, never shows.
        """
        if identity(await self.jetstream.stream_info(self.stream.name)) != cursor.created:
            return True
        return await self.go_to_snapshot(cursor, behind=held) is not None

    def subject(self, kind: str) -> str:
        """The subject of the stream's messages of a kind."""
        return source_subject(self.stream.source, self.district, kind)


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
