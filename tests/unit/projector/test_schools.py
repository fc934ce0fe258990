"""In whose scope a record stands, by examples."""

from dataclasses import replace
from datetime import date

from rosterline.oneroster.v1p2 import Enrollment
from rosterline.projector.facts import Membership, PersonFacts, Tie
from rosterline.projector.rules.courses import build_class, build_course
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.schools import (
    NOWHERE,
    Reach,
    reach_of,
    reach_of_demographics,
    reach_of_roster,
    reach_of_staff,
    reach_of_user,
    reach_of_user_v1p1,
)
from rosterline.projector.rules.sessions import build_grading_period, build_school_year, build_term
from rosterline.projector.rules.users import build_user
from rosterline.projector.rules.v1p1_users import build_users_v1p1
from tests.support import facts
from tests.support.facts import CALENDAR, OTHER_CALENDAR, OTHER_SCHOOL, SCHOOL, TODAY, guid

CONTEXT = facts.context()
HERE, THERE, BOTH = Reach((SCHOOL,)), Reach((OTHER_SCHOOL,)), (SCHOOL, OTHER_SCHOOL)
OVER = date(2026, 10, 1)
ELSEWHERE = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR)
ENDED = facts.membership(end_date=OVER)


def of_user(person: PersonFacts) -> Reach:
    """The reach of the 1.2 user."""
    return reach_of_user(CONTEXT, person, build_user(CONTEXT, person))


def of_users_v1p1(person: PersonFacts) -> dict[str, Reach]:
    """The reach of each 1.1 user, by the letter of its role."""
    named = replace(person, accounts=(facts.account(),))
    verdicts = build_users_v1p1(CONTEXT, named)
    reaches = {key[0]: reach_of_user_v1p1(CONTEXT, named, each) for key, each in verdicts.items()}
    return {letter: reach for letter, reach in reaches.items() if reach != NOWHERE}


def of_demographics(*memberships: Membership) -> Reach:
    """The reach of a student's demographics."""
    person = facts.student(*memberships)
    return reach_of_demographics(CONTEXT, person, build_demographics(CONTEXT, person))


def child(person_id: int, *memberships: Membership, guardian: bool = True) -> Tie:
    """A tie to a student."""
    return facts.tie(
        relationship_id=person_id,
        person_id=person_id,
        person_guid=guid(person_id),
        memberships=memberships,
        guardian=guardian,
    )


def test_a_school_stands_in_its_own_scope_and_a_district_in_each_of_its_schools() -> None:
    assert reach_of(CONTEXT, build_school(CONTEXT, SCHOOL)) == HERE
    assert reach_of(CONTEXT, build_district(CONTEXT, facts.DISTRICT)).schools == BOTH


def test_terms_courses_and_classes_stand_at_their_calendars_school() -> None:
    course, section = facts.course(), facts.section()
    for verdict in (
        build_term(CONTEXT, facts.FALL),
        build_grading_period(CONTEXT, facts.FALL),
        build_course(CONTEXT, course),
        build_class(CONTEXT, section),
    ):
        assert reach_of(CONTEXT, verdict) == HERE


def test_a_school_year_stands_where_its_terms_do_and_names_them() -> None:
    spring = facts.term(term_id=facts.SPRING, calendar_id=OTHER_CALENDAR)
    context = facts.context(facts.reference_tables(terms=[spring]))
    reach = reach_of(context, build_school_year(context, facts.YEAR))
    assert reach == Reach(BOTH, (("201", (SCHOOL,)), ("202", (OTHER_SCHOOL,))))


def test_what_is_kept_out_stands_nowhere() -> None:
    assert reach_of(CONTEXT, build_school(CONTEXT, guid(99))) == NOWHERE
    assert of_user(facts.student(facts.membership(no_show=True))) == NOWHERE
    assert of_demographics(facts.membership(no_show=True)) == NOWHERE


def test_students_and_staff_stand_where_they_show_a_role() -> None:
    assert of_user(facts.student(facts.membership(), ELSEWHERE)).schools == BOTH
    assert of_user(facts.student(ENDED, ELSEWHERE)) == THERE
    assert of_user(facts.student(ENDED)) == HERE
    assert of_user(facts.teacher()) == HERE
    assert of_demographics(ENDED, ELSEWHERE) == THERE


def test_in_1_1_each_role_stands_for_itself() -> None:
    person = facts.student(
        assignments=(facts.assignment(school_guid=OTHER_SCHOOL, other_roles=("program",)),)
    )
    assert of_user(person).schools == BOTH
    assert of_users_v1p1(person) == {"s": HERE, "t": THERE, "a": THERE}


def test_guardians_stand_where_their_students_do() -> None:
    tied = facts.guardian(child(7, facts.membership()), child(8, ELSEWHERE))
    students = ((guid(7), (SCHOOL,)), (guid(8), (OTHER_SCHOOL,)))
    assert of_user(tied) == Reach(BOTH, students)
    assert of_users_v1p1(tied) == {"g": Reach(BOTH, students)}


def test_a_student_who_has_left_gives_no_school_while_another_gives_one() -> None:
    gone, there = child(7, ENDED), child(8, ELSEWHERE)
    students = ((guid(7), (SCHOOL,)), (guid(8), (OTHER_SCHOOL,)))
    for tied in (facts.guardian(gone, there), facts.guardian(there, gone)):
        assert of_user(tied) == Reach((OTHER_SCHOOL,), students)
        assert of_users_v1p1(tied) == {"g": Reach((OTHER_SCHOOL,), students)}


def test_a_guardian_of_students_who_have_all_left_keeps_their_schools() -> None:
    last = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR, end_date=OVER)
    tied = facts.guardian(child(7, ENDED), child(8, last))
    assert of_user(tied).schools == BOTH
    assert of_users_v1p1(tied)["g"].schools == BOTH


def test_a_teacher_whose_child_has_left_another_school_stands_there_no_more() -> None:
    last = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR, end_date=OVER)
    person = facts.teacher(students=(child(7, last),))
    assert of_user(person) == Reach((SCHOOL,), ((guid(7), (OTHER_SCHOOL,)),))
    assert of_users_v1p1(person)["g"].schools == (OTHER_SCHOOL,)


def test_in_1_1_guardians_and_relatives_stand_each_where_their_own_students_do() -> None:
    tied = facts.guardian(child(7, ENDED), child(8, ELSEWHERE, guardian=False))
    assert of_user(tied).schools == (OTHER_SCHOOL,)
    assert {letter: each.schools for letter, each in of_users_v1p1(tied).items()} == {
        "g": (SCHOOL,),
        "r": (OTHER_SCHOOL,),
    }


def test_a_student_who_is_not_shown_gives_no_school() -> None:
    shown = child(7, ELSEWHERE)
    for hidden in (
        replace(child(8, facts.membership()), portal=False),
        replace(child(8, facts.membership()), end_date=OVER),
        child(8, facts.membership(lms_exclude=True)),
    ):
        assert of_user(facts.guardian(shown, hidden)).schools == (OTHER_SCHOOL,)
    unnamed = replace(child(8, facts.membership()), has_username=False)
    assert of_user(facts.guardian(shown, unnamed)).schools == BOTH
    assert of_users_v1p1(facts.guardian(shown, unnamed))["g"].schools == (OTHER_SCHOOL,)


def test_the_same_student_by_two_ties_counts_by_the_one_that_is_shown() -> None:
    hidden = replace(child(7, facts.membership()), portal=False)
    person = facts.guardian(child(7, facts.membership()), replace(hidden, relationship_id=9))
    assert of_user(person) == Reach((SCHOOL,), ((guid(7), (SCHOOL,)),))


def test_a_teacher_who_is_a_guardian_stands_where_the_child_does_too() -> None:
    person = facts.teacher(students=(child(7, ELSEWHERE),))
    assert of_user(person).schools == BOTH
    assert of_users_v1p1(person)["t"] == HERE
    assert of_users_v1p1(person)["g"].schools == (OTHER_SCHOOL,)


def test_a_place_in_a_class_stands_at_its_school_if_its_user_belongs_there() -> None:
    for memberships, expected in (
        ((facts.membership(),), HERE),
        ((ENDED, ELSEWHERE), HERE),
        ((ELSEWHERE,), NOWHERE),
    ):
        roster = facts.roster(person=facts.student(*memberships))
        verdict = build_roster_enrollment(CONTEXT, roster)
        assert facts.built(verdict, Enrollment).status
        assert reach_of_roster(CONTEXT, roster, verdict) == expected


def test_a_teachers_place_likewise() -> None:
    there = facts.assignment(assignment_id=42, school_guid=OTHER_SCHOOL)
    for assignments, expected in (
        ((facts.assignment(),), HERE),
        ((facts.assignment(end_date=TODAY), there), HERE),
        ((facts.assignment(teacher=False, other_roles=("program",)), there), NOWHERE),
        ((there,), NOWHERE),
    ):
        staff = facts.staff(person=facts.teacher(*assignments))
        verdict = build_staff_enrollment(CONTEXT, staff)
        assert facts.built(verdict, Enrollment).status
        assert reach_of_staff(CONTEXT, staff, verdict) == expected


def test_a_calendar_more_of_the_same_school_is_the_same_school() -> None:
    third = facts.calendar(calendar_id=102)
    context = facts.context(facts.reference_tables(calendars=[third]))
    person = facts.student(facts.membership(calendar_id=102))
    roster = facts.roster(person=person)
    verdict = build_roster_enrollment(context, roster)
    assert roster.section.course.calendar_id == CALENDAR
    assert reach_of_roster(context, roster, verdict) == HERE
