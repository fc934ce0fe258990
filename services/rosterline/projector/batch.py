"""Stream messages → units of work: how much is committed at once. Pure.

Small transactions are batched while they touch different rows; a large transaction is worked off
part by part; a snapshot's messages stand alone, and so does a transaction that empties a table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rosterline.events.source import Gap, SnapshotBegin, SnapshotEnd, SnapshotRows, TransactionPart

SourceMessage = TransactionPart | SnapshotBegin | SnapshotRows | SnapshotEnd | Gap
RowKey = tuple[str, tuple[str | None, ...]]


@dataclass(frozen=True, slots=True)
class Received:
    """A message with its place in the stream."""

    sequence: int
    message: SourceMessage


@dataclass(slots=True)
class Batch:
    """Whole transactions, in order, no two of which change the same row."""

    transactions: list[tuple[int, TransactionPart]] = field(default_factory=list)
    touched: set[RowKey] = field(default_factory=set)
    truncating: bool = False

    def fits(self, part: TransactionPart, limits: "Limits") -> bool:
        """Whether the transaction may be committed together with these."""
        if not self.transactions:
            return True
        if self.truncating or truncates(part) or len(self.transactions) >= limits.transactions:
            return False
        if len(self.touched) + len(part.changes) > limits.rows:
            return False
        return self.touched.isdisjoint(row_keys(part))

    def add(self, sequence: int, part: TransactionPart) -> None:
        """Take the transaction in."""
        self.transactions.append((sequence, part))
        self.touched.update(row_keys(part))
        self.truncating = truncates(part)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a batch may become."""

    transactions: int
    rows: int


def row_keys(part: TransactionPart) -> Iterator[RowKey]:
    """The rows that a transaction changes, under their old and new keys."""
    for change in part.changes:
        yield change.table, tuple(change.key.values())
        if change.row is not None:
            row = change.row
            yield change.table, tuple(row.get(name, value) for name, value in change.key.items())


def truncates(part: TransactionPart) -> bool:
    """Whether the transaction empties a table."""
    return any(change.op == "truncate" for change in part.changes)


def is_whole(message: SourceMessage) -> bool:
    """Whether the message is a transaction that needed no second part."""
    return isinstance(message, TransactionPart) and message.part == 1 and message.last


def units(messages: Iterable[Received], limits: Limits) -> Iterator[Batch | Received]:
    """The messages in units of work, in order."""
    batch = Batch()
    for received in messages:
        message = received.message
        if not (isinstance(message, TransactionPart) and is_whole(message)):
            if batch.transactions:
                yield batch
                batch = Batch()
            yield received
            continue
        if not batch.fits(message, limits):
            yield batch
            batch = Batch()
        batch.add(received.sequence, message)
    if batch.transactions:
        yield batch
