"""Bytes of PostgreSQL's `pgoutput` plugin (protocol 1, text values) → what they say. Pure.

The message formats are those of the PostgreSQL manual, "Logical Replication Message Formats".
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rosterline.events.source import Change, Operation, Values

POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
UNSIGNED_16 = struct.Struct("!H")
UNSIGNED_32 = struct.Struct("!I")
BEGIN = struct.Struct("!QqI")
COMMIT = struct.Struct("!BQQq")
MESSAGE_HEAD = struct.Struct("!BQ")
COLUMN_TYPE = struct.Struct("!II")
ORIGIN = struct.Struct("!Q")
KEY_COLUMN = 1
NULL, UNCHANGED, TEXT = ord("n"), ord("u"), ord("t")
NEW_IMAGE, KEY_IMAGE, OLD_IMAGE = ord("N"), ord("K"), ord("O")
BROKEN = (struct.error, IndexError, ValueError, KeyError, OverflowError)


class DecodeError(Exception):
    """Bytes that are no pgoutput message of protocol 1."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction's start; `lsn` is where its commit stands."""

    lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction's end; `end_lsn` is behind its commit, and may be confirmed."""

    lsn: int
    end_lsn: int


@dataclass(frozen=True, slots=True)
class LogicalMessage:
    """A message of `pg_logical_emit_message`."""

    transactional: bool
    prefix: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as the stream describes it before its first change."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


Decoded = Begin | Commit | Change | LogicalMessage


def moment(microseconds: int) -> datetime:
    """A PostgreSQL timestamp (microseconds since 2000) as a UTC datetime."""
    return POSTGRES_EPOCH + timedelta(microseconds=microseconds)


class Reader:
    """A position in the bytes of one message."""

    __slots__ = ("data", "offset")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 1

    def byte(self) -> int:
        """One byte."""
        self.offset += 1
        return self.data[self.offset - 1]

    def marker(self, *expected: int) -> int:
        """A byte that says what follows."""
        found = self.byte()
        if found not in expected:
            raise DecodeError(f"an image of unknown kind {found}")
        return found

    def end(self) -> None:
        """The message must end here."""
        if self.offset != len(self.data):
            raise DecodeError(f"a message of {len(self.data)} bytes where {self.offset} are due")

    def take(self, shape: struct.Struct) -> tuple[int, ...]:
        """Fixed-size numbers."""
        start = self.offset
        self.offset = start + shape.size
        return shape.unpack_from(self.data, start)

    def string(self) -> str:
        """A text that a zero byte ends."""
        end = self.data.index(b"\0", self.offset)
        text = self.data[self.offset : end].decode()
        self.offset = end + 1
        return text

    def skip(self) -> list["Decoded"]:
        """The rest is of no use."""
        self.offset = len(self.data)
        return []

    def image(self, columns: tuple[str, ...]) -> tuple[Values, tuple[str, ...]]:
        """A row: its values by column, and the names of untouched TOAST columns."""
        (count,) = self.take(UNSIGNED_16)
        if count != len(columns):
            raise DecodeError("a row with another number of columns than its table")
        data, offset = self.data, self.offset
        values: Values = {}
        unchanged: list[str] = []
        for name in columns:
            kind = data[offset]
            offset += 1
            if kind == TEXT:
                (size,) = UNSIGNED_32.unpack_from(data, offset)
                offset += 4
                values[name] = data[offset : offset + size].decode()
                offset += size
            elif kind == NULL:
                values[name] = None
            elif kind == UNCHANGED:
                unchanged.append(name)
            else:
                raise DecodeError(f"a column of unknown kind {kind}")
        self.offset = offset
        return values, tuple(unchanged)


class Decoder:
    """Decodes one connection's messages in order; remembers the tables described so far.

    `keys` are the primary keys by table name; a table that is not named there has the columns of
    its replica identity as key. With `schema`, tables of other schemas are passed over: a
    publication may hold some that are called as ours are.
    """

    def __init__(self, keys: Mapping[str, tuple[str, ...]], schema: str | None = None) -> None:
        self.keys = keys
        self.schema = schema
        self.relations: dict[int, Relation | None] = {}
        self.readings: dict[bytes, Callable[[Reader], list[Decoded]]] = {
            b"I": self.insert,
            b"U": self.update,
            b"D": self.delete,
            b"T": self.truncate,
            b"B": self.begin,
            b"C": self.commit,
            b"M": self.message,
            b"R": self.describe,
            b"O": self.origin,
            b"Y": self.type_name,
        }

    def decode(self, data: bytes) -> list[Decoded]:
        """What the message says; empty for descriptions of tables, types and origins.

        Raises DecodeError.
        """
        kind = data[:1]
        reading = self.readings.get(kind)
        if reading is None:
            raise DecodeError(f"a message of unknown kind {kind!r}")
        reader = Reader(data)
        try:
            decoded = reading(reader)
        except BROKEN as error:
            raise DecodeError(f"a broken message of kind {kind!r}") from error
        reader.end()
        return decoded

    def begin(self, reader: Reader) -> list[Decoded]:
        """A transaction's start."""
        lsn, committed_at, xid = reader.take(BEGIN)
        return [Begin(lsn, moment(committed_at), xid)]

    def commit(self, reader: Reader) -> list[Decoded]:
        """A transaction's end."""
        _, lsn, end_lsn, _ = reader.take(COMMIT)
        return [Commit(lsn, end_lsn)]

    def relation(self, reader: Reader) -> Relation | None:
        """The table that the message names; None when it is none of ours."""
        (oid,) = reader.take(UNSIGNED_32)
        return self.relations[oid]

    def describe(self, reader: Reader) -> list[Decoded]:
        """Remember a table's columns."""
        (oid,) = reader.take(UNSIGNED_32)
        schema, name = reader.string(), reader.string()
        reader.byte()
        (count,) = reader.take(UNSIGNED_16)
        columns: list[str] = []
        identity: list[str] = []
        for _ in range(count):
            flags = reader.byte()
            column = reader.string()
            reader.take(COLUMN_TYPE)
            columns.append(column)
            if flags & KEY_COLUMN:
                identity.append(column)
        key = self.keys.get(name, tuple(identity))
        ours = self.schema is None or schema == self.schema
        self.relations[oid] = Relation(name, tuple(columns), key) if ours else None
        return []

    def insert(self, reader: Reader) -> list[Decoded]:
        """A new row."""
        relation = self.relation(reader)
        if relation is None:
            return reader.skip()
        reader.marker(NEW_IMAGE)
        row, _ = reader.image(relation.columns)
        return [change(relation, "insert", row, row)]

    def update(self, reader: Reader) -> list[Decoded]:
        """A changed row; the old image is there when the identity changed or is the whole row."""
        relation = self.relation(reader)
        if relation is None:
            return reader.skip()
        old: Values | None = None
        if reader.marker(NEW_IMAGE, KEY_IMAGE, OLD_IMAGE) != NEW_IMAGE:
            old, _ = reader.image(relation.columns)
            reader.marker(NEW_IMAGE)
        row, unchanged = reader.image(relation.columns)
        return [change(relation, "update", old or row, row, unchanged)]

    def delete(self, reader: Reader) -> list[Decoded]:
        """A row that is gone."""
        relation = self.relation(reader)
        if relation is None:
            return reader.skip()
        reader.marker(KEY_IMAGE, OLD_IMAGE)
        old, _ = reader.image(relation.columns)
        return [change(relation, "delete", old, None)]

    def truncate(self, reader: Reader) -> list[Decoded]:
        """Tables that are empty now."""
        (count,) = reader.take(UNSIGNED_32)
        reader.byte()
        named = [self.relation(reader) for _ in range(count)]
        return [change(relation, "truncate", {}, None) for relation in named if relation]

    def message(self, reader: Reader) -> list[Decoded]:
        """A logical message."""
        flags, _ = reader.take(MESSAGE_HEAD)
        prefix = reader.string()
        (size,) = reader.take(UNSIGNED_32)
        content = reader.data[reader.offset : reader.offset + size]
        reader.offset += size
        return [LogicalMessage(bool(flags & 1), prefix, content)]

    def origin(self, reader: Reader) -> list[Decoded]:
        """Where a transaction came from; of no use here."""
        reader.take(ORIGIN)
        reader.string()
        return []

    def type_name(self, reader: Reader) -> list[Decoded]:
        """What a type is called; of no use here, for values are texts."""
        reader.take(UNSIGNED_32)
        reader.string()
        reader.string()
        return []


def change(
    relation: Relation,
    op: Operation,
    keyed: Values,
    row: Values | None,
    unchanged: tuple[str, ...] = (),
) -> Change:
    """A change whose key is read from `keyed`; the values are known to fit: nothing is checked."""
    key = {name: keyed[name] for name in relation.key} if op != "truncate" else {}
    return Change.model_construct(table=relation.name, op=op, key=key, row=row, unchanged=unchanged)
