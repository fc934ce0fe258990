"""Demographics of students: birth, sex, race and ethnicity. Nobody else's leave the SIS."""

from rosterline.oneroster.v1p2 import Demographics
from rosterline.oneroster.vocabulary import BooleanText, Sex, boolean_text
from rosterline.projector.facts import Context, Person, PersonFacts
from rosterline.projector.rules.values import day_text, present
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.visibility import student_status

SEXES: dict[str, Sex] = {
    "f": "female",
    "female": "female",
    "m": "male",
    "male": "male",
    "x": "other",
    "o": "other",
    "other": "other",
    "nonbinary": "other",
    "non-binary": "other",
}


def build_demographics(context: Context, person: PersonFacts) -> Verdict:
    """ONEROSTER §3.3: the sourcedId is the user's, for whom the student's status decides."""
    standing = student_status(context, person)
    if isinstance(standing, KeptOut):
        return standing
    row = person.person
    return Demographics(
        sourced_id=row.person_guid,
        status=standing.status,
        birth_date=day_text(row.birth_date),
        sex=_sex(row.sex),
        american_indian_or_alaska_native=_flag(row.american_indian_or_alaska_native),
        asian=_flag(row.asian),
        black_or_african_american=_flag(row.black_or_african_american),
        native_hawaiian_or_other_pacific_islander=_flag(
            row.native_hawaiian_or_other_pacific_islander
        ),
        white=_flag(row.white),
        demographic_race_two_or_more_races=_two_or_more_races(row),
        hispanic_or_latino_ethnicity=_flag(row.hispanic_or_latino_ethnicity),
        country_of_birth_code=present(row.country_of_birth_code),
        state_of_birth_abbreviation=present(row.state_of_birth),
        city_of_birth=present(row.city_of_birth),
    )


def _flag(value: bool | None) -> BooleanText | None:
    return None if value is None else boolean_text(value)


def _sex(code: str | None) -> Sex | None:
    """Codes that are filled in but not known here are told as unspecified, not left out."""
    text = present(code)
    return None if text is None else SEXES.get(text.strip().lower(), "unspecified")


def _two_or_more_races(row: Person) -> BooleanText | None:
    """Derived: the SIS has no such column. Ethnicity is no race and does not count."""
    flags = (
        row.american_indian_or_alaska_native,
        row.asian,
        row.black_or_african_american,
        row.native_hawaiian_or_other_pacific_islander,
        row.white,
    )
    known = [flag for flag in flags if flag is not None]
    return boolean_text(sum(known) >= 2) if known else None
