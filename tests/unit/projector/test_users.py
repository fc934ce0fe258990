"""Users: names, numbers, accounts, grades, agents and status. Their roles: test_roles.py."""

from datetime import timedelta

import pytest

from rosterline.oneroster.v1p2 import User
from rosterline.projector.facts import Account, PersonFacts
from rosterline.projector.rules.users import build_user, secondary_view
from tests.support import facts
from tests.support.facts import OTHER_CALENDAR, SCHOOL, TODAY, built, guid, kept_out_by

DAY = timedelta(days=1)
ENDED = facts.membership(end_date=TODAY - DAY)
HIDDEN = facts.membership(no_show=True)


def user_of(person: PersonFacts, **options: bool) -> User:
    return built(build_user(facts.context(**options), person), User)  # type: ignore[arg-type]  # switches only


def agents_of(person: PersonFacts) -> list[str]:
    return [agent.sourced_id for agent in user_of(person).agents or ()]


def test_a_user_carries_the_persons_columns_under_the_standards_names() -> None:
    person = facts.person(
        middle_name="King",
        preferred_given_name="Addie",
        suffix="III",
        pronouns="she/her",
        student_number="S5",
        state_id="MN77",
        email="ada@example.org",
        secondary_email="ada2@example.org",
        other_phone="555-0100",
        cell_phone="555-0199",
    )
    user = user_of(facts.student(person=person, accounts=(facts.account(),)))
    dumped = user.model_dump(by_alias=True, exclude_none=True)
    for computed in ("roles", "primaryOrg", "dateLastModified"):
        del dumped[computed]
    assert dumped == {
        "sourcedId": guid(5),
        "status": "active",
        "username": "ada",
        "userIds": (
            {"type": "studentNumber", "identifier": "S5"},
            {"type": "stateId", "identifier": "MN77"},
        ),
        "enabledUser": "true",
        "givenName": "Ada",
        "familyName": "Byron",
        "middleName": "King",
        "preferredFirstName": "Addie",
        "pronouns": "she/her",
        "identifier": "S5",
        "email": "ada@example.org",
        "phone": "555-0100",
        "sms": "555-0199",
        "grades": ("09",),
    }


def test_blank_columns_are_left_out() -> None:
    person = facts.person(email="", cell_phone=" ", middle_name="", student_number="")
    user = user_of(facts.student(person=person))
    assert (user.email, user.sms, user.middle_name) == (None, None, None)
    assert (user.identifier, user.user_ids, user.agents) == (None, None, None)


@pytest.mark.parametrize(
    ("email", "secondary", "shown"),
    [
        ("a@x", "b@x", "b@x"),
        (None, "b@x", "b@x"),
        ("a@x", "a@x", None),
        ("a@x", None, None),
        ("a@x", " ", None),
        (None, None, None),
    ],
)
def test_the_view_with_the_secondary_address_exists_where_it_differs(
    email: str | None, secondary: str | None, shown: str | None
) -> None:
    row = facts.person(email=email, secondary_email=secondary)
    user = user_of(facts.student(person=row))
    view = secondary_view(user, row)
    assert view == (None if shown is None else user.model_copy(update={"email": shown}))
    assert user.email == email


def test_the_switch_for_1_1_changes_no_address_of_1_2() -> None:
    row = facts.person(email="a@x", secondary_email="b@x")
    assert user_of(facts.student(person=row), secondary_email_v1p1=True).email == "a@x"


@pytest.mark.parametrize(
    ("accounts", "username", "enabled"),
    [
        ((), None, "true"),
        ((facts.account(1, "a", disabled=True),), "a", "false"),
        ((facts.account(1, "a", disabled=True), facts.account(2, "b")), "b", "true"),
        ((facts.account(3, "c"), facts.account(2, "b")), "b", "true"),
        (
            (facts.account(3, "c", disabled=True), facts.account(2, "b", disabled=True)),
            "b",
            "false",
        ),
        ((facts.account(1, ""),), None, "true"),
        ((facts.account(1, " "), facts.account(2, "b")), "b", "true"),
    ],
)
def test_the_first_enabled_account_names_the_user(
    accounts: tuple[Account, ...], username: str | None, enabled: str
) -> None:
    user = user_of(facts.student(accounts=accounts))
    assert (user.username, user.enabled_user) == (username, enabled)


def test_students_are_identified_by_student_number_and_all_others_by_staff_number() -> None:
    person = facts.person(student_number="S5", staff_number="T5")
    assert user_of(facts.student(person=person)).identifier == "S5"
    assert user_of(facts.teacher(person=person)).identifier == "T5"
    both = facts.student(person=person, assignments=(facts.assignment(),))
    assert user_of(both).identifier == "S5"
    once = facts.student(ENDED, person=person, assignments=(facts.assignment(),))
    assert user_of(once).identifier == "T5"
    assert user_of(facts.guardian(person=facts.person(student_number="S5"))).identifier is None


def test_the_grade_is_the_mapped_one_or_the_local_one_by_switch() -> None:
    assert user_of(facts.student()).grades == ("09",)
    assert user_of(facts.student(), local_grades=True).grades == ("Freshman",)
    assert user_of(facts.teacher()).grades is None


@pytest.mark.parametrize("nces_grade", [None, ""])
def test_a_grade_that_is_not_mapped_is_left_out(nces_grade: str | None) -> None:
    tables = facts.reference_tables(grade_levels=[facts.grade_level(nces_grade=nces_grade)])
    assert built(build_user(facts.context(tables), facts.student()), User).grades is None


def test_the_grade_comes_from_the_primary_membership() -> None:
    eighth = facts.grade_level(grade_level_id=8, nces_grade="08")
    context = facts.context(facts.reference_tables(grade_levels=[eighth]))
    secondary = facts.membership(enrollment_id=1, grade_level_id=8, service_type="S")
    person = facts.student(secondary, facts.membership(calendar_id=OTHER_CALENDAR))
    assert built(build_user(context, person), User).grades == ("09",)
    assert built(build_user(context, facts.student(secondary)), User).grades == ("08",)


def test_a_user_with_only_ended_rows_is_to_be_deleted_and_keeps_a_role() -> None:
    for person in (
        facts.student(ENDED),
        facts.teacher(facts.assignment(end_date=TODAY - DAY)),
        facts.guardian(facts.tie(memberships=(ENDED,))),
    ):
        user = user_of(person)
        assert user.status == "tobedeleted"
        assert len(user.roles) == 1


def test_one_current_row_keeps_a_user_active() -> None:
    user = user_of(facts.student(ENDED, assignments=(facts.assignment(),)))
    assert user.status == "active"
    assert [role.role for role in user.roles] == ["teacher"]
    assert user.grades is None


def test_a_guardian_of_an_ended_and_a_current_student_is_active() -> None:
    ended = facts.tie(relationship_id=50, person_guid=guid(8), memberships=(ENDED,))
    assert user_of(facts.guardian(ended, facts.tie())).status == "active"


def test_a_person_without_any_row_that_counts_is_kept_out() -> None:
    context = facts.context()
    assert kept_out_by(build_user(context, PersonFacts(facts.person()))) == "not a user"
    assert kept_out_by(build_user(context, facts.student(HIDDEN))) == "no show"
    assert kept_out_by(build_user(context, facts.guardian(facts.tie(portal=False)))) == "no portal"
    ended_tie = facts.tie(end_date=TODAY - DAY)
    assert kept_out_by(build_user(context, facts.guardian(ended_tie))) == "inactive relationship"
    no_roles = facts.assignment(teacher=False, other_roles=("", " "))
    assert kept_out_by(build_user(context, facts.teacher(no_roles))) == "no role"


def test_a_student_names_guardians_and_relatives_in_order() -> None:
    related = (
        facts.tie(relationship_id=1, person_guid=guid(9), memberships=()),
        facts.tie(relationship_id=2, person_guid=guid(7), guardian=False, memberships=()),
        facts.tie(relationship_id=3, person_guid=guid(9), guardian=False, memberships=()),
        *(facts.tie(relationship_id=n, person_guid=guid(n), memberships=()) for n in (15, 14, 13)),
    )
    expected = [guid(number) for number in (7, 9, 13, 14, 15)]
    assert agents_of(facts.student(related=related)) == expected


def test_ties_that_do_not_count_name_nobody() -> None:
    ties = (
        facts.tie(relationship_id=1, person_guid=guid(7), portal=False),
        facts.tie(relationship_id=2, person_guid=guid(8), end_date=TODAY - DAY),
        facts.tie(relationship_id=3, person_guid=guid(9), start_date=TODAY + DAY),
    )
    assert agents_of(facts.student(related=ties)) == []
    assert agents_of(facts.student(students=ties)) == []


def test_a_guardian_names_the_students_who_may_be_seen() -> None:
    ties = (
        facts.tie(relationship_id=1, person_guid=guid(9)),
        facts.tie(relationship_id=2, person_guid=guid(8), memberships=(HIDDEN,)),
        facts.tie(relationship_id=3, person_guid=guid(7), memberships=(ENDED,)),
    )
    assert agents_of(facts.guardian(*ties)) == [guid(7), guid(9)]


def test_who_is_no_longer_a_student_of_ours_names_no_guardians() -> None:
    related = (facts.tie(memberships=()),)
    person = facts.student(HIDDEN, assignments=(facts.assignment(),), related=related)
    assert agents_of(person) == []


def test_the_primary_org_is_that_of_the_primary_role() -> None:
    assert user_of(facts.student()).primary_org == user_of(facts.student()).roles[0].org
    primary_org = user_of(facts.guardian()).primary_org
    assert primary_org is not None
    assert primary_org.sourced_id == facts.DISTRICT
    assert user_of(facts.teacher()).roles[0].org.sourced_id == SCHOOL
