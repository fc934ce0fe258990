"""Which rows a change concerns: as few as is cheap, and conflicts between transactions."""

from typing import Any

import pytest

from rosterline.db.tables.mirror import MIRROR
from rosterline.db.tables.sis import SIS
from rosterline.projector.documents import DOCUMENT
from rosterline.projector.scopes import BELONGS, SCOPES, Scope, Touched, departures
from rosterline.projector.spread import STEPS

TABLES = {table.name: table for table in SIS.sorted_tables}
ROWS: dict[str, dict[str, Any]] = {
    name: {column.name: f"{name}.{column.name}" for column in table.columns}
    for name, table in TABLES.items()
}
# What a change of a single column concerns, where that is less than all that depends on the row.
NARROW: dict[tuple[str, str], set[Scope]] = {
    ("district", "name"): {Scope.ORG},
    ("district", "state_number"): {Scope.ORG},
    ("school", "name"): {Scope.ORG},
    ("school", "state_number"): {Scope.ORG},
    ("calendar", "name"): set(),
    ("term", "name"): {Scope.TERM},
    ("person", "given_name"): {Scope.PERSON},
    ("person", "suffix"): {Scope.PERSON},
    ("course", "name"): {Scope.COURSE},
    ("course", "number"): {Scope.COURSE, Scope.COURSE_CLASSES},
    ("course", "subject"): {Scope.COURSE, Scope.COURSE_CLASSES},
    ("section", "room"): {Scope.SECTION},
    ("section", "teacher_display_name"): {Scope.SECTION},
    ("user_account", "username"): {Scope.PERSON},
    ("relationship", "guardian"): {Scope.PERSON},
    ("roster", "end_date"): {Scope.ROSTER},
    ("section_staff", "role"): {Scope.SECTION_STAFF},
}


def scopes(table: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> set[Scope]:
    """The scopes of a change."""
    return {scope for scope, _ in SCOPES[table](old, new)}


def test_every_table_of_the_mirror_has_its_scopes() -> None:
    assert set(SCOPES) == set(TABLES)
    assert {*SCOPES, DOCUMENT} == {table.name for table in MIRROR.sorted_tables}


@pytest.mark.parametrize(("table", "column"), NARROW)
def test_a_change_that_shows_in_few_records_touches_few(table: str, column: str) -> None:
    old = ROWS[table]
    assert scopes(table, old, old | {column: "other"}) == NARROW[table, column]


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_comes_or_goes_touches_all_that_any_change_of_it_can(table: str) -> None:
    row = ROWS[table]
    widest = {
        (scope, key)
        for column in row
        for scope, key in SCOPES[table](row, row | {column: "other"})
        if key != "other"
    }
    coming, going = set(SCOPES[table](None, row)), set(SCOPES[table](row, None))
    for found in (coming, going):
        assert {scope for scope, _ in widest - found} <= {Scope.COURSE_CLASSES}


@pytest.mark.parametrize("table", TABLES)
def test_both_sides_of_a_moved_row_are_touched(table: str) -> None:
    row = ROWS[table]
    for column in row:
        keys = {key for _, key in SCOPES[table](row, row | {column: "other"})}
        moved = {key for _, key in SCOPES[table](row | {column: "other"}, row)}
        assert keys == moved


def test_what_spreading_looks_up_is_known_to_be_left() -> None:
    looked_up = {deep for deep, query, _ in STEPS if query is not None}
    left = {scope for columns in BELONGS.values() for _, scope in columns}
    assert looked_up == left
    for table, columns in BELONGS.items():
        assert {column for column, _ in columns} <= set(ROWS[table])


def test_a_row_leaves_where_it_belonged_and_nowhere_else() -> None:
    row = ROWS["roster"]
    moved = row | {"section_id": "other"}
    assert set(departures("roster", row, moved)) == {(Scope.SECTION_DEEP, "roster.section_id")}
    assert set(departures("roster", row, None)) == {
        (Scope.SECTION_DEEP, "roster.section_id"),
        (Scope.PERSON_DEEP, "roster.person_id"),
    }
    assert not set(departures("roster", None, row))
    assert not set(departures("roster", row, row | {"end_date": "other"}))
    assert not set(departures("district", ROWS["district"], None))


def test_transactions_that_touch_different_rows_do_not_conflict() -> None:
    touched = Touched()
    touched.add(Scope.PERSON, 1, 0)
    touched.add(Scope.PERSON, 2, 1)
    touched.add(Scope.ROSTER, 1, 2)
    assert touched.conflict is None


def test_the_later_of_two_that_touch_one_row_is_the_conflict() -> None:
    touched = Touched()
    touched.add(Scope.PERSON, 1, 3)
    touched.add(Scope.PERSON, 1, 1)
    assert touched.conflict == 3
    touched.add(Scope.PERSON, 2, 0)
    touched.add(Scope.PERSON, 2, 2)
    assert touched.conflict == 2


def test_a_transaction_may_touch_a_row_often() -> None:
    touched = Touched()
    for _ in range(3):
        touched.add(Scope.PERSON, 1, 4)
    assert touched.conflict is None


def test_what_left_later_conflicts_with_an_earlier_look() -> None:
    touched = Touched()
    touched.leave(Scope.COURSE_DEEP, 1, 2)
    touched.leave(Scope.COURSE_DEEP, 1, 1)
    touched.look(Scope.COURSE_DEEP, 1, 2)
    touched.look(Scope.COURSE_DEEP, 1, 3)
    touched.look(Scope.COURSE_DEEP, 9, 0)
    assert touched.conflict is None
    touched.look(Scope.COURSE_DEEP, 1, 0)
    assert touched.conflict == 2
