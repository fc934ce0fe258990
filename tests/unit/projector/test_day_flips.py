"""Which rows a new day concerns: every date that there is either flips on a known day or never."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Date

from rosterline.db.tables.mirror import MIRROR, NAMED_DAYS
from rosterline.projector.due import COLUMNS
from rosterline.projector.facts import Context
from rosterline.projector.flips import FLIPS, Flip
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.scopes import SCOPES
from tests.support import facts

DAY = date(2027, 1, 15)
NEXT = timedelta(days=1)
# Dates that no rule compares with today; a rule that begins to must move them to FLIPS.
NEVER_FLIP = {
    "calendar": {"start_date", "end_date"},
    "district_assignment": {"start_date"},
    "enrollment": {"start_date"},
    "person": {"birth_date"},
    "roster": {"start_date"},
    "school_year": {"start_date", "end_date"},
    "section_staff": {"start_date"},
    "term": {"start_date", "end_date"},
}


def test_every_date_of_the_mirror_flips_on_a_known_day_or_never() -> None:
    dates = {
        (table.name, column.name)
        for table in MIRROR.sorted_tables
        for column in table.columns
        if isinstance(column.type, Date)
    }
    flipping = {(flip.table, flip.column) for flip in FLIPS}
    never = {(table, name) for table, names in NEVER_FLIP.items() for name in names}
    assert flipping | never == dates
    assert flipping & never == set()


def test_every_date_that_flips_has_an_index() -> None:
    indexed = {(table, name) for table, names in NAMED_DAYS.items() for name in names}
    assert {(flip.table, flip.column) for flip in FLIPS} == indexed


def test_the_columns_that_are_asked_for_tell_what_a_row_concerns() -> None:
    assert set(COLUMNS) == {flip.table for flip in FLIPS}
    for table, columns in COLUMNS.items():
        row = dict.fromkeys(columns, 7)
        assert {key for _, key in SCOPES[table](row, row)} == {7}


@pytest.mark.parametrize("flip", FLIPS)
def test_days_that_follow_each_other_share_no_date_and_leave_none_out(flip: Flip) -> None:
    whole = flip.dates(DAY, DAY + 9 * NEXT)
    halves = (flip.dates(DAY, DAY + 4 * NEXT), flip.dates(DAY + 4 * NEXT, DAY + 9 * NEXT))
    assert (halves[0][0], halves[1][1]) == whole
    assert halves[0][1] + NEXT == halves[1][0]


@pytest.mark.parametrize("flip", FLIPS)
def test_no_day_between_a_day_and_itself_concerns_anything(flip: Flip) -> None:
    first, last = flip.dates(DAY, DAY)
    assert first > last


def status_on(day: date, table: str, changes: dict[str, Any]) -> str | None:
    """The status of what a row with these columns makes on a day; None for no record."""
    context = Context(facts.reference_tables(), day)
    verdict: Verdict
    match table:
        case "enrollment":
            verdict = build_user(context, facts.student(facts.membership(**changes)))
        case "district_assignment":
            verdict = build_user(context, facts.teacher(facts.assignment(**changes)))
        case "relationship":
            verdict = build_user(context, facts.guardian(facts.tie(**changes)))
        case "roster":
            verdict = build_roster_enrollment(context, facts.roster(**changes))
        case _:
            verdict = build_staff_enrollment(context, facts.staff(**changes))
    return None if isinstance(verdict, KeptOut) else verdict.status


@pytest.mark.parametrize("flip", FLIPS)
def test_a_row_makes_another_record_from_the_day_of_its_flip_on(flip: Flip) -> None:
    flips = [
        day
        for day in (DAY + offset * NEXT for offset in range(-5, 6))
        if status_on(day, flip.table, {flip.column: DAY})
        != status_on(day - NEXT, flip.table, {flip.column: DAY})
    ]
    assert len(flips) == 1
    assert flip.dates(flips[0] - NEXT, flips[0]) == (DAY, DAY)


def test_a_membership_that_ends_with_its_calendar_never_flips() -> None:
    last = facts.LAST_DAY
    around = {
        status_on(last + offset * NEXT, "enrollment", {"end_date": last}) for offset in range(-3, 4)
    }
    assert around == {"active"}
    assert [flip.table for flip in FLIPS if flip.with_calendar] == ["enrollment"]
