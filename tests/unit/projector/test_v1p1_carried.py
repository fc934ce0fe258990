"""OneRoster 1.1's enrollments and demographics, which take 1.2's verdicts."""

from datetime import date, timedelta

import pytest

from rosterline.oneroster import v1p1
from rosterline.oneroster.v1p2 import Enrollment
from rosterline.projector.facts import Account, PersonFacts
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import build_roster_enrollment, build_staff_enrollment
from rosterline.projector.rules.v1p1_carried import (
    demographics_in_v1p1,
    roster_in_v1p1,
    staff_in_v1p1,
)
from rosterline.projector.rules.verdict import Verdict
from tests.support import facts
from tests.support.facts import SCHOOL, TODAY, built, guid, kept_out_by

LOGIN = (facts.account(),)
ROOT = "~/ims/oneroster/v1p1"
REFERENCES = {
    "class": {"href": f"{ROOT}/classes/71", "sourcedId": "71", "type": "class"},
    "school": {"href": f"{ROOT}/orgs/{SCHOOL}", "sourcedId": SCHOOL, "type": "org"},
}


def roster_of(person: PersonFacts, **columns: object) -> Verdict:
    row = facts.roster(person=person, **columns)
    return roster_in_v1p1(build_roster_enrollment(facts.context(), row), person)


def staff_of(person: PersonFacts, **columns: object) -> Verdict:
    row = facts.staff(person=person, **columns)
    return staff_in_v1p1(build_staff_enrollment(facts.context(), row), person)


def demographics_of(person: PersonFacts) -> Verdict:
    return demographics_in_v1p1(build_demographics(facts.context(), person), person)


def dumped(verdict: Verdict) -> dict[str, object]:
    record = built(verdict, Enrollment)
    return record.model_dump(by_alias=True, exclude_none=True, exclude={"date_last_modified"})


def test_a_roster_row_enrolls_the_user_who_is_the_person_as_student() -> None:
    verdict = roster_of(facts.student(accounts=LOGIN), end_date=date(2027, 2, 1))
    assert dumped(verdict) == {
        "sourcedId": "r81",
        "status": "active",
        "user": {"href": f"{ROOT}/users/s5", "sourcedId": "s5", "type": "user"},
        **REFERENCES,
        "role": "student",
        "beginDate": "2026-08-17",
        "endDate": "2027-02-01",
    }


@pytest.mark.parametrize(("role", "primary"), [("primary", "true"), ("teacher", "false")])
def test_a_staff_row_enrolls_the_user_who_is_the_person_as_teacher(role: str, primary: str) -> None:
    assert dumped(staff_of(facts.teacher(accounts=LOGIN), role=role)) == {
        "sourcedId": "t91",
        "status": "active",
        "user": {"href": f"{ROOT}/users/t5", "sourcedId": "t5", "type": "user"},
        **REFERENCES,
        "role": "teacher",
        "primary": primary,
    }


def test_the_status_and_the_reasons_are_those_of_1_2() -> None:
    ended = roster_of(facts.student(accounts=LOGIN), end_date=TODAY - timedelta(days=1))
    assert built(ended, Enrollment).status == "tobedeleted"
    hidden = facts.student(facts.membership(no_show=True), accounts=LOGIN)
    assert kept_out_by(roster_of(hidden)) == "no show"
    assert kept_out_by(demographics_of(hidden)) == "no show"
    assert kept_out_by(staff_of(facts.teacher(accounts=LOGIN), role="staff")) == (
        "not a teacher of the section"
    )


@pytest.mark.parametrize("accounts", [(), (facts.account(1, " "),)])
def test_what_belongs_to_somebody_without_a_username_is_kept_out_and_says_so(
    accounts: tuple[Account, ...],
) -> None:
    for verdict in (
        roster_of(facts.student(accounts=accounts)),
        staff_of(facts.teacher(accounts=accounts)),
        demographics_of(facts.student(accounts=accounts)),
    ):
        assert kept_out_by(verdict) == "no username"
        assert "its user is kept out" in str(verdict)


def test_a_hidden_rows_own_reason_goes_before_the_missing_username() -> None:
    hidden = facts.student(facts.membership(no_show=True))
    assert kept_out_by(roster_of(hidden)) == "no show"


def test_demographics_are_those_of_the_user_who_is_the_person_as_student() -> None:
    row = facts.person(birth_date=date(2011, 5, 3), sex="F", asian=True, white=False)
    record = built(demographics_of(facts.student(person=row, accounts=LOGIN)), v1p1.Demographics)
    assert record.model_dump(by_alias=True, exclude_none=True, exclude={"date_last_modified"}) == {
        "sourcedId": "s5",
        "status": "active",
        "birthDate": "2011-05-03",
        "sex": "female",
        "asian": "true",
        "white": "false",
        "demographicRaceTwoOrMoreRaces": "false",
    }


@pytest.mark.parametrize(
    ("code", "sex"),
    [("M", "male"), ("Female", "female"), ("X", None), ("U", None), ("?", None), (None, None)],
)
def test_1_1_has_two_words_for_sex_and_leaves_out_the_others(
    code: str | None, sex: str | None
) -> None:
    person = facts.student(person=facts.person(sex=code), accounts=LOGIN)
    assert built(demographics_of(person), v1p1.Demographics).sex == sex


def test_1_2s_record_is_left_as_it_was() -> None:
    person = facts.student(accounts=LOGIN)
    verdict = build_roster_enrollment(facts.context(), facts.roster(person=person))
    roster_in_v1p1(verdict, person)
    assert built(verdict, Enrollment).user.sourced_id == guid(5)
