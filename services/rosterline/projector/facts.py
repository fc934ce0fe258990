"""What the rules know: rows of the mirror as frozen values, and nothing that needs I/O.

Ids named `*_guid` are UUIDs in text form. Dates are the SIS's own; an end date is the last day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class District:
    """A row of `district`."""

    district_guid: str
    name: str
    state_number: str | None
    lms_exclude: bool


@dataclass(frozen=True, slots=True)
class School:
    """A row of `school`."""

    school_guid: str
    district_guid: str
    name: str
    state_number: str | None
    lms_exclude: bool


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """A row of `school_year`."""

    school_year_id: int
    start_year: int
    end_year: int
    start_date: date | None
    end_date: date | None
    active: bool

    @property
    def first_day(self) -> date:
        """The start date, or 1 January of the start year (seed 000, School Year Dates)."""
        return self.start_date or date(self.start_year, 1, 1)

    @property
    def last_day(self) -> date:
        """The end date, or 31 December of the end year (seed 000, School Year Dates)."""
        return self.end_date or date(self.end_year, 12, 31)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A row of `calendar`."""

    calendar_id: int
    school_guid: str
    school_year_id: int
    name: str
    start_date: date
    end_date: date
    lms_exclude: bool


@dataclass(frozen=True, slots=True)
class GradeLevel:
    """A row of `grade_level`."""

    grade_level_id: int
    calendar_id: int
    name: str
    state_grade_code: str | None
    nces_grade: str | None
    lms_exclude: bool


@dataclass(frozen=True, slots=True)
class Term:
    """A row of `term`."""

    term_id: int
    calendar_id: int
    name: str
    start_date: date
    end_date: date
    seq: int


@dataclass(frozen=True, slots=True)
class Reference:
    """The district's small tables, whole, by primary key.

    `memory` keeps what rules conclude from these tables alone, as long as they are the same.
    """

    districts: Mapping[str, District]
    schools: Mapping[str, School]
    school_years: Mapping[int, SchoolYear]
    calendars: Mapping[int, Calendar]
    grade_levels: Mapping[int, GradeLevel]
    terms: Mapping[int, Term]
    memory: dict[str, dict[Any, Any]] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class Switches:
    """Installation settings that change records."""

    local_grades: bool = False
    secondary_email_v1p1: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What every rule is given: the small tables, the district's date today, and the switches."""

    reference: Reference
    today: date
    switches: Switches = field(default_factory=Switches)


@dataclass(frozen=True, slots=True)
class Person:
    """A row of `person`."""

    person_id: int
    person_guid: str
    given_name: str
    middle_name: str | None
    family_name: str
    preferred_given_name: str | None
    suffix: str | None
    student_number: str | None
    state_id: str | None
    staff_number: str | None
    email: str | None
    secondary_email: str | None
    other_phone: str | None
    cell_phone: str | None
    pronouns: str | None
    birth_date: date | None
    sex: str | None
    american_indian_or_alaska_native: bool | None
    asian: bool | None
    black_or_african_american: bool | None
    native_hawaiian_or_other_pacific_islander: bool | None
    white: bool | None
    hispanic_or_latino_ethnicity: bool | None
    country_of_birth_code: str | None
    state_of_birth: str | None
    city_of_birth: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `user_account`."""

    user_account_id: int
    username: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of `enrollment`: a student's membership of a school."""

    enrollment_id: int
    calendar_id: int
    grade_level_id: int
    service_type: str
    start_date: date
    end_date: date | None
    no_show: bool
    lms_exclude: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """A row of `district_assignment`."""

    assignment_id: int
    school_guid: str
    start_date: date
    end_date: date | None
    teacher: bool
    other_roles: tuple[str, ...]
    lms_exclude: bool


@dataclass(frozen=True, slots=True)
class Tie:
    """A row of `relationship`, seen from one of its two people.

    `person_id`, `person_guid` and `has_username` are the other's; `memberships` are the student's,
    whichever of the two that is not the person whose facts these are (empty on a student's own
    ties).
    """

    relationship_id: int
    person_id: int
    person_guid: str
    has_username: bool
    guardian: bool
    portal: bool
    start_date: date | None
    end_date: date | None
    memberships: tuple[Membership, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person with all rows that bear on what the person is.

    `related` are ties to the people who belong to this student; `students` are ties to the students
    to whom this person belongs, with those students' memberships.
    """

    person: Person
    accounts: tuple[Account, ...] = ()
    memberships: tuple[Membership, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    related: tuple[Tie, ...] = ()
    students: tuple[Tie, ...] = ()


@dataclass(frozen=True, slots=True)
class CourseFacts:
    """A row of `course`."""

    course_id: int
    calendar_id: int
    number: str
    name: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """A row of `section` with its course and its (term id, period) pairs."""

    section_id: int
    number: str
    teacher_display_name: str | None
    room: str | None
    homeroom: bool
    course: CourseFacts
    terms: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class RosterFacts:
    """A row of `roster` with its section and its person (`related` and `students` may be empty)."""

    roster_id: int
    start_date: date | None
    end_date: date | None
    section: SectionFacts
    person: PersonFacts


@dataclass(frozen=True, slots=True)
class StaffFacts:
    """A row of `section_staff` with its section and its person (likewise)."""

    section_staff_id: int
    role: str
    start_date: date | None
    end_date: date | None
    section: SectionFacts
    person: PersonFacts
