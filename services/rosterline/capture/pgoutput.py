"""Bytes of PostgreSQL's `pgoutput` plugin (protocol 1, text values) → what they say. Pure.

The message formats are those of the PostgreSQL manual, "Logical Replication Message Formats".
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rosterline.events.source import Change, Operation, Values

POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
UNSIGNED_16 = struct.Struct("!H")
UNSIGNED_32 = struct.Struct("!I")
BEGIN = struct.Struct("!QqI")
COMMIT = struct.Struct("!BQQq")
MESSAGE_HEAD = struct.Struct("!BQ")
KEY_COLUMN = 1
NULL, UNCHANGED, TEXT = ord("n"), ord("u"), ord("t")
KEY_IMAGE, OLD_IMAGE = ord("K"), ord("O")


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
    its replica identity as key.
    """

    def __init__(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        self.keys = keys
        self.relations: dict[int, Relation] = {}

    def decode(self, data: bytes) -> list[Decoded]:
        """What the message says; empty for descriptions of tables, types and origins.

        Raises DecodeError.
        """
        try:
            return self.decode_known(data)
        except (struct.error, IndexError, ValueError, KeyError) as error:
            raise DecodeError(f"a broken message of kind {data[:1]!r}") from error

    def decode_known(self, data: bytes) -> list[Decoded]:
        """As `decode`, with whatever error broken bytes cause."""
        reader = Reader(data)
        match data[:1]:
            case b"I":
                return [self.insert(reader)]
            case b"U":
                return [self.update(reader)]
            case b"D":
                return [self.delete(reader)]
            case b"B":
                lsn, committed_at, xid = reader.take(BEGIN)
                return [Begin(lsn, moment(committed_at), xid)]
            case b"C":
                _, lsn, end_lsn, _ = reader.take(COMMIT)
                return [Commit(lsn, end_lsn)]
            case b"M":
                return [self.message(reader)]
            case b"T":
                return self.truncate(reader)
            case b"R":
                self.describe(reader)
                return []
            case b"O" | b"Y":
                return []
            case other:
                raise DecodeError(f"a message of unknown kind {other!r}")

    def relation(self, reader: Reader) -> Relation:
        """The table that the message names."""
        (oid,) = reader.take(UNSIGNED_32)
        return self.relations[oid]

    def describe(self, reader: Reader) -> None:
        """Remember a table's columns."""
        (oid,) = reader.take(UNSIGNED_32)
        reader.string()
        name = reader.string()
        reader.byte()
        (count,) = reader.take(UNSIGNED_16)
        columns: list[str] = []
        identity: list[str] = []
        for _ in range(count):
            flags = reader.byte()
            column = reader.string()
            reader.take(UNSIGNED_32)
            reader.take(UNSIGNED_32)
            columns.append(column)
            if flags & KEY_COLUMN:
                identity.append(column)
        key = self.keys.get(name, tuple(identity))
        self.relations[oid] = Relation(name, tuple(columns), key)

    def insert(self, reader: Reader) -> Change:
        """A new row."""
        relation = self.relation(reader)
        reader.byte()
        row, _ = reader.image(relation.columns)
        return change(relation, "insert", row, row)

    def update(self, reader: Reader) -> Change:
        """A changed row; the old image comes first when the identity changed or is the whole row."""
        relation = self.relation(reader)
        old: Values | None = None
        if reader.byte() in {KEY_IMAGE, OLD_IMAGE}:
            old, _ = reader.image(relation.columns)
            reader.byte()
        row, unchanged = reader.image(relation.columns)
        return change(relation, "update", old or row, row, unchanged)

    def delete(self, reader: Reader) -> Change:
        """A row that is gone."""
        relation = self.relation(reader)
        reader.byte()
        old, _ = reader.image(relation.columns)
        return change(relation, "delete", old, None)

    def truncate(self, reader: Reader) -> list[Decoded]:
        """Tables that are empty now."""
        (count,) = reader.take(UNSIGNED_32)
        reader.byte()
        relations = [self.relation(reader) for _ in range(count)]
        return [change(relation, "truncate", {}, None) for relation in relations]

    def message(self, reader: Reader) -> LogicalMessage:
        """A logical message."""
        flags, _ = reader.take(MESSAGE_HEAD)
        prefix = reader.string()
        (size,) = reader.take(UNSIGNED_32)
        content = reader.data[reader.offset : reader.offset + size]
        if len(content) != size:
            raise DecodeError("a logical message that ends early")
        return LogicalMessage(bool(flags & 1), prefix, content)


def change(
    relation: Relation,
    op: Operation,
    keyed: Values,
    row: Values | None,
    unchanged: tuple[str, ...] = (),
) -> Change:
    """A change whose key is read from `keyed`; the values are known to fit, so nothing is checked."""
    key = {name: keyed[name] for name in relation.key} if op != "truncate" else {}
    return Change.model_construct(table=relation.name, op=op, key=key, row=row, unchanged=unchanged)
