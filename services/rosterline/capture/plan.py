"""How capture begins, decided from what slot and streams say. Pure.

Never skip in silence: whenever changes may be missing, the answer is a gap and a new snapshot.
"""

from dataclasses import asdict, dataclass

import orjson

from rosterline.capture.parts import (
    EPOCH_HEADER,
    KIND_HEADER,
    PENDING_HEADER,
    POSITION_HEADER,
    TABLES_HEADER,
)
from rosterline.capture.position import Position, format_lsn, parse_lsn

LOST = "the replication slot lost WAL that had not been read"
OTHER_DATABASE = "the database is another one than before, or was promoted"


@dataclass(frozen=True, slots=True)
class Mark:
    """What POSITIONS holds for a slot: whence, how far, and into which streams it was confirmed.

    `system` tells the database from any other, `streams` the streams from later ones of that name;
    `sequences` are the last ones of those streams. `creating` is stored before a new slot is made
    and until its snapshot has begun; `gap` is then why changes may be missing before that slot, if
    they may.
    """

    system: str
    streams: tuple[str, ...]
    sequences: tuple[int, ...]
    lsn: int
    creating: bool = False
    gap: str | None = None

    def to_json(self) -> bytes:
        """As stored."""
        return orjson.dumps(asdict(self) | {"lsn": format_lsn(self.lsn)})

    @classmethod
    def from_json(cls, data: bytes) -> "Mark":
        """The inverse of `to_json`."""
        fields = orjson.loads(data)
        return cls(
            fields["system"],
            tuple(fields["streams"]),
            tuple(fields["sequences"]),
            parse_lsn(fields["lsn"]),
            fields["creating"],
            fields["gap"],
        )


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot as the database describes it; `lost` when its WAL is gone."""

    confirmed: int
    lost: bool
    active_pid: int | None


@dataclass(frozen=True, slots=True)
class RowsEnd:
    """The last message of stream SIS or RECORDS.

    `pending` is the position at which an unfinished snapshot becomes consistent: None when there is
    none, 0 when its rows are not all sent.
    """

    kind: str
    epoch: int
    position: Position
    pending: int | None
    tables: tuple[str, ...] = ()

    @classmethod
    def from_headers(cls, headers: dict[str, str] | None) -> "RowsEnd | None":
        """From the last message's headers; None for an empty stream."""
        if not headers:
            return None
        pending = headers.get(PENDING_HEADER)
        return cls(
            headers[KIND_HEADER],
            int(headers[EPOCH_HEADER]),
            Position.parse(headers[POSITION_HEADER]),
            None if pending is None else parse_lsn(pending),
            tuple(filter(None, headers.get(TABLES_HEADER, "").split(","))),
        )


@dataclass(frozen=True, slots=True)
class Begin:
    """Make a new slot and snapshot everything; `gap` says why changes may be missing, if they may.

    With `keep_slot` the slot is there already, made by a life that was killed before it could say
    so. What was written since then is in that slot and nowhere else.
    """

    epoch: int
    gap: str | None
    keep_slot: bool = False


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after the last message, which stands at `position`, and from `mark` on in the WAL.

    With `tables` the rest of their snapshot is to be sent first; `pending` is where a snapshot
    whose rows are all sent becomes consistent.
    """

    epoch: int
    position: Position
    mark: Mark
    tables: tuple[str, ...] = ()
    pending: int | None = None


Plan = Begin | Resume


def make_plan(
    slot: SlotState | None,
    rows: RowsEnd | None,
    mark: Mark | None,
    now: Mark,
) -> Plan:
    """How to begin; `now` is the database and streams of this moment, and the end of the WAL."""
    epoch = rows.epoch if rows else 0
    if mark is not None and mark.creating:
        return make_plan_again(slot, epoch, mark, now)
    if slot is None and rows is None and mark is None and not any(now.sequences):
        return Begin(epoch=1, gap=None)
    reason = missing_before(slot, mark, now)
    if reason or mark is None:
        return Begin(epoch + 1, gap=reason)
    reason = missing_after(rows, mark, now)
    if reason or rows is None:
        return Begin(epoch + 1, gap=reason)
    if rows.pending == 0:
        return Resume(epoch, rows.position, mark, tables=rows.tables)
    return Resume(epoch, rows.position, mark, pending=rows.pending)


def make_plan_again(slot: SlotState | None, epoch: int, mark: Mark, now: Mark) -> Begin:
    """How to begin after a beginning that was interrupted; a slot that is there is its own."""
    if slot is None:
        return Begin(epoch + 1, mark.gap)
    if slot.lost:
        return Begin(epoch + 1, mark.gap or LOST)
    if mark.system != now.system:
        return Begin(epoch + 1, mark.gap or OTHER_DATABASE)
    return Begin(epoch + 1, mark.gap, keep_slot=True)


def missing_before(slot: SlotState | None, mark: Mark | None, now: Mark) -> str | None:
    """Why the slot may not have changes that the stream lacks; None when it has them all."""
    if slot is None:
        return "the replication slot no longer exists"
    if slot.lost:
        return LOST
    if mark is None:
        return "it is not known how far the replication slot was read"
    if mark.system != now.system:
        return OTHER_DATABASE
    if slot.confirmed > mark.lsn:
        return "the replication slot is ahead of what was published"
    return None


def missing_after(rows: RowsEnd | None, mark: Mark, now: Mark) -> str | None:
    """Why the streams may lack changes that were confirmed, or hold some that never were."""
    if mark.streams != now.streams or rows is None:
        return "a stream is another one than before"
    if any(have < had for have, had in zip(now.sequences, mark.sequences, strict=True)):
        return "a stream has lost messages that it had stored"
    if now.lsn < max(mark.lsn, rows.position.lsn):
        return "the database was set back to an earlier state"
    return None
