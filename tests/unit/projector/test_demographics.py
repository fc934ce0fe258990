"""Demographics of students."""

from datetime import date, timedelta

import pytest

from rosterline.oneroster.v1p2 import Demographics
from rosterline.projector.rules.demographics import build_demographics
from tests.support import facts
from tests.support.facts import TODAY, built, kept_out_by


def demographics_of(**columns: object) -> Demographics:
    facts_of_student = facts.student(person=facts.person(**columns))
    return built(build_demographics(facts.context(), facts_of_student), Demographics)


def test_demographics_carry_what_the_sis_knows() -> None:
    record = demographics_of(
        birth_date=date(2011, 5, 3),
        asian=True,
        white=False,
        hispanic_or_latino_ethnicity=False,
        country_of_birth_code="US",
        state_of_birth="MN",
        city_of_birth="Blaine",
    )
    assert record.model_dump(by_alias=True, exclude_none=True) == {
        "sourcedId": facts.guid(5),
        "status": "active",
        "dateLastModified": record.date_last_modified,
        "birthDate": "2011-05-03",
        "asian": "true",
        "white": "false",
        "demographicRaceTwoOrMoreRaces": "false",
        "hispanicOrLatinoEthnicity": "false",
        "countryOfBirthCode": "US",
        "stateOfBirthAbbreviation": "MN",
        "cityOfBirth": "Blaine",
    }


def test_what_the_sis_does_not_know_is_left_out() -> None:
    record = demographics_of(sex="", city_of_birth=" ")
    assert record.model_dump(exclude_none=True).keys() == {
        "sourced_id",
        "status",
        "date_last_modified",
    }


@pytest.mark.parametrize(
    ("code", "sex"),
    [
        ("M", "male"),
        ("f", "female"),
        ("Female", "female"),
        ("X", "other"),
        ("O", "other"),
        ("U", "unspecified"),
        ("?", "unspecified"),
        (None, None),
    ],
)
def test_sex_codes_become_the_standards_words(code: str | None, sex: str | None) -> None:
    assert demographics_of(sex=code).sex == sex


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({}, None),
        ({"hispanic_or_latino_ethnicity": True}, None),
        ({"asian": False}, "false"),
        ({"asian": True}, "false"),
        ({"asian": True, "hispanic_or_latino_ethnicity": True}, "false"),
        ({"asian": True, "white": True}, "true"),
        ({"american_indian_or_alaska_native": True, "black_or_african_american": True}, "true"),
        ({"native_hawaiian_or_other_pacific_islander": True, "white": True}, "true"),
    ],
)
def test_two_or_more_races_are_counted_without_ethnicity(
    flags: dict[str, bool], told: str | None
) -> None:
    assert demographics_of(**flags).demographic_race_two_or_more_races == told


def test_demographics_end_with_the_student_even_if_the_person_stays_as_teacher() -> None:
    ended = facts.membership(end_date=TODAY - timedelta(days=1))
    person = facts.student(ended, assignments=(facts.assignment(),))
    assert built(build_demographics(facts.context(), person), Demographics).status == "tobedeleted"


def test_only_students_have_demographics() -> None:
    context = facts.context()
    assert kept_out_by(build_demographics(context, facts.teacher())) == "not a student"
    assert kept_out_by(build_demographics(context, facts.guardian())) == "not a student"
    hidden = facts.student(facts.membership(no_show=True))
    assert kept_out_by(build_demographics(context, hidden)) == "no show"
