"""Builders of facts with believable defaults: a test names only what it is about.

TODAY lies in the middle of the active year 2026-2027. Guids tell in their last digits what they
stand for: `guid(7)` is the same text everywhere.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from rosterline.oneroster.v1p2 import Record
from rosterline.projector.facts import (
    Account,
    Assignment,
    Calendar,
    Context,
    CourseFacts,
    District,
    GradeLevel,
    Membership,
    Person,
    PersonFacts,
    Reference,
    RosterFacts,
    School,
    SchoolYear,
    SectionFacts,
    StaffFacts,
    Switches,
    Term,
    Tie,
)
from rosterline.projector.rules.verdict import KeptOut

RecordT = TypeVar("RecordT", bound=Record)

TODAY = date(2027, 1, 15)
FIRST_DAY = date(2026, 8, 17)
LAST_DAY = date(2027, 6, 11)


def guid(number: int) -> str:
    """A version 4 UUID that ends in the number."""
    return f"00000000-0000-4000-8000-{number:012d}"


DISTRICT = guid(1)
SCHOOL = guid(11)
OTHER_SCHOOL = guid(12)
YEAR = 27
LAST_YEAR = 26
CALENDAR = 100
OTHER_CALENDAR = 101
OLD_CALENDAR = 90
GRADE = 7
FALL, SPRING = 201, 202


def reference_tables(**changes: Iterable[Any]) -> Reference:
    """Two schools with a calendar of the active year each; rows given replace those of their id."""
    rows: dict[str, list[Any]] = {
        "districts": [District(DISTRICT, "Plainview", "0100", lms_exclude=False)],
        "schools": [
            School(SCHOOL, DISTRICT, "Plainview High", "0110", lms_exclude=False),
            School(OTHER_SCHOOL, DISTRICT, "Plainview Middle", "0120", lms_exclude=False),
        ],
        "school_years": [
            SchoolYear(YEAR, 2026, 2027, FIRST_DAY, LAST_DAY, active=True),
            SchoolYear(LAST_YEAR, 2025, 2026, date(2025, 8, 18), date(2026, 6, 12), active=False),
        ],
        "calendars": [calendar(), calendar(calendar_id=OTHER_CALENDAR, school_guid=OTHER_SCHOOL)],
        "grade_levels": [grade_level()],
        "terms": [
            term(),
            term(
                term_id=SPRING, name="Spring", start_date=date(2027, 1, 4), end_date=LAST_DAY, seq=2
            ),
        ],
    }
    for table, given in changes.items():
        rows[table] += given
    tables: dict[str, Any] = {
        table: {_key(row): row for row in made} for table, made in rows.items()
    }
    return Reference(**tables)


def _key(row: object) -> object:
    return getattr(row, next(iter(row.__slots__)))  # type: ignore[attr-defined]  # slotted rows only


def without(reference: Reference, table: str, key: object) -> Reference:
    """The reference tables as they are when a row has not arrived."""
    kept = {other: row for other, row in getattr(reference, table).items() if other != key}
    return replace(reference, **{table: kept})


def context(
    reference: Reference | None = None, *, today: date = TODAY, **switches: bool
) -> Context:
    """A context of the default tables, or of those given."""
    return Context(reference or reference_tables(), today, Switches(**switches))


def calendar(**changes: Any) -> Calendar:
    """The high school's calendar of the active year."""
    row = Calendar(CALENDAR, SCHOOL, YEAR, "Main", FIRST_DAY, LAST_DAY, lms_exclude=False)
    return replace(row, **changes)


def grade_level(**changes: Any) -> GradeLevel:
    """Grade 9, mapped."""
    return replace(GradeLevel(GRADE, CALENDAR, "Freshman", "9", "09", lms_exclude=False), **changes)


def term(**changes: Any) -> Term:
    """The first term of the high school."""
    return replace(Term(FALL, CALENDAR, "Fall", FIRST_DAY, date(2026, 12, 18), 1), **changes)


def person(**changes: Any) -> Person:
    """A person of whom only the name is known."""
    empty = dict.fromkeys(Person.__slots__)
    known = {"person_id": 5, "person_guid": guid(5), "given_name": "Ada", "family_name": "Byron"}
    return Person(**(empty | known | changes))  # type: ignore[arg-type]  # columns by name


def account(user_account_id: int = 1, username: str = "ada", *, disabled: bool = False) -> Account:
    """A login."""
    return Account(user_account_id, username, disabled)


def membership(**changes: Any) -> Membership:
    """A primary membership of the high school, open at the end."""
    row = Membership(
        enrollment_id=31,
        calendar_id=CALENDAR,
        grade_level_id=GRADE,
        service_type="P",
        start_date=FIRST_DAY,
        end_date=None,
        no_show=False,
        lms_exclude=False,
    )
    return replace(row, **changes)


def assignment(**changes: Any) -> Assignment:
    """A teacher's assignment at the high school, open at the end."""
    row = Assignment(
        assignment_id=41,
        school_guid=SCHOOL,
        start_date=FIRST_DAY,
        end_date=None,
        teacher=True,
        other_roles=(),
        lms_exclude=False,
    )
    return replace(row, **changes)


def tie(**changes: Any) -> Tie:
    """A guardian's tie to a current student."""
    row = Tie(
        relationship_id=51,
        person_id=6,
        person_guid=guid(6),
        has_username=True,
        guardian=True,
        portal=True,
        start_date=None,
        end_date=None,
        memberships=(membership(),),
    )
    return replace(row, **changes)


def student(*memberships: Membership, **changes: Any) -> PersonFacts:
    """A student with these memberships (the default one if none)."""
    return replace(PersonFacts(person(), memberships=memberships or (membership(),)), **changes)


def teacher(*assignments: Assignment, **changes: Any) -> PersonFacts:
    """A staff member with these assignments (the default one if none)."""
    return replace(PersonFacts(person(), assignments=assignments or (assignment(),)), **changes)


def guardian(*ties: Tie, **changes: Any) -> PersonFacts:
    """A person with these ties to students (the default one if none)."""
    return replace(PersonFacts(person(), students=ties or (tie(),)), **changes)


def course(**changes: Any) -> CourseFacts:
    """Algebra at the high school."""
    return replace(CourseFacts(61, CALENDAR, "1001", "Algebra", "Mathematics"), **changes)


def section(**changes: Any) -> SectionFacts:
    """A section that meets in both terms."""
    row = SectionFacts(
        section_id=71,
        number="3a",
        teacher_display_name="Smith, John",
        room="B12",
        homeroom=False,
        course=course(),
        terms=((FALL, "1"), (SPRING, "1")),
    )
    return replace(row, **changes)


def roster(**changes: Any) -> RosterFacts:
    """A current student's roster row."""
    return replace(RosterFacts(81, FIRST_DAY, None, section(), student()), **changes)


def staff(**changes: Any) -> StaffFacts:
    """The primary teacher of the section."""
    return replace(StaffFacts(91, "primary", None, None, section(), teacher()), **changes)


def built(verdict: object, model: type[RecordT]) -> RecordT:
    """The verdict as a record of this model."""
    assert isinstance(verdict, model), verdict
    return verdict


def kept_out_by(verdict: object) -> str:
    """The rule that kept the record out."""
    assert isinstance(verdict, KeptOut), verdict
    return verdict.rule
