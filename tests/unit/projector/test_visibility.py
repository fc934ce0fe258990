"""What may be seen: the active year, LMS exclude, no show and dates, at their edges."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from rosterline.projector.facts import Membership
from rosterline.projector.rules.enrollments import roster_status
from rosterline.projector.rules.verdict import KeptOut, Standing
from rosterline.projector.rules.visibility import (
    assignment_status,
    calendar_kept_out,
    district_kept_out,
    grade_level_kept_out,
    membership_status,
    school_kept_out,
    school_year_kept_out,
    section_kept_out,
    staff_kept_out,
    student_status,
    teacher_status,
    term_kept_out,
    tie_kept_out,
    tie_status,
)
from tests.support import facts
from tests.support.facts import DISTRICT, FIRST_DAY, LAST_DAY, SCHOOL, TODAY, kept_out_by

DAY = timedelta(days=1)
TABLES = facts.reference_tables()
EXCLUDED_DISTRICT = replace(TABLES.districts[DISTRICT], lms_exclude=True)
EXCLUDED_SCHOOL = replace(TABLES.schools[SCHOOL], lms_exclude=True)
INACTIVE_YEAR = replace(TABLES.school_years[facts.YEAR], active=False)
OPEN_YEAR = replace(TABLES.school_years[facts.YEAR], start_date=None, end_date=None)


def status_of(verdict: object) -> str:
    """The status that a row gives."""
    assert isinstance(verdict, Standing), verdict
    return verdict.status


def because_of(verdict: object) -> str:
    """The sentence that tells why."""
    assert isinstance(verdict, Standing | KeptOut), verdict
    return verdict.because


def test_a_calendar_is_seen_when_nothing_above_it_is_excluded() -> None:
    assert calendar_kept_out(facts.context(), facts.CALENDAR) is None


@pytest.mark.parametrize(
    ("table", "row", "rule"),
    [
        ("districts", EXCLUDED_DISTRICT, "lms exclude"),
        ("schools", EXCLUDED_SCHOOL, "lms exclude"),
        ("calendars", facts.calendar(lms_exclude=True), "lms exclude"),
        ("school_years", INACTIVE_YEAR, "inactive year"),
    ],
)
def test_whatever_stands_above_a_membership_can_keep_it_out(
    table: str, row: object, rule: str
) -> None:
    context = facts.context(facts.reference_tables(**{table: [row]}))
    assert kept_out_by(calendar_kept_out(context, facts.CALENDAR)) == rule
    assert kept_out_by(term_kept_out(context, facts.FALL)) == rule
    assert kept_out_by(membership_status(context, facts.membership())) == rule


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("districts", DISTRICT),
        ("schools", SCHOOL),
        ("school_years", facts.YEAR),
        ("calendars", facts.CALENDAR),
        ("grade_levels", facts.GRADE),
    ],
)
def test_a_row_that_has_not_arrived_keeps_a_membership_out(table: str, key: object) -> None:
    context = facts.context(facts.without(TABLES, table, key))
    verdict = membership_status(context, facts.membership())
    assert kept_out_by(verdict) == "no such row"
    assert str(key) in str(verdict)


def test_ids_that_do_not_exist_answer_instead_of_failing() -> None:
    context = facts.context()
    verdicts = [
        district_kept_out(context, facts.guid(99)),
        school_kept_out(context, facts.guid(99)),
        school_year_kept_out(context, 99),
        calendar_kept_out(context, 99),
        grade_level_kept_out(context, 99),
        term_kept_out(context, 99),
    ]
    assert {kept_out_by(verdict) for verdict in verdicts} == {"no such row"}


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (facts.membership(lms_exclude=True), "lms exclude"),
        (facts.membership(no_show=True), "no show"),
    ],
)
def test_marks_on_the_membership_itself_keep_it_out(row: Membership, rule: str) -> None:
    assert kept_out_by(membership_status(facts.context(), row)) == rule


def test_an_excluded_grade_level_keeps_its_memberships_out() -> None:
    tables = facts.reference_tables(grade_levels=[facts.grade_level(lms_exclude=True)])
    verdict = membership_status(facts.context(tables), facts.membership())
    assert kept_out_by(verdict) == "lms exclude"


@pytest.mark.parametrize(
    ("end_date", "status"),
    [
        (TODAY - DAY, "tobedeleted"),
        (TODAY, "active"),
        (TODAY + DAY, "active"),
        (None, "active"),
    ],
)
def test_a_membership_is_active_through_its_last_day(end_date: date | None, status: str) -> None:
    assert (
        status_of(membership_status(facts.context(), facts.membership(end_date=end_date))) == status
    )


@pytest.mark.parametrize(
    ("end_date", "status"),
    [
        (LAST_DAY - DAY, "tobedeleted"),
        (LAST_DAY, "active"),
    ],
)
def test_who_stays_to_the_calendars_end_remains_active_after_it(
    end_date: date, status: str
) -> None:
    context = facts.context(today=LAST_DAY + 20 * DAY)
    assert status_of(membership_status(context, facts.membership(end_date=end_date))) == status


def test_a_membership_is_active_before_the_school_year_starts() -> None:
    context = facts.context(today=FIRST_DAY - 30 * DAY)
    assert status_of(membership_status(context, facts.membership())) == "active"


@pytest.mark.parametrize(
    ("start_date", "end_date", "is_seen"),
    [
        (LAST_DAY, None, True),
        (LAST_DAY + DAY, None, False),
        (FIRST_DAY - 9 * DAY, FIRST_DAY, True),
        (FIRST_DAY - 9 * DAY, FIRST_DAY - DAY, False),
    ],
)
def test_dates_share_at_least_a_day_with_the_school_year(
    start_date: date, end_date: date | None, is_seen: bool
) -> None:
    verdicts = [
        membership_status(
            facts.context(), facts.membership(start_date=start_date, end_date=end_date)
        ),
        assignment_status(
            facts.context(), facts.assignment(start_date=start_date, end_date=end_date)
        ),
        staff_kept_out(facts.context(), facts.staff(start_date=start_date, end_date=end_date)),
    ]
    outside = [isinstance(verdict, KeptOut) for verdict in verdicts]
    assert outside == [not is_seen] * 3


@pytest.mark.parametrize(
    ("start_date", "is_seen"),
    [(date(2027, 12, 31), True), (date(2028, 1, 1), False)],
)
def test_a_year_without_dates_runs_to_the_end_of_december(start_date: date, is_seen: bool) -> None:
    context = facts.context(facts.reference_tables(school_years=[OPEN_YEAR]))
    verdict = assignment_status(context, facts.assignment(start_date=start_date))
    assert isinstance(verdict, KeptOut) is not is_seen


@pytest.mark.parametrize(
    ("end_date", "status"),
    [
        (TODAY - DAY, "tobedeleted"),
        (TODAY, "tobedeleted"),
        (TODAY + DAY, "active"),
        (None, "active"),
    ],
)
def test_an_assignment_is_active_while_its_end_is_in_the_future(
    end_date: date | None, status: str
) -> None:
    assert (
        status_of(assignment_status(facts.context(), facts.assignment(end_date=end_date))) == status
    )


def test_an_assignment_needs_a_calendar_of_the_active_year_at_its_school() -> None:
    old = facts.reference_tables(calendars=[facts.calendar(school_year_id=facts.LAST_YEAR)])
    elsewhere = facts.reference_tables(calendars=[facts.calendar(school_guid=facts.OTHER_SCHOOL)])
    for tables in (old, elsewhere):
        verdict = assignment_status(facts.context(tables), facts.assignment())
        assert kept_out_by(verdict) == "no calendar"


def test_the_calendar_of_a_staff_members_school_may_be_excluded() -> None:
    tables = facts.reference_tables(calendars=[facts.calendar(lms_exclude=True)])
    assert status_of(assignment_status(facts.context(tables), facts.assignment())) == "active"
    assert kept_out_by(calendar_kept_out(facts.context(tables), facts.CALENDAR)) == "lms exclude"


def test_one_calendar_of_the_active_year_among_several_is_enough_for_an_assignment() -> None:
    tables = facts.reference_tables(
        calendars=[
            facts.calendar(calendar_id=102),
            facts.calendar(calendar_id=facts.OLD_CALENDAR, school_year_id=facts.LAST_YEAR),
        ]
    )
    assert status_of(assignment_status(facts.context(tables), facts.assignment())) == "active"


def test_an_excluded_assignment_or_school_keeps_staff_out() -> None:
    tables = facts.reference_tables(schools=[EXCLUDED_SCHOOL])
    assert kept_out_by(assignment_status(facts.context(tables), facts.assignment())) == (
        "lms exclude"
    )
    excluded = facts.assignment(lms_exclude=True)
    assert kept_out_by(assignment_status(facts.context(), excluded)) == "lms exclude"
    elsewhere = facts.assignment(school_guid=facts.guid(99))
    assert kept_out_by(assignment_status(facts.context(), elsewhere)) == "no such row"


@pytest.mark.parametrize(
    ("start_date", "end_date", "is_seen"),
    [
        (TODAY + DAY, None, False),
        (TODAY, None, True),
        (None, TODAY - DAY, False),
        (None, TODAY, True),
        (None, None, True),
    ],
)
def test_a_tie_counts_from_its_first_day_through_its_last(
    start_date: date | None, end_date: date | None, is_seen: bool
) -> None:
    row = facts.tie(start_date=start_date, end_date=end_date)
    assert (tie_kept_out(facts.context(), row) is None) is is_seen


def test_a_tie_without_portal_does_not_count() -> None:
    assert kept_out_by(tie_status(facts.context(), facts.tie(portal=False))) == "no portal"


def test_a_tie_takes_the_status_of_its_student() -> None:
    context = facts.context()
    ended = facts.membership(end_date=TODAY - DAY)
    hidden = facts.membership(no_show=True)
    assert status_of(tie_status(context, facts.tie())) == "active"
    assert status_of(tie_status(context, facts.tie(memberships=(ended,)))) == "tobedeleted"
    assert (
        status_of(tie_status(context, facts.tie(memberships=(ended, facts.membership()))))
        == "active"
    )
    assert kept_out_by(tie_status(context, facts.tie(memberships=(hidden,)))) == "no show"
    assert kept_out_by(tie_status(context, facts.tie(memberships=()))) == "no student"


def test_one_current_membership_makes_a_student_active() -> None:
    ended = facts.membership(enrollment_id=1, end_date=TODAY - DAY)
    hidden = facts.membership(enrollment_id=2, no_show=True)
    context = facts.context()
    assert (
        status_of(student_status(context, facts.student(hidden, ended, facts.membership())))
        == "active"
    )
    assert status_of(student_status(context, facts.student(hidden, ended))) == "tobedeleted"
    assert kept_out_by(student_status(context, facts.teacher())) == "not a student"


def test_all_rows_that_keep_a_student_out_are_told() -> None:
    hidden = facts.membership(enrollment_id=1, no_show=True)
    excluded = facts.membership(enrollment_id=2, lms_exclude=True)
    verdict = student_status(facts.context(), facts.student(hidden, excluded))
    assert kept_out_by(verdict) == "lms exclude"
    assert "enrollment 1" in str(verdict)
    assert "enrollment 2" in str(verdict)


def test_only_teaching_assignments_make_a_teacher() -> None:
    aide = facts.assignment(teacher=False, other_roles=("program",))
    assert status_of(teacher_status(facts.context(), facts.teacher())) == "active"
    assert kept_out_by(teacher_status(facts.context(), facts.teacher(aide))) == "not a teacher"


def test_a_section_needs_a_visible_course_and_a_visible_term() -> None:
    context = facts.context()
    assert section_kept_out(context, facts.section()) is None
    assert section_kept_out(context, facts.section(terms=((99, "1"), (facts.FALL, "1")))) is None
    assert kept_out_by(section_kept_out(context, facts.section(terms=()))) == "no term"
    assert kept_out_by(section_kept_out(context, facts.section(terms=((99, "1"),)))) == "no term"
    nowhere = facts.section(course=facts.course(calendar_id=99))
    assert kept_out_by(section_kept_out(context, nowhere)) == "no such row"


def test_a_standing_tells_which_row_gave_it_and_why() -> None:
    yesterday = TODAY - DAY
    current = membership_status(facts.context(), facts.membership())
    ended = membership_status(facts.context(), facts.membership(end_date=yesterday))
    left = assignment_status(facts.context(), facts.assignment(end_date=TODAY))
    assert because_of(current) == f"enrollment {facts.membership().enrollment_id} is current"
    assert because_of(ended) == (
        f"enrollment {facts.membership().enrollment_id} ended on {yesterday}, "
        f"which is past and not the last day of calendar {facts.CALENDAR}"
    )
    assert because_of(left).endswith(f"ended on {TODAY}, and only an end date after today counts")


def test_who_stays_to_the_calendars_end_is_told_to_have_ended_with_it() -> None:
    context = facts.context(today=LAST_DAY + 20 * DAY)
    standing = membership_status(context, facts.membership(end_date=LAST_DAY))
    assert isinstance(standing, Standing)
    assert (standing.rule, standing.status) == ("ended with its calendar", "active")
    assert standing.because.endswith(f"the last day of calendar {facts.CALENDAR}")
    assert ("calendar", facts.CALENDAR) in standing.rows


def test_a_tie_tells_which_enrollment_of_the_student_decided() -> None:
    ended = facts.membership(enrollment_id=9, end_date=TODAY - DAY)
    standing = tie_status(facts.context(), facts.tie(memberships=(ended,)))
    assert isinstance(standing, Standing)
    assert standing.rule == "student ended"
    assert standing.rows[0] == ("relationship", facts.tie().relationship_id)
    assert ("enrollment", 9) in standing.rows
    assert "is current; enrollment 9 ended on" in standing.because


def test_the_enrollment_that_ended_last_is_told() -> None:
    early = facts.membership(enrollment_id=8, end_date=TODAY - 9 * DAY)
    late = facts.membership(enrollment_id=7, end_date=TODAY - DAY)
    told = {
        because_of(student_status(facts.context(), facts.student(*rows)))
        for rows in ((early, late), (late, early))
    }
    assert len(told) == 1
    assert told.pop().startswith("enrollment 7 ended")


@pytest.mark.parametrize(
    ("own_end", "user_end", "status", "rule"),
    [
        (None, None, "active", "current"),
        (TODAY, None, "active", "current"),
        (TODAY - DAY, None, "tobedeleted", "ended"),
        (None, TODAY - DAY, "tobedeleted", "user ended"),
        (TODAY - DAY, TODAY - DAY, "tobedeleted", "ended"),
    ],
)
def test_a_place_in_a_class_tells_its_own_end_before_its_users(
    own_end: date | None, user_end: date | None, status: str, rule: str
) -> None:
    student = facts.student(facts.membership(end_date=user_end))
    standing = roster_status(facts.context(), facts.roster(end_date=own_end, person=student))
    assert isinstance(standing, Standing)
    assert (standing.status, standing.rule) == (status, rule)
    assert ("enrollment", facts.membership().enrollment_id) in standing.rows


def test_what_keeps_a_record_out_names_the_rows_that_decided() -> None:
    hidden = facts.membership(enrollment_id=8, no_show=True)
    excluded = facts.membership(enrollment_id=9, lms_exclude=True)
    verdict = student_status(facts.context(), facts.student(hidden, excluded))
    assert isinstance(verdict, KeptOut)
    assert set(verdict.rows) == {("enrollment", 8), ("enrollment", 9)}
