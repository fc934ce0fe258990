"""One named tuple per table of the SIS, its fields in the order of the table's columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import NamedTuple
from uuid import UUID

from rosterline.db.tables.sis import TABLES


class DistrictRow(NamedTuple):
    """A row of `district`."""

    district_guid: UUID
    name: str
    state_number: str | None
    lms_exclude: bool = False


class SchoolRow(NamedTuple):
    """A row of `school`."""

    school_guid: UUID
    district_guid: UUID
    name: str
    state_number: str | None
    lms_exclude: bool


class SchoolYearRow(NamedTuple):
    """A row of `school_year`."""

    school_year_id: int
    start_year: int
    end_year: int
    start_date: date | None
    end_date: date | None
    active: bool


class CalendarRow(NamedTuple):
    """A row of `calendar`."""

    calendar_id: int
    school_guid: UUID
    school_year_id: int
    name: str
    start_date: date
    end_date: date
    lms_exclude: bool


class GradeLevelRow(NamedTuple):
    """A row of `grade_level`."""

    grade_level_id: int
    calendar_id: int
    name: str
    state_grade_code: str | None
    nces_grade: str | None
    lms_exclude: bool


class TermRow(NamedTuple):
    """A row of `term`."""

    term_id: int
    calendar_id: int
    name: str
    start_date: date
    end_date: date
    seq: int


class PersonRow(NamedTuple):
    """A row of `person`."""

    person_id: int
    person_guid: UUID
    given_name: str
    middle_name: str | None
    family_name: str
    preferred_given_name: str | None = None
    suffix: str | None = None
    student_number: str | None = None
    state_id: str | None = None
    staff_number: str | None = None
    email: str | None = None
    secondary_email: str | None = None
    other_phone: str | None = None
    cell_phone: str | None = None
    pronouns: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    american_indian_or_alaska_native: bool | None = None
    asian: bool | None = None
    black_or_african_american: bool | None = None
    native_hawaiian_or_other_pacific_islander: bool | None = None
    white: bool | None = None
    hispanic_or_latino_ethnicity: bool | None = None
    country_of_birth_code: str | None = None
    state_of_birth: str | None = None
    city_of_birth: str | None = None


class UserAccountRow(NamedTuple):
    """A row of `user_account`."""

    user_account_id: int
    person_id: int
    username: str
    disabled: bool


class EnrollmentRow(NamedTuple):
    """A row of `enrollment`."""

    enrollment_id: int
    person_id: int
    calendar_id: int
    grade_level_id: int
    service_type: str
    start_date: date
    end_date: date | None = None
    no_show: bool = False
    lms_exclude: bool = False


class DistrictAssignmentRow(NamedTuple):
    """A row of `district_assignment`."""

    assignment_id: int
    person_id: int
    school_guid: UUID
    start_date: date
    end_date: date | None
    teacher: bool
    other_roles: tuple[str, ...]
    lms_exclude: bool = False


class RelationshipRow(NamedTuple):
    """A row of `relationship`."""

    relationship_id: int
    student_person_id: int
    related_person_id: int
    guardian: bool
    portal: bool
    start_date: date | None
    end_date: date | None


class CourseRow(NamedTuple):
    """A row of `course`."""

    course_id: int
    calendar_id: int
    number: str
    name: str
    subject: str | None


class SectionRow(NamedTuple):
    """A row of `section`."""

    section_id: int
    course_id: int
    number: str
    teacher_display_name: str | None
    room: str | None
    homeroom: bool


class SectionTermRow(NamedTuple):
    """A row of `section_term`."""

    section_id: int
    term_id: int
    period: str


class RosterRow(NamedTuple):
    """A row of `roster`."""

    roster_id: int
    section_id: int
    person_id: int
    start_date: date | None
    end_date: date | None


class SectionStaffRow(NamedTuple):
    """A row of `section_staff`."""

    section_staff_id: int
    section_id: int
    person_id: int
    role: str
    start_date: date | None = None
    end_date: date | None = None


@dataclass(slots=True)
class Batch:
    """Rows that wait to be stored: a list per table, under the table's name."""

    district: list[DistrictRow] = field(default_factory=list)
    school: list[SchoolRow] = field(default_factory=list)
    school_year: list[SchoolYearRow] = field(default_factory=list)
    calendar: list[CalendarRow] = field(default_factory=list)
    grade_level: list[GradeLevelRow] = field(default_factory=list)
    term: list[TermRow] = field(default_factory=list)
    person: list[PersonRow] = field(default_factory=list)
    user_account: list[UserAccountRow] = field(default_factory=list)
    enrollment: list[EnrollmentRow] = field(default_factory=list)
    district_assignment: list[DistrictAssignmentRow] = field(default_factory=list)
    relationship: list[RelationshipRow] = field(default_factory=list)
    course: list[CourseRow] = field(default_factory=list)
    section: list[SectionRow] = field(default_factory=list)
    section_term: list[SectionTermRow] = field(default_factory=list)
    roster: list[RosterRow] = field(default_factory=list)
    section_staff: list[SectionStaffRow] = field(default_factory=list)

    def by_table(self) -> Iterator[tuple[str, Sequence[tuple[object, ...]]]]:
        """Tables with their rows, parents first."""
        for table in TABLES:
            yield table, getattr(self, table)


@dataclass(slots=True)
class Ids:
    """The next id of each table that has a number for a key."""

    calendar: Iterator[int] = field(default_factory=lambda: count(1))
    grade_level: Iterator[int] = field(default_factory=lambda: count(1))
    term: Iterator[int] = field(default_factory=lambda: count(1))
    person: Iterator[int] = field(default_factory=lambda: count(1))
    user_account: Iterator[int] = field(default_factory=lambda: count(1))
    enrollment: Iterator[int] = field(default_factory=lambda: count(1))
    assignment: Iterator[int] = field(default_factory=lambda: count(1))
    relationship: Iterator[int] = field(default_factory=lambda: count(1))
    course: Iterator[int] = field(default_factory=lambda: count(1))
    section: Iterator[int] = field(default_factory=lambda: count(1))
    roster: Iterator[int] = field(default_factory=lambda: count(1))
    section_staff: Iterator[int] = field(default_factory=lambda: count(1))
