"""What is committed at once: examples. The laws are in tests/property."""

from rosterline.events.source import (
    Change,
    Gap,
    Operation,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotRows,
    TransactionPart,
    Values,
)
from rosterline.projector.batch import Batch, Limits, Received, SourceMessage, units

LIMITS = Limits(transactions=3, rows=10)


def part(*changes: Change, number: int = 1, last: bool = True) -> TransactionPart:
    """A transaction, or a part of one."""
    return TransactionPart(
        epoch=1,
        position="0/1",
        committed_at="2025-10-15T00:00:00+00:00",
        xid=1,
        part=number,
        last=last,
        changes=changes,
    )


def change(key: int, new_key: int | None = None, op: Operation = "update") -> Change:
    """A change of a person, perhaps to another key."""
    row: Values | None = (
        None if op in {"delete", "truncate"} else {"person_id": str(new_key or key)}
    )
    key_of: Values = {} if op == "truncate" else {"person_id": str(key)}
    return Change(table="person", op=op, key=key_of, row=row)


def composed(*messages: SourceMessage, limits: Limits = LIMITS) -> list[list[int] | int]:
    """The units: sequences of a batch, or the sequence of a message that stands alone."""
    received = [Received(number, message) for number, message in enumerate(messages, start=1)]
    return [
        [sequence for sequence, _ in unit.transactions]
        if isinstance(unit, Batch)
        else unit.sequence
        for unit in units(received, limits)
    ]


def test_transactions_on_different_rows_go_together() -> None:
    assert composed(part(change(1)), part(change(2)), part(change(3))) == [[1, 2, 3]]


def test_a_batch_has_so_many_transactions_and_no_more() -> None:
    assert composed(*(part(change(key)) for key in range(7))) == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_batch_has_so_many_rows_and_no_more() -> None:
    six = part(*map(change, range(6)))
    five = part(*map(change, range(10, 15)))
    assert composed(six, five) == [[1], [2]]


def test_a_transaction_above_the_limit_is_a_batch_of_its_own() -> None:
    assert composed(part(*map(change, range(50)))) == [[1]]


def test_the_same_row_begins_another_batch() -> None:
    assert composed(part(change(1)), part(change(2)), part(change(1))) == [[1, 2], [3]]


def test_old_and_new_keys_are_both_taken() -> None:
    assert composed(part(change(1, 2)), part(change(1, op="insert"))) == [[1], [2]]
    assert composed(part(change(1, 2)), part(change(2))) == [[1], [2]]
    assert composed(part(change(3)), part(change(1, 3))) == [[1], [2]]


def test_a_transaction_that_empties_a_table_stands_alone() -> None:
    empty = part(change(0, op="truncate"))
    assert composed(part(change(1)), empty, part(change(2)), part(change(3))) == [[1], [2], [3, 4]]


def test_parts_stand_alone_and_keep_their_place() -> None:
    messages = [
        part(change(1)),
        part(change(2), last=False),
        part(change(3), number=2, last=False),
        part(change(4), number=3),
        part(change(5)),
    ]
    assert composed(*messages) == [[1], 2, 3, 4, [5]]


def test_a_snapshots_messages_stand_alone() -> None:
    rows = SnapshotRows(
        epoch=1, position="0/1", table="term", key=("term_id",), columns=("term_id",),
        after=None, rows=(), done=True,
    )  # fmt: skip
    messages: list[SourceMessage] = [
        part(change(1)),
        Gap(epoch=1, position="0/1", reason=""),
        SnapshotBegin(epoch=1, position="0/1", tables=(), reason=""),
        rows,
        SnapshotEnd(epoch=1, position="0/1"),
        part(change(1)),
    ]
    assert composed(*messages) == [[1], 2, 3, 4, 5, [6]]


def test_nothing_makes_no_unit() -> None:
    assert composed() == []
