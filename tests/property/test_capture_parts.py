"""Whatever is published, cut anywhere and gone on with at any limits: each change stands once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rosterline.capture.parts import (
    POSITION_HEADER,
    Assembler,
    Destination,
    Limits,
    Outgoing,
    Passed,
    Published,
    change_size,
)
from rosterline.capture.pgoutput import Begin, Commit, Decoded, LogicalMessage
from rosterline.capture.position import Position, parse_lsn
from rosterline.events.change import OUTBOX_PREFIX
from rosterline.events.source import SOURCE_MESSAGE, Change, TransactionPart

MOMENT = datetime(2025, 9, 1, tzinfo=UTC)
LIMITS = st.builds(Limits, st.integers(1, 6), st.integers(80, 700))
# Per item of a transaction: the length of a row's text, or None for an event of the outbox.
ITEMS = st.lists(st.integers(0, 300) | st.none(), max_size=12)
TRANSACTIONS = st.lists(ITEMS, min_size=1, max_size=5)


@dataclass(frozen=True)
class Source:
    """Transactions as decoded, and what must come of each."""

    decoded: list[list[Decoded]]
    rows: list[list[Change]]
    events: list[list[bytes]]

    def lsn(self, number: int) -> int:
        """Where the numbered transaction commits."""
        return 100 * (number + 1)


def build_source(shapes: list[list[int | None]]) -> Source:
    """Transactions of those shapes; no two rows or events are alike."""
    decoded: list[list[Decoded]] = []
    rows: list[list[Change]] = []
    events: list[list[bytes]] = []
    for number, shape in enumerate(shapes):
        lsn = 100 * (number + 1)
        inside: list[Decoded] = []
        for item, length in enumerate(shape):
            name = f"{number}-{item}"
            if length is None:
                content = f'["oneroster.d",{{"ce-id":"{name}"}}]\ndata {name}'.encode()
                inside.append(LogicalMessage(True, OUTBOX_PREFIX, content))
            else:
                row: dict[str, str | None] = {"id": name, "note": "é" * length}
                inside.append(Change(table="t", op="insert", key={"id": name}, row=row))
        inside.append(LogicalMessage(True, "somebody else", b"ignored"))
        decoded.append([Begin(lsn, MOMENT, number), *inside, Commit(lsn, lsn + 10)])
        rows.append([item for item in inside if isinstance(item, Change)])
        events.append(
            [
                item.content.partition(b"\n")[2]
                for item in inside
                if isinstance(item, LogicalMessage) and item.prefix == OUTBOX_PREFIX
            ]
        )
    return Source(decoded, rows, events)


def assemble(
    transactions: Iterable[list[Decoded]], published: Published, limits: Limits
) -> list[Outgoing]:
    """What one life of capture sends; checks on the way that it holds no more than a part."""
    assembler = Assembler(published, limits, "sis.d.transaction", dict, 1)
    found: list[Outgoing] = []
    for transaction in transactions:
        for decoded in transaction:
            for item in assembler.feed(decoded):
                if isinstance(item, Outgoing):
                    found.append(item)
                else:
                    assert isinstance(decoded, Commit)
                    assert item == Passed(decoded.end_lsn)
            held = assembler.changes
            assert len(held) <= limits.rows
            assert len(held) <= 1 or sum(map(change_size, held)) <= limits.size
        assert assembler.changes == []
    return found


def of(messages: list[Outgoing], destination: Destination) -> list[Outgoing]:
    """The messages of one stream."""
    return [message for message in messages if message.destination == destination]


def end_of(stream: list[Outgoing]) -> Position | None:
    """What capture reads back of the stream's last message."""
    return Position.parse(stream[-1].headers[POSITION_HEADER]) if stream else None


def first_unpublished(source: Source, rows: list[Outgoing], events: list[Outgoing]) -> int:
    """The first transaction that the slot may still be asked for: those before are stored whole."""
    have_rows = {change.key["id"] for part in parts_of(rows) for change in part.changes}
    have_events = {event.data for event in events}
    for number, (changes, contents) in enumerate(zip(source.rows, source.events, strict=True)):
        whole = {change.key["id"] for change in changes} <= have_rows
        if not whole or not set(contents) <= have_events:
            return number
    return len(source.decoded)


def parts_of(rows: list[Outgoing]) -> list[TransactionPart]:
    """The parts that the stream holds."""
    found = [SOURCE_MESSAGE.validate_json(message.data) for message in rows]
    return [part for part in found if isinstance(part, TransactionPart)]


def check(source: Source, rows: list[Outgoing], events: list[Outgoing]) -> None:
    """The two streams hold everything once, in order, in well-numbered parts."""
    by_lsn: dict[int, list[TransactionPart]] = {}
    for part in parts_of(rows):
        by_lsn.setdefault(parse_lsn(part.position), []).append(part)
    assert list(by_lsn) == sorted(by_lsn)
    for number, changes in enumerate(source.rows):
        parts = by_lsn.pop(source.lsn(number), [])
        assert [change for part in parts for change in part.changes] == changes
        assert [part.part for part in parts] == list(range(1, len(parts) + 1))
        assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True] * bool(parts)
    assert by_lsn == {}
    assert [event.data for event in events] == [data for own in source.events for data in own]
    for stream in (rows, events):
        positions = [Position.parse(message.headers[POSITION_HEADER]) for message in stream]
        assert all(one < other for one, other in pairwise(positions))


@given(TRANSACTIONS, LIMITS)
def test_g4_an_uninterrupted_life_sends_everything_once(
    shapes: list[list[int | None]], limits: Limits
) -> None:
    source = build_source(shapes)
    sent = assemble(source.decoded, Published(None, None), limits)
    check(source, of(sent, "rows"), of(sent, "outbox"))


@given(TRANSACTIONS, st.lists(LIMITS, min_size=2, max_size=4), st.data())
def test_g4_lives_cut_anywhere_send_everything_once(
    shapes: list[list[int | None]], lives: list[Limits], data: st.DataObject
) -> None:
    source = build_source(shapes)
    rows: list[Outgoing] = []
    events: list[Outgoing] = []
    for number, limits in enumerate(lives):
        asked = data.draw(st.integers(0, first_unpublished(source, rows, events)))
        published = Published(end_of(rows), end_of(events))
        sent = assemble(source.decoded[asked:], published, limits)
        new_rows, new_events = of(sent, "rows"), of(sent, "outbox")
        if number < len(lives) - 1:
            new_rows = new_rows[: data.draw(st.integers(0, len(new_rows)))]
            new_events = new_events[: data.draw(st.integers(0, len(new_events)))]
        rows += new_rows
        events += new_events
    check(source, rows, events)


@given(TRANSACTIONS, LIMITS, st.integers(0, 6))
def test_a_life_behind_a_snapshot_sends_what_commits_later(
    shapes: list[list[int | None]], limits: Limits, done: int
) -> None:
    source = build_source(shapes)
    # A slot's consistent point may be the very position of the next commit.
    published = Published(Position(source.lsn(done)), None)
    sent = of(assemble(source.decoded[done:], published, limits), "rows")
    changes = [change for part in parts_of(sent) for change in part.changes]
    assert changes == [change for later in source.rows[done:] for change in later]
