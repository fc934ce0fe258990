"""Courses and classes."""

import pytest

from rosterline.oneroster.v1p2 import Class, Course
from rosterline.projector.rules.courses import build_class, build_course
from tests.support import facts
from tests.support.facts import FALL, SCHOOL, SPRING, built, kept_out_by


def test_a_course_names_its_school_and_school_year() -> None:
    course = built(build_course(facts.context(), facts.course()), Course)
    assert (course.sourced_id, course.title, course.course_code) == ("61", "Algebra", "1001")
    assert course.subjects == ("Mathematics",)
    assert course.org.sourced_id == SCHOOL
    assert course.school_year is not None
    assert course.school_year.sourced_id == "sy27"


def test_a_course_without_number_or_subject_still_has_a_code() -> None:
    course = built(build_course(facts.context(), facts.course(number="", subject=" ")), Course)
    assert course.course_code == "61"
    assert course.subjects is None


def test_a_course_of_a_hidden_calendar_is_kept_out() -> None:
    context = facts.context(facts.reference_tables(calendars=[facts.calendar(lms_exclude=True)]))
    assert kept_out_by(build_course(context, facts.course())) == "lms exclude"
    assert kept_out_by(build_course(context, facts.course(calendar_id=99))) == "no such row"


def test_a_class_is_titled_by_course_and_section_number() -> None:
    class_ = built(build_class(facts.context(), facts.section()), Class)
    assert (class_.sourced_id, class_.title) == ("71", "1001 3a")
    assert (class_.class_code, class_.location) == ("Smith, John", "B12")
    assert class_.subjects == ("Mathematics",)
    assert (class_.course.sourced_id, class_.school.sourced_id) == ("61", SCHOOL)
    assert class_.course.href.endswith("/courses/61")


def test_what_a_section_does_not_have_is_left_out() -> None:
    section = facts.section(
        teacher_display_name="", room=None, course=facts.course(subject=None), terms=((FALL, ""),)
    )
    class_ = built(build_class(facts.context(), section), Class)
    assert (class_.class_code, class_.location) == (None, None)
    assert (class_.subjects, class_.periods) == (None, None)


@pytest.mark.parametrize(("homeroom", "class_type"), [(True, "homeroom"), (False, "scheduled")])
def test_a_homeroom_is_told_from_a_scheduled_class(homeroom: bool, class_type: str) -> None:
    class_ = built(build_class(facts.context(), facts.section(homeroom=homeroom)), Class)
    assert class_.class_type == class_type


def test_terms_and_periods_are_told_once_and_in_time() -> None:
    meetings = ((SPRING, "4"), (FALL, "2"), (SPRING, "2"), (FALL, "1"), (FALL, "2"))
    class_ = built(build_class(facts.context(), facts.section(terms=meetings)), Class)
    assert [term.sourced_id for term in class_.terms] == ["201", "202"]
    assert class_.periods == ("1", "2", "4")


def test_terms_that_may_not_be_seen_are_left_out_with_their_periods() -> None:
    tables = facts.reference_tables(
        calendars=[facts.calendar(calendar_id=102, lms_exclude=True)],
        terms=[facts.term(term_id=203, calendar_id=102)],
    )
    section = facts.section(terms=((203, "8"), (FALL, "1"), (99, "9")))
    class_ = built(build_class(facts.context(tables), section), Class)
    assert [term.sourced_id for term in class_.terms] == ["201"]
    assert class_.periods == ("1",)


def test_a_class_without_visible_term_or_course_is_kept_out() -> None:
    context = facts.context()
    assert kept_out_by(build_class(context, facts.section(terms=()))) == "no term"
    nowhere = facts.section(course=facts.course(calendar_id=99))
    assert kept_out_by(build_class(context, nowhere)) == "no such row"
