"""pgoutput messages as PostgreSQL's manual describes them: the decoder's inverse, for tests."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rosterline.capture.pgoutput import POSTGRES_EPOCH

UNCHANGED = object()
Value = str | None | object


@dataclass(frozen=True)
class Table:
    """A table as a Relation message describes it; `identity` are the columns of its identity."""

    oid: int
    schema: str
    name: str
    columns: tuple[str, ...]
    identity: tuple[str, ...]


def text(value: str) -> bytes:
    """A text that a zero byte ends."""
    return value.encode() + b"\0"


def microseconds(moment: datetime) -> int:
    """Since PostgreSQL's epoch."""
    return (moment - POSTGRES_EPOCH) // timedelta(microseconds=1)


def begin(lsn: int, committed_at: datetime, xid: int) -> bytes:
    """A transaction's start."""
    return b"B" + struct.pack("!QqI", lsn, microseconds(committed_at), xid)


def commit(lsn: int, end_lsn: int, committed_at: datetime) -> bytes:
    """A transaction's end."""
    return b"C" + struct.pack("!BQQq", 0, lsn, end_lsn, microseconds(committed_at))


def origin(lsn: int, name: str) -> bytes:
    """Where a transaction came from."""
    return b"O" + struct.pack("!Q", lsn) + text(name)


def type_name(oid: int, schema: str, name: str) -> bytes:
    """A type's name."""
    return b"Y" + struct.pack("!I", oid) + text(schema) + text(name)


def relation(table: Table) -> bytes:
    """A table's description."""
    columns = b"".join(
        struct.pack("!B", column in table.identity) + text(column) + struct.pack("!Ii", 25, -1)
        for column in table.columns
    )
    head = struct.pack("!I", table.oid) + text(table.schema) + text(table.name)
    return b"R" + head + b"d" + struct.pack("!H", len(table.columns)) + columns


def column_value(value: Value) -> bytes:
    """One column of an image."""
    if value is None:
        return b"n"
    if not isinstance(value, str):
        return b"u"
    data = value.encode()
    return b"t" + struct.pack("!I", len(data)) + data


def image(table: Table, row: Mapping[str, Value]) -> bytes:
    """A row; columns that `row` does not name are null, as those outside a key image are."""
    values = b"".join(column_value(row.get(column)) for column in table.columns)
    return struct.pack("!H", len(table.columns)) + values


def insert(table: Table, row: Mapping[str, Value]) -> bytes:
    """A new row."""
    return b"I" + struct.pack("!I", table.oid) + b"N" + image(table, row)


def update(
    table: Table, row: Mapping[str, Value], old: Mapping[str, Value] | None = None, kind: str = "K"
) -> bytes:
    """A changed row; `old` is its key (kind K) or all of it (kind O) before the change."""
    before = kind.encode() + image(table, old) if old is not None else b""
    return b"U" + struct.pack("!I", table.oid) + before + b"N" + image(table, row)


def delete(table: Table, old: Mapping[str, Value], kind: str = "K") -> bytes:
    """A row that is gone."""
    return b"D" + struct.pack("!I", table.oid) + kind.encode() + image(table, old)


def truncate(tables: Iterable[Table], options: int = 0) -> bytes:
    """Tables that are empty now."""
    oids = [table.oid for table in tables]
    return b"T" + struct.pack(f"!IB{len(oids)}I", len(oids), options, *oids)


def message(prefix: str, content: bytes, *, transactional: bool = True) -> bytes:
    """A logical message."""
    head = struct.pack("!BQ", transactional, 77) + text(prefix)
    return b"M" + head + struct.pack("!I", len(content)) + content
