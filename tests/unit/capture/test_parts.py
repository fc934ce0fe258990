"""Messages of capture: their size, what is left out, and the snapshot's runs of rows."""

from datetime import UTC, datetime

import pytest

from rosterline.capture.parts import Assembler, Limits, Outgoing, Passed, Published
from rosterline.capture.pgoutput import Begin, Commit, LogicalMessage
from rosterline.capture.position import Position
from rosterline.capture.snapshot import SnapshotPlace, chunks, remaining
from rosterline.events.change import OUTBOX_PREFIX
from rosterline.events.source import Change, SnapshotBegin, SnapshotRows

BEGIN = Begin(100, datetime(2025, 9, 1, tzinfo=UTC), 7)
COMMIT = Commit(100, 140)
TABLES = ("calendar", "person", "term")
ROOMY = Limits(1000, 400_000)


def assembler(limits: Limits, *, outbox: bool = True) -> Assembler:
    """An assembler of a stream that holds nothing."""
    return Assembler(Published(None, None), limits, "sis.d.transaction", dict, 1, outbox=outbox)


def sizes(letter: str, limit: int) -> list[int]:
    """Sizes of the messages that a thousand rows of 200 such letters become."""
    subject = assembler(Limits(100_000, limit))
    found = list(subject.feed(BEGIN))
    for number in range(1000):
        row: dict[str, str | None] = {"person_id": str(number), "family_name": letter * 200}
        key: dict[str, str | None] = {"person_id": str(number)}
        found += subject.feed(Change(table="person", op="insert", key=key, row=row))
    found += subject.feed(COMMIT)
    return [len(item.data) for item in found if isinstance(item, Outgoing)]


@pytest.mark.parametrize("letter", ["a", "é", "學", "𐐷"])
def test_a_part_is_bounded_in_bytes_whatever_the_letters(letter: str) -> None:
    found = sizes(letter, 50_000)
    assert max(found) < 60_000
    assert min(found[:-1]) > 30_000


def test_a_row_beyond_the_limit_is_a_part_of_its_own() -> None:
    subject = assembler(Limits(10, 100))
    found = list(subject.feed(BEGIN))
    for number in "12":
        row: dict[str, str | None] = {"id": number, "note": "x" * 500}
        found += subject.feed(Change(table="t", op="insert", key={"id": number}, row=row))
    found += subject.feed(COMMIT)
    parts = [item for item in found if isinstance(item, Outgoing)]
    assert [b'"last":true' in part.data for part in parts] == [False, True]


def test_a_transaction_without_changes_of_ours_is_only_passed() -> None:
    subject = assembler(ROOMY)
    assert [*subject.feed(BEGIN), *subject.feed(COMMIT)] == [Passed(140)]


@pytest.mark.parametrize(
    "message",
    [
        LogicalMessage(True, "someone", b"garbage"),
        LogicalMessage(False, OUTBOX_PREFIX, b"garbage"),
    ],
)
def test_messages_that_are_not_of_the_outbox_go_nowhere(message: LogicalMessage) -> None:
    subject = assembler(ROOMY)
    assert [*subject.feed(BEGIN), *subject.feed(message), *subject.feed(COMMIT)] == [Passed(140)]


def test_g6_a_user_of_the_sis_cannot_stop_capture_with_a_message_of_the_outboxs_name() -> None:
    message = LogicalMessage(True, OUTBOX_PREFIX, b"garbage")
    subject = assembler(ROOMY, outbox=False)
    assert [*subject.feed(BEGIN), *subject.feed(message), *subject.feed(COMMIT)] == [Passed(140)]


def test_a_malformed_message_of_the_outbox_itself_is_no_silent_loss() -> None:
    subject = assembler(ROOMY)
    list(subject.feed(BEGIN))
    with pytest.raises(ValueError, match="outbox"):
        list(subject.feed(LogicalMessage(True, OUTBOX_PREFIX, b"garbage")))


def test_a_change_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        list(assembler(ROOMY).feed(Change(table="t", op="truncate", key={})))


def test_rows_are_cut_into_runs_of_about_so_many_bytes() -> None:
    rows: list[tuple[str | None, ...]] = [(str(number), "學" * 100, None) for number in range(50)]
    runs = chunks(rows, 2000)
    assert [row for run in runs for row in run] == rows
    assert (
        max(sum(len((value or "null").encode()) for row in run for value in row) for run in runs)
        <= 2000
    )
    assert len(runs) < 15
    assert chunks(rows, 1) == [[row] for row in rows]
    assert chunks([], 100) == []


def place_after(rows: tuple[tuple[str | None, ...], ...], *, done: bool) -> SnapshotPlace | None:
    """Where a snapshot goes on behind a message of table person."""
    message = SnapshotRows(
        epoch=1,
        position="0/64",
        table="person",
        key=("b", "a"),
        columns=("a", "b"),
        after=("4", "3"),
        rows=rows,
        done=done,
    )
    return SnapshotPlace.from_message(message.model_dump_json().encode())


def test_a_snapshot_goes_on_behind_the_last_row_that_was_sent() -> None:
    place = place_after((("1", "5"), ("2", "6")), done=False)
    assert place == SnapshotPlace("person", ("6", "2"), done=False)
    assert list(remaining(TABLES, place)) == [("person", ("6", "2")), ("term", None)]


def test_a_snapshot_goes_on_behind_a_message_without_rows_as_behind_the_one_before() -> None:
    place = place_after((), done=False)
    assert place == SnapshotPlace("person", ("4", "3"), done=False)


def test_a_table_that_is_done_is_not_read_again() -> None:
    place = place_after((), done=True)
    assert list(remaining(TABLES, place)) == [("term", None)]


def test_a_snapshot_without_a_place_in_its_tables_reads_them_all() -> None:
    begin = SnapshotBegin(epoch=1, position="0/64", tables=TABLES, reason="first start")
    assert SnapshotPlace.from_message(begin.model_dump_json().encode()) is None
    everything = [(table, None) for table in TABLES]
    assert list(remaining(TABLES, None)) == everything
    assert list(remaining(TABLES, SnapshotPlace("roster", None, done=True))) == everything


def test_the_last_rows_sent_are_known_by_their_place_in_the_transaction() -> None:
    subject = assembler(Limits(2, 10_000))
    list(subject.feed(BEGIN))
    for number in "123":
        list(subject.feed(Change(table="t", op="delete", key={"id": number})))
    assert subject.last_rows == Position(100, 2, 1)
    list(subject.feed(COMMIT))
    assert subject.last_rows == Position(100, 3, 2)
