"""Roster and section staff rows as enrollments."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from rosterline.oneroster.v1p2 import Enrollment
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from tests.support import facts
from tests.support.facts import FIRST_DAY, SCHOOL, TODAY, built, kept_out_by

DAY = timedelta(days=1)
ENDED_STUDENT = facts.student(facts.membership(end_date=TODAY - DAY))
ENDED_TEACHER = facts.teacher(facts.assignment(end_date=TODAY - DAY))
EDGES = [
    (TODAY - DAY, "tobedeleted"),
    (TODAY, "active"),
    (TODAY + DAY, "active"),
    (None, "active"),
]


def test_a_roster_row_enrolls_a_student_in_a_class() -> None:
    row = facts.roster(end_date=date(2027, 2, 1))
    enrollment = built(build_roster_enrollment(facts.context(), row), Enrollment)
    references = (enrollment.user, enrollment.class_, enrollment.school)
    assert [(each.type, each.sourced_id) for each in references] == [
        ("user", facts.guid(5)),
        ("class", "71"),
        ("org", SCHOOL),
    ]
    assert (enrollment.sourced_id, enrollment.role, enrollment.primary) == ("r81", "student", None)
    assert (enrollment.begin_date, enrollment.end_date) == ("2026-08-17", "2027-02-01")


def test_dates_that_the_sis_does_not_have_are_left_out() -> None:
    enrollment = build_roster_enrollment(facts.context(), facts.roster(start_date=None))
    dumped = built(enrollment, Enrollment).model_dump(by_alias=True, exclude_none=True)
    assert not dumped.keys() & {"beginDate", "endDate", "primary"}


@pytest.mark.parametrize(("end_date", "status"), EDGES)
def test_a_roster_row_is_active_through_its_last_day(end_date: date | None, status: str) -> None:
    enrollment = build_roster_enrollment(facts.context(), facts.roster(end_date=end_date))
    assert built(enrollment, Enrollment).status == status


def test_a_roster_row_that_starts_later_is_active_already() -> None:
    enrollment = build_roster_enrollment(facts.context(), facts.roster(start_date=TODAY + DAY))
    assert built(enrollment, Enrollment).status == "active"


def test_an_ended_students_enrollments_are_to_be_deleted() -> None:
    stays_as_teacher = replace(ENDED_STUDENT, assignments=(facts.assignment(),))
    for person in (ENDED_STUDENT, stays_as_teacher):
        enrollment = build_roster_enrollment(facts.context(), facts.roster(person=person))
        assert built(enrollment, Enrollment).status == "tobedeleted"


def test_an_enrollment_goes_with_its_student_and_says_so() -> None:
    person = facts.student(facts.membership(no_show=True))
    verdict = build_roster_enrollment(facts.context(), facts.roster(person=person))
    assert kept_out_by(verdict) == "no show"
    assert "its user at the school is kept out" in str(verdict)
    teacher = build_roster_enrollment(facts.context(), facts.roster(person=facts.teacher()))
    assert kept_out_by(teacher) == "not a student"
    assert "its user is kept out" in str(teacher)


def test_an_enrollment_goes_with_its_class_and_says_so() -> None:
    context = facts.context(facts.reference_tables(calendars=[facts.calendar(lms_exclude=True)]))
    for verdict in (
        build_roster_enrollment(context, facts.roster()),
        build_staff_enrollment(context, facts.staff()),
    ):
        assert kept_out_by(verdict) == "lms exclude"
        assert "its class is kept out" in str(verdict)


@pytest.mark.parametrize(("role", "primary"), [("primary", "true"), ("teacher", "false")])
def test_primary_teachers_are_told_from_other_teachers(role: str, primary: str) -> None:
    verdict = build_staff_enrollment(facts.context(), facts.staff(role=role, start_date=FIRST_DAY))
    enrollment = built(verdict, Enrollment)
    assert (enrollment.sourced_id, enrollment.role) == ("t91", "teacher")
    assert enrollment.primary == primary
    assert (enrollment.begin_date, enrollment.end_date) == ("2026-08-17", None)


def test_non_teaching_staff_of_a_section_are_kept_out() -> None:
    verdict = build_staff_enrollment(facts.context(), facts.staff(role="staff"))
    assert kept_out_by(verdict) == "not a teacher of the section"


@pytest.mark.parametrize(("end_date", "status"), EDGES)
def test_a_staff_row_is_active_through_its_last_day(end_date: date | None, status: str) -> None:
    enrollment = build_staff_enrollment(facts.context(), facts.staff(end_date=end_date))
    assert built(enrollment, Enrollment).status == status


def test_an_ended_teachers_enrollments_are_to_be_deleted() -> None:
    verdict = build_staff_enrollment(facts.context(), facts.staff(person=ENDED_TEACHER))
    assert built(verdict, Enrollment).status == "tobedeleted"


def test_section_staff_who_are_no_visible_teachers_are_kept_out() -> None:
    aide = facts.teacher(facts.assignment(teacher=False, other_roles=("program",)))
    hidden = facts.teacher(facts.assignment(lms_exclude=True))
    context = facts.context()
    verdicts = [
        build_staff_enrollment(context, facts.staff(person=person)) for person in (aide, hidden)
    ]
    assert [kept_out_by(verdict) for verdict in verdicts] == ["not a teacher", "lms exclude"]
    assert kept_out_by(build_staff_enrollment(context, facts.staff(person=facts.student()))) == (
        "not a teacher"
    )
