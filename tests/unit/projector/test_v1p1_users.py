"""OneRoster 1.1's users: one for each role of a person, each on that role's own rows."""

from datetime import date, timedelta

import pytest

from rosterline.oneroster.v1p1 import User
from rosterline.projector.facts import Account, PersonFacts
from rosterline.projector.rules.v1p1_users import build_users_v1p1, user_sourced_ids
from rosterline.projector.rules.verdict import KeptOut, Verdict
from tests.support import facts
from tests.support.facts import DISTRICT, OTHER_CALENDAR, OTHER_SCHOOL, SCHOOL, TODAY, built

DAY = timedelta(days=1)
LOGIN = (facts.account(),)
ENDED = facts.membership(end_date=TODAY - DAY)
HIDDEN = facts.membership(no_show=True)
PROGRAM = facts.assignment(assignment_id=42, teacher=False, other_roles=("program",))


def verdicts_of(person: PersonFacts, **switches: bool) -> dict[str, Verdict]:
    return build_users_v1p1(facts.context(**switches), person)  # type: ignore[arg-type]  # switches only


def users_of(person: PersonFacts, **switches: bool) -> dict[str, User]:
    verdicts = verdicts_of(person, **switches)
    return {key: built(v, User) for key, v in verdicts.items() if not isinstance(v, KeptOut)}


def rules_of(person: PersonFacts) -> dict[str, str]:
    return {key: v.rule for key, v in verdicts_of(person).items() if isinstance(v, KeptOut)}


def agents_of(user: User) -> list[str]:
    return [agent.sourced_id for agent in user.agents or ()]


def test_a_user_carries_the_persons_columns_under_the_names_of_1_1() -> None:
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
    user = users_of(facts.student(person=person, accounts=LOGIN))["s5"]
    assert user.model_dump(by_alias=True, exclude_none=True, exclude={"date_last_modified"}) == {
        "sourcedId": "s5",
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
        "role": "student",
        "identifier": "S5",
        "email": "ada@example.org",
        "phone": "555-0100",
        "orgs": (
            {
                "href": f"~/ims/oneroster/v1p1/orgs/{SCHOOL}",
                "sourcedId": SCHOOL,
                "type": "org",
            },
        ),
        "grades": ("09",),
    }


def test_each_role_of_a_person_is_a_user_of_its_own() -> None:
    ties = (facts.tie(), facts.tie(relationship_id=52, person_id=7, guardian=False))
    person = facts.student(
        accounts=LOGIN,
        assignments=(facts.assignment(other_roles=("counselor",)),),
        students=ties,
    )
    assert {key: user.role for key, user in users_of(person).items()} == {
        "s5": "student",
        "t5": "teacher",
        "a5": "administrator",
        "g5": "guardian",
        "r5": "relative",
    }


def test_there_is_a_verdict_for_every_id_that_a_person_can_have() -> None:
    for person in (facts.student(), facts.teacher(accounts=LOGIN), PersonFacts(facts.person())):
        assert tuple(verdicts_of(person)) == user_sourced_ids(5)
    assert user_sourced_ids(5) == ("s5", "t5", "a5", "g5", "r5")


@pytest.mark.parametrize(
    "accounts", [(), (facts.account(1, ""),), (facts.account(1, " "), facts.account(2, "\t"))]
)
def test_nobody_is_a_user_without_a_username(accounts: tuple[Account, ...]) -> None:
    person = facts.student(accounts=accounts, assignments=(facts.assignment(),))
    assert users_of(person) == {}
    assert rules_of(person) == {
        "s5": "no username",
        "t5": "no username",
        "a5": "not an administrator",
        "g5": "not a guardian",
        "r5": "not a relative",
    }


def test_a_disabled_account_counts_and_shows() -> None:
    user = users_of(facts.student(accounts=(facts.account(disabled=True),)))["s5"]
    assert (user.username, user.enabled_user) == ("ada", "false")


def test_each_role_says_for_itself_why_it_is_kept_out() -> None:
    person = facts.student(
        HIDDEN,
        accounts=LOGIN,
        assignments=(facts.assignment(lms_exclude=True), PROGRAM),
        students=(facts.tie(portal=False), facts.tie(relationship_id=52, end_date=TODAY - DAY)),
    )
    assert list(users_of(person)) == ["a5"]
    assert rules_of(person) == {
        "s5": "no show",
        "t5": "lms exclude",
        "g5": "inactive relationship",
        "r5": "not a relative",
    }


def test_an_assignment_without_roles_gives_neither_role() -> None:
    nothing = facts.assignment(teacher=False, other_roles=("",))
    rules = rules_of(facts.teacher(nothing, accounts=LOGIN))
    assert (rules["t5"], rules["a5"]) == ("no role", "no role")


def test_each_role_ends_by_itself() -> None:
    person = facts.student(
        ENDED, accounts=LOGIN, assignments=(facts.assignment(end_date=TODAY), PROGRAM)
    )
    assert {key: user.status for key, user in users_of(person).items()} == {
        "s5": "tobedeleted",
        "t5": "tobedeleted",
        "a5": "active",
    }


@pytest.mark.parametrize(
    ("end_date", "as_student", "as_teacher"),
    [
        (TODAY - DAY, "tobedeleted", "tobedeleted"),
        (TODAY, "active", "tobedeleted"),
        (TODAY + DAY, "active", "active"),
        (None, "active", "active"),
    ],
)
def test_a_students_last_day_counts_and_a_teachers_does_not(
    end_date: date | None, as_student: str, as_teacher: str
) -> None:
    person = facts.student(
        facts.membership(end_date=end_date),
        accounts=LOGIN,
        assignments=(facts.assignment(end_date=end_date),),
    )
    users = users_of(person)
    assert (users["s5"].status, users["t5"].status) == (as_student, as_teacher)


def test_the_orgs_are_the_current_schools_each_once_and_in_order() -> None:
    there = facts.membership(enrollment_id=32, calendar_id=OTHER_CALENDAR, service_type="S")
    again = facts.membership(enrollment_id=33)
    assert orgs_of(facts.student(there, facts.membership(), again)) == [SCHOOL, OTHER_SCHOOL]
    assert orgs_of(facts.student(there, ENDED)) == [OTHER_SCHOOL]
    assert orgs_of(facts.student(ENDED)) == [SCHOOL]


def test_teachers_and_administrators_have_the_schools_of_their_own_role() -> None:
    there = facts.assignment(
        assignment_id=43, school_guid=OTHER_SCHOOL, teacher=False, other_roles=("program",)
    )
    person = facts.teacher(facts.assignment(), there)
    assert orgs_of(person, "t5") == [SCHOOL]
    assert orgs_of(person, "a5") == [OTHER_SCHOOL]


def test_guardians_and_relatives_have_the_district_for_an_org() -> None:
    relative = facts.tie(relationship_id=52, guardian=False)
    person = facts.guardian(facts.tie(), relative)
    assert (orgs_of(person, "g5"), orgs_of(person, "r5")) == ([DISTRICT], [DISTRICT])


def orgs_of(person: PersonFacts, key: str = "s5") -> list[str]:
    with_login = PersonFacts(
        person.person, LOGIN, person.memberships, person.assignments, (), person.students
    )
    return [org.sourced_id for org in users_of(with_login)[key].orgs]


def test_students_are_identified_by_student_number_and_all_others_by_staff_number() -> None:
    person = facts.student(
        person=facts.person(student_number="S5", staff_number="T5"),
        accounts=LOGIN,
        assignments=(facts.assignment(other_roles=("program",)),),
    )
    found = {key: user.identifier for key, user in users_of(person).items()}
    assert found == {"s5": "S5", "t5": "T5", "a5": "T5"}


def test_only_students_have_grades_and_they_are_never_the_local_ones() -> None:
    person = facts.student(accounts=LOGIN, assignments=(facts.assignment(),))
    users = users_of(person, local_grades=True)
    assert (users["s5"].grades, users["t5"].grades) == (("09",), None)


@pytest.mark.parametrize(
    ("email", "secondary", "usual", "switched"),
    [
        ("a@x", "b@x", "a@x", "b@x"),
        ("a@x", None, "a@x", "a@x"),
        ("a@x", " ", "a@x", "a@x"),
        (None, "b@x", None, "b@x"),
        (None, None, None, None),
    ],
)
def test_a_switch_makes_the_secondary_address_the_one_that_is_shown(
    email: str | None, secondary: str | None, usual: str | None, switched: str | None
) -> None:
    row = facts.person(email=email, secondary_email=secondary)
    person = facts.student(person=row, accounts=LOGIN)
    assert users_of(person)["s5"].email == usual
    assert users_of(person, secondary_email_v1p1=True)["s5"].email == switched


def test_a_student_names_guardians_and_relatives_by_their_own_users() -> None:
    related = (
        facts.tie(relationship_id=1, person_id=9, memberships=()),
        facts.tie(relationship_id=2, person_id=7, guardian=False, memberships=()),
        facts.tie(relationship_id=3, person_id=9, guardian=False, memberships=()),
        facts.tie(relationship_id=4, person_id=8, has_username=False, memberships=()),
        facts.tie(relationship_id=5, person_id=6, portal=False, memberships=()),
        facts.tie(relationship_id=6, person_id=9, memberships=()),
    )
    person = facts.student(accounts=LOGIN, related=related, assignments=(facts.assignment(),))
    users = users_of(person)
    assert agents_of(users["s5"]) == ["g9", "r7", "r9"]
    assert agents_of(users["t5"]) == []


def test_guardians_and_relatives_name_their_own_students() -> None:
    ties = (
        facts.tie(relationship_id=1, person_id=9),
        facts.tie(relationship_id=2, person_id=8, guardian=False),
        facts.tie(relationship_id=3, person_id=7, has_username=False),
        facts.tie(relationship_id=4, person_id=4, memberships=(HIDDEN,)),
        facts.tie(relationship_id=5, person_id=3, memberships=(ENDED,)),
    )
    users = users_of(facts.guardian(*ties, accounts=LOGIN))
    assert agents_of(users["g5"]) == ["s3", "s9"]
    assert agents_of(users["r5"]) == ["s8"]


def test_a_guardian_of_a_student_without_a_username_is_still_a_user() -> None:
    person = facts.guardian(facts.tie(has_username=False), accounts=LOGIN)
    user = users_of(person)["g5"]
    assert (user.status, user.agents) == ("active", None)
