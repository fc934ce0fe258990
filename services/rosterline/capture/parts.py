"""Decoded changes → messages: a transaction, or a large one in parts of bounded size. Pure.

Rows become parts of stream SIS or RECORDS, logical messages of the outbox become events of
ONEROSTER. What a stream already holds is left out, so that a restart repeats nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from rosterline.capture.pgoutput import Begin, Commit, Decoded, LogicalMessage
from rosterline.capture.position import Position, format_lsn
from rosterline.events.change import OUTBOX_PREFIX, parse_outbox
from rosterline.events.source import Change, TransactionPart, Values

POSITION_HEADER = "Rosterline-Position"
KIND_HEADER = "Rosterline-Kind"
EPOCH_HEADER = "Rosterline-Epoch"
PENDING_HEADER = "Rosterline-Pending"
TABLES_HEADER = "Rosterline-Tables"
ROW_OVERHEAD = 60

Destination = Literal["rows", "outbox"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to a stream."""

    destination: Destination
    subject: str
    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Passed:
    """Everything of the transactions up to `lsn` has gone out."""

    lsn: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The size of a part: it is closed when it has so many rows, or so many bytes."""

    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Published:
    """The last positions that the two streams hold; None where a stream holds nothing."""

    rows: Position | None
    outbox: Position | None


def text_size(value: str | None) -> int:
    """The bytes of a text; few letters outside of ASCII take only one."""
    if value is None:
        return 4
    return len(value) if value.isascii() else len(value.encode())


def change_size(change: Change) -> int:
    """About the bytes that a change takes as JSON."""
    return ROW_OVERHEAD + values_size(change.key) + values_size(change.row or {})


def values_size(values: Values) -> int:
    """About the bytes that values take as JSON."""
    size = 0
    for name, value in values.items():
        size += len(name) + 6
        # As in text_size; a call for every value would take longer than all the rest.
        size += 4 if value is None else len(value) if value.isascii() else len(value.encode())
    return size


class Assembler:
    """Collects one connection's decoded messages into outgoing ones; feed it in order.

    One part is held back until it is known whether it is the transaction's last. Without `outbox`
    logical messages are nobody's: any user of the database may write some.
    """

    def __init__(
        self,
        published: Published,
        limits: Limits,
        row_subject: str,
        headers: Callable[[], dict[str, str]],
        epoch: int,
        *,
        outbox: bool = True,
    ) -> None:
        self.outbox = outbox
        self.published = published
        self.limits = limits
        self.row_subject = row_subject
        self.headers = headers
        self.epoch = epoch
        self.last_rows = published.rows or Position(0)
        self.begin: Begin | None = None
        self.reset()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and not ended."""
        return self.begin is not None

    def reset(self) -> None:
        """Forget the transaction."""
        self.changes: list[Change] = []
        self.size = 0
        self.row_count = 0
        self.event_count = 0
        self.part = 0

    def feed(self, decoded: Decoded) -> Iterator[Outgoing | Passed]:
        """The messages that became ready."""
        match decoded:
            case Begin():
                self.begin = decoded
                self.reset()
            case Change():
                yield from self.add_row(decoded)
            case LogicalMessage():
                yield from self.add_message(decoded)
            case Commit():
                if self.changes:
                    yield self.close_part(last=True)
                self.begin = None
                yield Passed(decoded.end_lsn)

    def current(self) -> Begin:
        """The open transaction."""
        if self.begin is None:
            raise ValueError("a change outside a transaction")
        return self.begin

    def add_row(self, change: Change) -> Iterator[Outgoing]:
        """Take a change; close the part before it when that is full."""
        begin = self.current()
        self.row_count += 1
        held = self.published.rows
        if held is not None and held.covers(begin.lsn, self.row_count):
            self.part = held.part if begin.lsn == held.lsn else self.part
            return
        size = change_size(change)
        full = len(self.changes) >= self.limits.rows or self.size + size > self.limits.size
        if self.changes and full:
            yield self.close_part(last=False)
        self.changes.append(change)
        self.size += size

    def close_part(self, *, last: bool) -> Outgoing:
        """The collected changes as a message."""
        begin = self.current()
        self.part += 1
        through = self.row_count if last else self.row_count - 1
        body = TransactionPart.model_construct(
            epoch=self.epoch,
            position=format_lsn(begin.lsn),
            committed_at=begin.committed_at.isoformat(),
            xid=begin.xid,
            part=self.part,
            last=last,
            changes=tuple(self.changes),
        )
        self.changes = []
        self.size = 0
        self.last_rows = Position(begin.lsn, through, self.part)
        return Outgoing(
            "rows",
            self.row_subject,
            self.headers() | {KIND_HEADER: "transaction", POSITION_HEADER: str(self.last_rows)},
            body.model_dump_json().encode(),
        )

    def add_message(self, message: LogicalMessage) -> Iterator[Outgoing]:
        """Take a logical message; only those of the outbox go out."""
        if not self.outbox or not message.transactional or message.prefix != OUTBOX_PREFIX:
            return
        begin = self.current()
        self.event_count += 1
        held = self.published.outbox
        if held is not None and held.covers(begin.lsn, self.event_count):
            return
        subject, headers, data = parse_outbox(message.content)
        position = Position(begin.lsn, self.event_count, self.event_count)
        yield Outgoing("outbox", subject, headers | {POSITION_HEADER: str(position)}, data)
