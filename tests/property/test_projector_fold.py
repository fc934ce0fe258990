"""Folding changes and composing batches lose nothing, for any sequence of changes."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rosterline.events.source import Change, TransactionPart, Values
from rosterline.projector.batch import Batch, Limits, Received, row_keys, units
from rosterline.projector.fold import Folded, Key, TableChanges, fold

KEYS = ("1", "2", "3")
TABLES = ("person", "section_term")
KEY_COLUMNS = {"person": ("person_id",), "section_term": ("section_id", "period")}
Rows = dict[Key, Values]
History = list[tuple[str, Change]]


class Sis:
    """Tables as PostgreSQL would hold them, telling of each change as capture does."""

    def __init__(self) -> None:
        self.tables: dict[str, Rows] = {table: {} for table in TABLES}

    def key_of(self, table: str, row: Values) -> Key:
        """The row's key."""
        return tuple(row[name] for name in KEY_COLUMNS[table])

    def insert(self, table: str, row: Values) -> Change | None:
        """A new row, if its key is free."""
        key = self.key_of(table, row)
        if key in self.tables[table]:
            return None
        self.tables[table][key] = dict(row)
        return Change(table=table, op="insert", key=named(table, key), row=row)

    def update(self, table: str, key: Key, row: Values, untouched: set[str]) -> Change | None:
        """Other values, perhaps under another key; `untouched` columns stay and are not told."""
        before = self.tables[table].get(key)
        if before is None:
            return None
        after = row | {name: before[name] for name in untouched}
        new_key = self.key_of(table, after)
        if new_key != key and new_key in self.tables[table]:
            return None
        del self.tables[table][key]
        self.tables[table][new_key] = after
        told = {name: value for name, value in after.items() if name not in untouched}
        unchanged = tuple(sorted(untouched))
        return Change(
            table=table, op="update", key=named(table, key), row=told, unchanged=unchanged
        )

    def delete(self, table: str, key: Key) -> Change | None:
        """A row goes."""
        if self.tables[table].pop(key, None) is None:
            return None
        return Change(table=table, op="delete", key=named(table, key))

    def truncate(self, table: str) -> Change:
        """All rows go."""
        self.tables[table].clear()
        return Change(table=table, op="truncate", key={})


def named(table: str, key: Key) -> Values:
    """A key by column."""
    return dict(zip(KEY_COLUMNS[table], key, strict=True))


def columns(table: str) -> tuple[str, ...]:
    """All columns of a table; the last two may be kept in TOAST storage."""
    return (*KEY_COLUMNS[table], "a", "b")


@st.composite
def row(draw: st.DrawFn, table: str) -> Values:
    """Values for a row."""
    keyed: Values = {name: draw(st.sampled_from(KEYS)) for name in KEY_COLUMNS[table]}
    free = st.sampled_from([None, "x", "y", "z"])
    return keyed | {"a": draw(free), "b": draw(free)}


@st.composite
def step(draw: st.DrawFn, sis: Sis) -> Change | None:
    """One thing that somebody does to the SIS; None when it is refused."""
    table = draw(st.sampled_from(TABLES))
    kind = draw(st.sampled_from(["insert"] * 4 + ["update"] * 8 + ["delete"] * 3 + ["truncate"]))
    if kind == "insert":
        return sis.insert(table, draw(row(table)))
    if kind == "truncate":
        return sis.truncate(table)
    key = tuple(draw(st.sampled_from(KEYS)) for _ in KEY_COLUMNS[table])
    if kind == "delete":
        return sis.delete(table, key)
    values = draw(row(table))
    if draw(st.booleans()):
        values |= named(table, key)
    return sis.update(table, key, values, draw(st.sets(st.sampled_from(["a", "b"]))))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Change]], dict[str, Rows]]:
    """Transactions, and what the tables hold after them."""
    sis = Sis()
    transactions = []
    for _ in range(draw(st.integers(1, 6))):
        steps = [draw(step(sis)) for _ in range(draw(st.integers(1, 6)))]
        changes = [change for change in steps if change is not None]
        if changes:
            transactions.append(changes)
    return transactions, sis.tables


def put(mirror: dict[str, Rows], folded: Folded) -> None:
    """Do to a dict what `apply_changes` does to the mirror."""
    for table, changes in folded.items():
        put_table(mirror[table], changes)


def put_table(rows: Rows, changes: TableChanges) -> None:
    """As `put`, for one table: first inherit, then remove, then write."""
    inherited = {
        key: dict(rows[state.inherited_from])
        for key, state in changes.present.items()
        if state.inherited_from is not None
    }
    if changes.emptied:
        rows.clear()
    for key in changes.gone:
        rows.pop(key, None)
    for key, state in changes.present.items():
        before = inherited.get(key) or rows.get(key) or {}
        rows[key] = state.values | {name: before[name] for name in state.unchanged}


@given(histories())
def test_a_fold_does_what_its_changes_do_one_after_the_other(
    history: tuple[list[list[Change]], dict[str, Rows]],
) -> None:
    transactions, expected = history
    at_once: dict[str, Rows] = {table: {} for table in TABLES}
    put(at_once, fold(change for changes in transactions for change in changes))
    assert at_once == expected


@given(histories(), st.data())
def test_it_does_not_matter_how_a_history_is_cut_into_folds(
    history: tuple[list[list[Change]], dict[str, Rows]], data: st.DataObject
) -> None:
    transactions, expected = history
    mirror: dict[str, Rows] = {table: {} for table in TABLES}
    changes = [change for transaction in transactions for change in transaction]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(changes)))) | {0, len(changes)})
    for start, end in pairwise(cuts):
        put(mirror, fold(changes[start:end]))
    assert mirror == expected


@given(histories())
def test_a_key_is_either_present_or_gone(
    history: tuple[list[list[Change]], dict[str, Rows]],
) -> None:
    for changes in fold(change for each in history[0] for change in each).values():
        assert changes.gone.isdisjoint(changes.present)


def received(transactions: list[list[Change]]) -> Iterator[Received]:
    """The transactions as the stream brings them."""
    for number, changes in enumerate(transactions, start=1):
        part = TransactionPart(
            epoch=1,
            position=f"0/{number:X}",
            committed_at="2025-10-15T00:00:00+00:00",
            xid=number,
            part=1,
            last=True,
            changes=tuple(changes),
        )
        yield Received(number, part)


@given(histories(), st.integers(1, 5), st.integers(1, 8))
def test_batches_hold_every_transaction_once_and_in_order(
    history: tuple[list[list[Change]], dict[str, Rows]], transactions: int, rows: int
) -> None:
    given_messages = list(received(history[0]))
    found: list[Received] = []
    for batch in units(given_messages, Limits(transactions, rows)):
        assert isinstance(batch, Batch)
        assert len(batch.transactions) <= transactions
        found += [Received(sequence, part) for sequence, part in batch.transactions]
    assert found == given_messages


@given(histories())
def test_no_two_transactions_of_a_batch_share_a_row(
    history: tuple[list[list[Change]], dict[str, Rows]],
) -> None:
    for batch in units(received(history[0]), Limits(100, 1000)):
        assert isinstance(batch, Batch)
        touched = [set(row_keys(part)) for _, part in batch.transactions]
        assert len(set().union(*touched)) == sum(map(len, touched))


@given(histories())
def test_a_transaction_that_empties_a_table_stands_alone(
    history: tuple[list[list[Change]], dict[str, Rows]],
) -> None:
    for batch in units(received(history[0]), Limits(100, 1000)):
        assert isinstance(batch, Batch)
        emptying = [
            part
            for _, part in batch.transactions
            if any(change.op == "truncate" for change in part.changes)
        ]
        assert not emptying or len(batch.transactions) == 1
