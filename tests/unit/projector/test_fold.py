"""A transaction's changes, folded: examples. The laws are in tests/property."""

from rosterline.events.source import Change, Operation, Values
from rosterline.projector.fold import RowState, TableChanges, fold


def change(op: Operation, key: str, row: Values | None = None, *unchanged: str) -> Change:
    """A change of a person."""
    return Change(table="person", op=op, key={"person_id": key}, row=row, unchanged=unchanged)


def row(key: str, **values: str | None) -> Values:
    """A person's row."""
    return {"person_id": key} | values


def folded(*changes: Change) -> TableChanges:
    """What becomes of the people."""
    return fold(changes)["person"]


def test_the_last_update_counts() -> None:
    found = folded(
        change("update", "1", row("1", given_name="A")),
        change("update", "1", row("1", given_name="B")),
    )
    assert found.present == {("1",): RowState(row("1", given_name="B"))}
    assert not found.gone


def test_a_row_that_came_and_went_is_gone() -> None:
    found = folded(change("insert", "1", row("1")), change("delete", "1"))
    assert (found.present, found.gone) == ({}, {("1",)})


def test_a_row_that_went_and_came_is_there() -> None:
    found = folded(change("delete", "1"), change("insert", "1", row("1", given_name="A")))
    assert (set(found.present), found.gone) == ({("1",)}, set())


def test_another_key_leaves_the_old_one() -> None:
    found = folded(change("update", "1", row("2")))
    assert (set(found.present), found.gone) == ({("2",)}, {("1",)})


def test_an_untouched_value_is_left_as_stored() -> None:
    found = folded(change("update", "1", row("1", given_name="A"), "middle_name"))
    assert found.present[("1",)] == RowState(row("1", given_name="A"), ("middle_name",))


def test_an_untouched_value_that_was_set_before_is_known() -> None:
    found = folded(
        change("update", "1", row("1", middle_name="long")),
        change("update", "1", row("1", given_name="A"), "middle_name"),
    )
    assert found.present[("1",)] == RowState(row("1", given_name="A", middle_name="long"))


def test_an_untouched_value_of_a_row_with_another_key_comes_from_the_old_one() -> None:
    found = folded(
        change("update", "1", row("2"), "middle_name"),
        change("update", "2", row("3"), "middle_name"),
    )
    assert found.present == {("3",): RowState(row("3"), ("middle_name",), ("1",))}
    assert found.gone == {("1",), ("2",)}


def test_nothing_is_inherited_once_all_is_known() -> None:
    found = folded(
        change("update", "1", row("2"), "middle_name"),
        change("update", "2", row("2", middle_name="new")),
    )
    assert found.present[("2",)] == RowState(row("2", middle_name="new"))


def test_an_emptied_table_forgets_what_came_before() -> None:
    truncate = Change(table="person", op="truncate", key={})
    found = folded(
        change("insert", "1", row("1")),
        change("delete", "2"),
        truncate,
        change("insert", "3", row("3")),
    )
    assert found.emptied
    assert (set(found.present), found.gone) == ({("3",)}, set())


def test_a_row_without_a_value_for_its_key_keeps_the_old_key() -> None:
    """A key may itself be a large text that an update did not touch."""
    found = folded(change("update", "1", {"given_name": "A"}, "person_id"))
    assert set(found.present) == {("1",)}
    assert not found.gone
