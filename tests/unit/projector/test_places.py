"""Places in classes follow how their people stand at the school of the class."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from rosterline.oneroster.v1p2 import Demographics, Enrollment, User
from rosterline.projector.facts import Assignment, Membership, Reference
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.verdict import KeptOut
from tests.support import facts
from tests.support.facts import (
    FIRST_DAY,
    LAST_DAY,
    LAST_YEAR,
    OLD_CALENDAR,
    OTHER_CALENDAR,
    OTHER_SCHOOL,
    TODAY,
    built,
)

DAY = timedelta(days=1)
HERE = facts.membership()
ELSEWHERE = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR)
TEACHES_HERE = facts.assignment()
TEACHES_ELSEWHERE = facts.assignment(assignment_id=42, school_guid=OTHER_SCHOOL)


def student_place(*memberships: Membership) -> str:
    """The status, or the rule that keeps the place at the high school out."""
    row = facts.roster(person=facts.student(*memberships))
    verdict = build_roster_enrollment(facts.context(with_last_year()), row)
    return verdict.rule if isinstance(verdict, KeptOut) else verdict.status


def teacher_place(*assignments: Assignment) -> str:
    """Likewise for a teacher."""
    row = facts.staff(person=facts.teacher(*assignments))
    verdict = build_staff_enrollment(facts.context(), row)
    return verdict.rule if isinstance(verdict, KeptOut) else verdict.status


def with_last_year() -> Reference:
    old = facts.calendar(calendar_id=OLD_CALENDAR, school_year_id=LAST_YEAR)
    return facts.reference_tables(calendars=[old])


@pytest.mark.parametrize(
    ("end_date", "status"),
    [
        (TODAY - DAY, "tobedeleted"),
        (TODAY, "active"),
        (TODAY + DAY, "active"),
        (LAST_DAY, "active"),
        (None, "active"),
    ],
)
def test_who_leaves_a_school_leaves_its_classes(end_date: date | None, status: str) -> None:
    left = replace(HERE, end_date=end_date)
    assert student_place(left, ELSEWHERE) == status
    assert student_place(ELSEWHERE, left) == status


def test_who_has_left_stays_a_user_with_demographics_elsewhere() -> None:
    person = facts.student(replace(HERE, end_date=TODAY - DAY), ELSEWHERE)
    context = facts.context()
    assert built(build_user(context, person), User).status == "active"
    assert built(build_demographics(context, person), Demographics).status == "active"


def test_the_strongest_membership_of_the_school_decides() -> None:
    ended = replace(HERE, end_date=TODAY - DAY)
    hidden = replace(HERE, enrollment_id=30, no_show=True)
    back = replace(HERE, enrollment_id=33, start_date=TODAY + DAY)
    assert student_place(ended, hidden, back) == "active"
    assert student_place(hidden, ended) == "tobedeleted"
    assert student_place(hidden, ELSEWHERE) == "no show"
    assert student_place(replace(HERE, lms_exclude=True), ELSEWHERE) == "lms exclude"


def test_a_student_from_another_site_stands_as_everywhere() -> None:
    assert student_place(ELSEWHERE) == "active"
    assert student_place(replace(ELSEWHERE, end_date=TODAY - DAY)) == "tobedeleted"
    assert student_place(replace(ELSEWHERE, no_show=True)) == "no show"
    assert student_place(replace(ELSEWHERE, calendar_id=404)) == "no such row"


def test_last_years_membership_of_the_school_says_nothing_of_this_year() -> None:
    last_year = replace(HERE, enrollment_id=20, calendar_id=OLD_CALENDAR)
    assert student_place(last_year, ELSEWHERE) == "active"
    assert student_place(last_year) == "inactive year"


def test_who_withdrew_before_the_year_is_not_in_its_classes() -> None:
    never_came = replace(HERE, start_date=FIRST_DAY - 9 * DAY, end_date=FIRST_DAY - DAY)
    assert student_place(never_came, ELSEWHERE) == "outside the school year"


def test_any_calendar_of_the_school_makes_a_student_at_home_there() -> None:
    night = facts.calendar(calendar_id=102, name="Night")
    context = facts.context(facts.reference_tables(calendars=[night]))
    person = facts.student(replace(HERE, calendar_id=102), replace(ELSEWHERE, no_show=True))
    verdict = build_roster_enrollment(context, facts.roster(person=person))
    assert built(verdict, Enrollment).status == "active"


@pytest.mark.parametrize(
    ("end_date", "status"),
    [
        (TODAY - DAY, "tobedeleted"),
        (TODAY, "tobedeleted"),
        (TODAY + DAY, "active"),
        (None, "active"),
    ],
)
def test_a_teacher_who_leaves_a_school_leaves_its_classes(
    end_date: date | None, status: str
) -> None:
    left = replace(TEACHES_HERE, end_date=end_date)
    assert teacher_place(left, TEACHES_ELSEWHERE) == status
    assert teacher_place(TEACHES_ELSEWHERE, left) == status


def test_the_strongest_assignment_as_teacher_at_the_school_decides() -> None:
    excluded = replace(TEACHES_HERE, lms_exclude=True)
    ended = replace(TEACHES_HERE, assignment_id=43, end_date=TODAY)
    assert teacher_place(excluded, TEACHES_ELSEWHERE) == "lms exclude"
    assert teacher_place(excluded, ended, TEACHES_ELSEWHERE) == "tobedeleted"
    assert teacher_place(excluded, ended, replace(TEACHES_HERE, assignment_id=44)) == "active"


def test_a_teacher_from_another_site_stands_as_everywhere() -> None:
    program = facts.assignment(assignment_id=43, teacher=False, other_roles=("program",))
    ended = replace(program, end_date=TODAY - DAY)
    assert teacher_place(TEACHES_ELSEWHERE) == "active"
    assert teacher_place(TEACHES_ELSEWHERE, program) == "active"
    assert teacher_place(TEACHES_ELSEWHERE, ended) == "active"
    assert teacher_place(replace(TEACHES_ELSEWHERE, end_date=TODAY)) == "tobedeleted"


@pytest.mark.parametrize(
    ("last_day", "status"),
    [(FIRST_DAY - DAY, "active"), (FIRST_DAY, "tobedeleted"), (FIRST_DAY + DAY, "tobedeleted")],
)
def test_an_assignment_of_earlier_years_says_nothing_of_this_one(
    last_day: date, status: str
) -> None:
    former = replace(TEACHES_HERE, start_date=date(2019, 8, 1), end_date=last_day)
    assert teacher_place(former, TEACHES_ELSEWHERE) == status
