"""The first snapshot: every table in primary-key order, out of one moment of the database.

It is read in a transaction that imports the snapshot of a slot's creation, and published in
messages of bounded size. A killed snapshot goes on behind the last row that the stream holds; its
rest is newer than its beginning, and the stream's changes since the slot's creation even that out.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg
import orjson

from rosterline.capture.parts import ROW_OVERHEAD, Limits, text_size
from rosterline.capture.source import TableShape
from rosterline.events.source import SnapshotRows

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class SnapshotPlace:
    """The last rows that the stream holds of an unfinished snapshot."""

    table: str
    after: tuple[str, ...] | None
    done: bool

    @classmethod
    def from_message(cls, data: bytes) -> "SnapshotPlace | None":
        """From the stream's last message; None when that holds no rows."""
        message = orjson.loads(data)
        if message["kind"] != "snapshot_rows":
            return None
        place = message["after"]
        if message["rows"]:
            place = [message["rows"][-1][message["columns"].index(name)] for name in message["key"]]
        return cls(message["table"], tuple(place) if place else None, message["done"])


def remaining(
    tables: tuple[str, ...], place: SnapshotPlace | None
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Tables still to be read, each with the key behind which to begin."""
    if place is None or place.table not in tables:
        yield from ((table, None) for table in tables)
        return
    index = tables.index(place.table)
    if not place.done:
        yield place.table, place.after
    yield from ((table, None) for table in tables[index + 1 :])


async def read_table(
    connection: asyncpg.Connection,
    shape: TableShape,
    after: tuple[str, ...] | None,
    limits: Limits,
    header: tuple[int, str],
) -> AsyncIterator[SnapshotRows]:
    """The table's rows behind `after`; the last message says `done`.

    `header` is the epoch and the position that the messages carry.
    """
    finished = False
    while not finished:
        rows = await connection.fetch(
            shape.rows_query(after=after is not None, limit=limits.rows), *(after or ())
        )
        finished = len(rows) < limits.rows
        runs = chunks([tuple(row) for row in rows], limits.size) or [[]]
        for number, chunk in enumerate(runs, start=1):
            yield SnapshotRows.model_construct(
                epoch=header[0],
                position=header[1],
                table=shape.name,
                key=shape.key,
                columns=shape.columns,
                after=after,
                rows=tuple(chunk),
                done=finished and number == len(runs),
            )
            if chunk:
                after = key_of(shape, chunk[-1])


def key_of(shape: TableShape, row: Row) -> tuple[str, ...]:
    """The row's primary key."""
    values = dict(zip(shape.columns, row, strict=True))
    return tuple(str(values[name]) for name in shape.key)


def chunks(rows: list[Row], size: int) -> list[list[Row]]:
    """Rows in runs of about `size` bytes."""
    runs: list[list[Row]] = []
    held = 0
    for row in rows:
        length = ROW_OVERHEAD + sum(text_size(value) + 3 for value in row)
        if not runs or held + length > size:
            runs.append([])
            held = 0
        runs[-1].append(row)
        held += length
    return runs
