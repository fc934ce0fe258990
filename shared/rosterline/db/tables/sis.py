"""The SIS schema (`sis`): a stable contract that districts, tests and the demo write to with SQL.

Rosterline only reads it. A `*_guid` is a UUID version 4.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, MetaData, Text, text
from sqlmodel import Field, SQLModel

SIS = MetaData(schema="sis")


class SisTable(SQLModel):
    """Base of the SIS's tables."""

    metadata = SIS


def big_key() -> Column[int]:
    """A bigint primary key that the SIS hands out."""
    return Column(BigInteger, primary_key=True)


def excluded() -> bool:
    """`lms_exclude`: false unless the SIS says otherwise."""
    return Field(default=False, sa_column_kwargs={"server_default": text("false")})  # type: ignore[no-any-return]


class District(SisTable, table=True):
    """The district."""

    __tablename__ = "district"

    district_guid: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    state_number: str | None = Field(default=None, sa_type=Text)
    lms_exclude: bool = excluded()


class School(SisTable, table=True):
    """A school of the district."""

    __tablename__ = "school"

    school_guid: UUID = Field(primary_key=True)
    district_guid: UUID = Field(foreign_key="sis.district.district_guid", index=True)
    name: str = Field(sa_type=Text)
    state_number: str | None = Field(default=None, sa_type=Text)
    lms_exclude: bool = excluded()


class SchoolYear(SisTable, table=True):
    """A school year; exactly one may be active."""

    __tablename__ = "school_year"
    __table_args__ = (
        Index("school_year_one_active", "active", unique=True, postgresql_where=text("active")),
        CheckConstraint("end_year >= start_year", name="school_year_order"),
    )

    school_year_id: int = Field(primary_key=True)
    start_year: int
    end_year: int
    start_date: date | None = None
    end_date: date | None = None
    active: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Calendar(SisTable, table=True):
    """A school's calendar of one school year."""

    __tablename__ = "calendar"

    calendar_id: int = Field(primary_key=True)
    school_guid: UUID = Field(foreign_key="sis.school.school_guid", index=True)
    school_year_id: int = Field(foreign_key="sis.school_year.school_year_id", index=True)
    name: str = Field(sa_type=Text)
    start_date: date
    end_date: date
    lms_exclude: bool = excluded()


class GradeLevel(SisTable, table=True):
    """A grade of a calendar, with its state and NCES codes."""

    __tablename__ = "grade_level"

    grade_level_id: int = Field(primary_key=True)
    calendar_id: int = Field(foreign_key="sis.calendar.calendar_id", index=True)
    name: str = Field(sa_type=Text)
    state_grade_code: str | None = Field(default=None, sa_type=Text)
    nces_grade: str | None = Field(default=None, sa_type=Text)
    lms_exclude: bool = excluded()


class Term(SisTable, table=True):
    """A term of a calendar."""

    __tablename__ = "term"

    term_id: int = Field(primary_key=True)
    calendar_id: int = Field(foreign_key="sis.calendar.calendar_id", index=True)
    name: str = Field(sa_type=Text)
    start_date: date
    end_date: date
    seq: int


class Person(SisTable, table=True):
    """A person: student, staff member, guardian or relative."""

    __tablename__ = "person"

    person_id: int = Field(sa_column=big_key())
    person_guid: UUID = Field(unique=True)
    given_name: str = Field(sa_type=Text)
    middle_name: str | None = Field(default=None, sa_type=Text)
    family_name: str = Field(sa_type=Text)
    preferred_given_name: str | None = Field(default=None, sa_type=Text)
    suffix: str | None = Field(default=None, sa_type=Text)
    student_number: str | None = Field(default=None, sa_type=Text)
    state_id: str | None = Field(default=None, sa_type=Text)
    staff_number: str | None = Field(default=None, sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    secondary_email: str | None = Field(default=None, sa_type=Text)
    other_phone: str | None = Field(default=None, sa_type=Text)
    cell_phone: str | None = Field(default=None, sa_type=Text)
    pronouns: str | None = Field(default=None, sa_type=Text)
    birth_date: date | None = None
    sex: str | None = Field(default=None, sa_type=Text)
    american_indian_or_alaska_native: bool | None = None
    asian: bool | None = None
    black_or_african_american: bool | None = None
    native_hawaiian_or_other_pacific_islander: bool | None = None
    white: bool | None = None
    hispanic_or_latino_ethnicity: bool | None = None
    country_of_birth_code: str | None = Field(default=None, sa_type=Text)
    state_of_birth: str | None = Field(default=None, sa_type=Text)
    city_of_birth: str | None = Field(default=None, sa_type=Text)


class UserAccount(SisTable, table=True):
    """A login of a person."""

    __tablename__ = "user_account"

    user_account_id: int = Field(sa_column=big_key())
    person_id: int = Field(foreign_key="sis.person.person_id", sa_type=BigInteger, index=True)
    username: str = Field(sa_type=Text)
    disabled: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Enrollment(SisTable, table=True):
    """A student's membership of a school (not of a class: that is `Roster`)."""

    __tablename__ = "enrollment"
    __table_args__ = (
        CheckConstraint("service_type IN ('P', 'S')", name="enrollment_service_type"),
    )

    enrollment_id: int = Field(sa_column=big_key())
    person_id: int = Field(foreign_key="sis.person.person_id", sa_type=BigInteger, index=True)
    calendar_id: int = Field(foreign_key="sis.calendar.calendar_id", index=True)
    grade_level_id: int = Field(foreign_key="sis.grade_level.grade_level_id", index=True)
    service_type: str = Field(sa_type=Text)
    start_date: date
    end_date: date | None = None
    no_show: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    lms_exclude: bool = excluded()


class DistrictAssignment(SisTable, table=True):
    """A staff member's work at a school."""

    __tablename__ = "district_assignment"

    assignment_id: int = Field(sa_column=big_key())
    person_id: int = Field(foreign_key="sis.person.person_id", sa_type=BigInteger, index=True)
    school_guid: UUID = Field(foreign_key="sis.school.school_guid", index=True)
    start_date: date
    end_date: date | None = None
    teacher: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    other_roles: list[str] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")),
    )
    lms_exclude: bool = excluded()


class Relationship(SisTable, table=True):
    """A person who belongs to a student."""

    __tablename__ = "relationship"

    relationship_id: int = Field(sa_column=big_key())
    student_person_id: int = Field(
        foreign_key="sis.person.person_id", sa_type=BigInteger, index=True
    )
    related_person_id: int = Field(
        foreign_key="sis.person.person_id", sa_type=BigInteger, index=True
    )
    guardian: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    portal: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    start_date: date | None = None
    end_date: date | None = None


class Course(SisTable, table=True):
    """A course of a calendar."""

    __tablename__ = "course"

    course_id: int = Field(primary_key=True)
    calendar_id: int = Field(foreign_key="sis.calendar.calendar_id", index=True)
    number: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    subject: str | None = Field(default=None, sa_type=Text)


class Section(SisTable, table=True):
    """A section of a course: OneRoster's class."""

    __tablename__ = "section"

    section_id: int = Field(primary_key=True)
    course_id: int = Field(foreign_key="sis.course.course_id", index=True)
    number: str = Field(sa_type=Text)
    teacher_display_name: str | None = Field(default=None, sa_type=Text)
    room: str | None = Field(default=None, sa_type=Text)
    homeroom: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class SectionTerm(SisTable, table=True):
    """A term and period in which a section meets."""

    __tablename__ = "section_term"

    section_id: int = Field(foreign_key="sis.section.section_id", primary_key=True)
    term_id: int = Field(foreign_key="sis.term.term_id", primary_key=True, index=True)
    period: str = Field(sa_type=Text, primary_key=True)


class Roster(SisTable, table=True):
    """A student's place in a section: OneRoster's enrollment with role student."""

    __tablename__ = "roster"

    roster_id: int = Field(sa_column=big_key())
    section_id: int = Field(foreign_key="sis.section.section_id", index=True)
    person_id: int = Field(foreign_key="sis.person.person_id", sa_type=BigInteger, index=True)
    start_date: date | None = None
    end_date: date | None = None


class SectionStaff(SisTable, table=True):
    """A staff member's part in a section: OneRoster's enrollment with role teacher."""

    __tablename__ = "section_staff"
    __table_args__ = (
        CheckConstraint("role IN ('primary', 'teacher', 'staff')", name="section_staff_role"),
    )

    section_staff_id: int = Field(sa_column=big_key())
    section_id: int = Field(foreign_key="sis.section.section_id", index=True)
    person_id: int = Field(foreign_key="sis.person.person_id", sa_type=BigInteger, index=True)
    role: str = Field(sa_type=Text)
    start_date: date | None = None
    end_date: date | None = None


TABLES: tuple[str, ...] = tuple(table.name for table in SIS.sorted_tables)
"""Names of the SIS's tables, parents first."""
