"""The roles of a user: which rows make which, and which one is primary."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from rosterline.oneroster.v1p2 import User
from rosterline.projector.facts import District, PersonFacts
from rosterline.projector.rules.users import build_user
from tests.support import facts
from tests.support.facts import (
    DISTRICT,
    FIRST_DAY,
    OTHER_CALENDAR,
    OTHER_SCHOOL,
    SCHOOL,
    TODAY,
    built,
    guid,
)

DAY = timedelta(days=1)


def roles_of(person: PersonFacts) -> list[tuple[str, str, str]]:
    user = built(build_user(facts.context(), person), User)
    return [(role.role_type, role.role, role.org.sourced_id) for role in user.roles]


def dates_of(person: PersonFacts) -> list[tuple[str | None, str | None]]:
    user = built(build_user(facts.context(), person), User)
    return [(role.begin_date, role.end_date) for role in user.roles]


def test_a_student_has_one_role_per_school() -> None:
    here, there = facts.membership(), facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR)
    again = facts.membership(enrollment_id=33, start_date=FIRST_DAY + DAY)
    assert roles_of(facts.student(here, there, again)) == [
        ("primary", "student", SCHOOL),
        ("secondary", "student", OTHER_SCHOOL),
    ]


def test_the_earliest_primary_service_is_primary() -> None:
    later = facts.membership(start_date=FIRST_DAY + DAY)
    earlier = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR)
    assert roles_of(facts.student(later, earlier))[0] == ("primary", "student", OTHER_SCHOOL)


def test_primary_service_goes_before_an_earlier_secondary_one() -> None:
    primary = facts.membership(start_date=FIRST_DAY + DAY)
    secondary = facts.membership(enrollment_id=1, calendar_id=OTHER_CALENDAR, service_type="S")
    assert roles_of(facts.student(secondary, primary)) == [
        ("primary", "student", SCHOOL),
        ("secondary", "student", OTHER_SCHOOL),
    ]


def test_of_two_that_start_together_the_lower_id_is_primary() -> None:
    second = facts.membership(enrollment_id=32)
    first = facts.membership(enrollment_id=31, calendar_id=OTHER_CALENDAR)
    assert roles_of(facts.student(second, first))[0] == ("primary", "student", OTHER_SCHOOL)


def test_a_student_with_secondary_service_only_still_has_a_primary_role() -> None:
    person = facts.student(facts.membership(service_type="S"), assignments=(facts.assignment(),))
    assert roles_of(person) == [("primary", "student", SCHOOL), ("secondary", "teacher", SCHOOL)]


def test_of_several_secondary_services_only_the_earliest_school_is_primary() -> None:
    later = facts.membership(enrollment_id=30, start_date=FIRST_DAY + DAY, service_type="S")
    earlier = facts.membership(calendar_id=OTHER_CALENDAR, service_type="S")
    assert roles_of(facts.student(later, earlier)) == [
        ("primary", "student", OTHER_SCHOOL),
        ("secondary", "student", SCHOOL),
    ]


def test_primary_and_secondary_service_at_one_school_are_one_primary_role() -> None:
    secondary = facts.membership(enrollment_id=30, service_type="S")
    elsewhere = facts.membership(enrollment_id=29, calendar_id=OTHER_CALENDAR, service_type="S")
    assert roles_of(facts.student(elsewhere, secondary, facts.membership())) == [
        ("primary", "student", SCHOOL),
        ("secondary", "student", OTHER_SCHOOL),
    ]


@pytest.mark.parametrize(
    ("last_day", "expected"),
    [
        (TODAY - DAY, [("primary", "student", OTHER_SCHOOL)]),
        (TODAY, [("primary", "student", SCHOOL), ("secondary", "student", OTHER_SCHOOL)]),
        (TODAY + DAY, [("primary", "student", SCHOOL), ("secondary", "student", OTHER_SCHOOL)]),
    ],
)
def test_secondary_service_becomes_primary_the_day_after_primary_service_ends(
    last_day: date, expected: list[tuple[str, str, str]]
) -> None:
    primary = facts.membership(end_date=last_day)
    secondary = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR, service_type="S")
    assert roles_of(facts.student(primary, secondary)) == expected


@pytest.mark.parametrize(
    ("last_day", "kept"),
    [(TODAY - DAY, False), (TODAY, False), (TODAY + DAY, True), (None, True)],
)
def test_a_school_of_a_teacher_goes_on_the_end_date_of_its_assignment(
    last_day: date | None, *, kept: bool
) -> None:
    ending = facts.assignment(end_date=last_day)
    other = facts.assignment(assignment_id=42, school_guid=OTHER_SCHOOL)
    assert (("primary", "teacher", SCHOOL) in roles_of(facts.teacher(ending, other))) == kept


def test_an_ended_school_gives_no_role_beside_a_current_one() -> None:
    ended = facts.membership(enrollment_id=30, end_date=TODAY - DAY)
    current = facts.membership(calendar_id=OTHER_CALENDAR, start_date=TODAY)
    assert roles_of(facts.student(ended, current)) == [("primary", "student", OTHER_SCHOOL)]


def test_an_assignment_with_both_kinds_of_roles_makes_teacher_and_aide() -> None:
    person = facts.teacher(facts.assignment(other_roles=("counselor", "program")))
    assert roles_of(person) == [("primary", "teacher", SCHOOL), ("secondary", "aide", SCHOOL)]


def test_staff_have_one_role_per_school_and_kind() -> None:
    person = facts.teacher(
        facts.assignment(assignment_id=3, school_guid=OTHER_SCHOOL, start_date=FIRST_DAY + DAY),
        facts.assignment(assignment_id=2),
        facts.assignment(assignment_id=1, start_date=FIRST_DAY + DAY),
        facts.assignment(assignment_id=4, teacher=False, other_roles=("program",)),
    )
    assert roles_of(person) == [
        ("primary", "teacher", SCHOOL),
        ("secondary", "teacher", OTHER_SCHOOL),
        ("secondary", "aide", SCHOOL),
    ]


def test_guardians_and_relatives_belong_to_the_district() -> None:
    relative = facts.tie(relationship_id=1, person_guid=guid(8), guardian=False)
    assert roles_of(facts.guardian(relative, facts.tie())) == [
        ("primary", "guardian", DISTRICT),
        ("secondary", "relative", DISTRICT),
    ]
    assert roles_of(facts.guardian(relative)) == [("primary", "relative", DISTRICT)]


def test_a_guardian_belongs_to_each_district_of_the_students() -> None:
    tables = facts.reference_tables()
    other = District(guid(2), "Elsewhere", None, lms_exclude=False)
    moved = replace(tables.schools[OTHER_SCHOOL], district_guid=guid(2))
    context = facts.context(facts.reference_tables(districts=[other], schools=[moved]))
    there = facts.tie(
        relationship_id=52, memberships=(facts.membership(calendar_id=OTHER_CALENDAR),)
    )
    user = built(build_user(context, facts.guardian(facts.tie(), there)), User)
    assert [role.org.sourced_id for role in user.roles] == [DISTRICT, guid(2)]


def test_roles_stand_in_the_order_of_their_weight() -> None:
    person = facts.student(
        assignments=(facts.assignment(other_roles=("program",), start_date=date(2020, 1, 1)),),
        students=(facts.tie(), facts.tie(relationship_id=52, guardian=False)),
    )
    assert [role for _, role, _ in roles_of(person)] == [
        "student",
        "teacher",
        "aide",
        "guardian",
        "relative",
    ]
    assert [kind for kind, _, _ in roles_of(person)] == ["primary"] + ["secondary"] * 4


def test_a_role_has_the_dates_of_its_row() -> None:
    end_date = TODAY + 9 * DAY
    assert dates_of(facts.student(facts.membership(end_date=end_date))) == [
        ("2026-08-17", "2027-01-24")
    ]
    assert dates_of(facts.teacher()) == [("2026-08-17", None)]
    assert dates_of(facts.guardian()) == [(None, None)]


def test_a_role_of_several_rows_lasts_from_the_first_day_to_the_last() -> None:
    first = facts.membership(end_date=TODAY + DAY)
    second = facts.membership(enrollment_id=32, start_date=TODAY + 9 * DAY)
    assert dates_of(facts.student(first, second)) == [("2026-08-17", None)]
    closed = replace(second, end_date=TODAY + 20 * DAY)
    assert dates_of(facts.student(first, closed)) == [("2026-08-17", "2027-02-04")]
    ties = (facts.tie(start_date=FIRST_DAY), facts.tie(relationship_id=52))
    assert dates_of(facts.guardian(*ties)) == [(None, None)]
