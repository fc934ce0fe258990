"""Reads the mirror into facts for the rules. Reads only; every query takes a list of keys.

People are gathered with all that bears on them, classes with their course and terms; the district's
small tables are read whole.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import asyncpg

from rosterline.projector.facts import (
    Account,
    Assignment,
    Calendar,
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
    Term,
    Tie,
)
from rosterline.projector.rules.values import present

T = TypeVar("T")

DISTRICTS = "SELECT district_guid::text, name, state_number, lms_exclude FROM mirror.district"
SCHOOLS = """
SELECT school_guid::text, district_guid::text, name, state_number, lms_exclude FROM mirror.school
"""
SCHOOL_YEARS = """
SELECT school_year_id, start_year, end_year, start_date, end_date, active FROM mirror.school_year
"""
CALENDARS = """
SELECT calendar_id, school_guid::text, school_year_id, name, start_date, end_date, lms_exclude
FROM mirror.calendar
"""
GRADE_LEVELS = """
SELECT grade_level_id, calendar_id, name, state_grade_code, nces_grade, lms_exclude
FROM mirror.grade_level
"""
TERMS = "SELECT term_id, calendar_id, name, start_date, end_date, seq FROM mirror.term"
PEOPLE = """
SELECT person_id, person_guid::text, given_name, middle_name, family_name, preferred_given_name,
       suffix, student_number, state_id, staff_number, email, secondary_email, other_phone,
       cell_phone, pronouns, birth_date, sex, american_indian_or_alaska_native, asian,
       black_or_african_american, native_hawaiian_or_other_pacific_islander, white,
       hispanic_or_latino_ethnicity, country_of_birth_code, state_of_birth, city_of_birth
FROM mirror.person WHERE person_id = ANY($1::bigint[])
"""
ACCOUNTS = """
SELECT person_id, user_account_id, username, disabled
FROM mirror.user_account WHERE person_id = ANY($1::bigint[])
"""
MEMBERSHIPS = """
SELECT person_id, enrollment_id, calendar_id, grade_level_id, service_type, start_date, end_date,
       no_show, lms_exclude
FROM mirror.enrollment WHERE person_id = ANY($1::bigint[])
"""
ASSIGNMENTS = """
SELECT person_id, assignment_id, school_guid::text, start_date, end_date, teacher, other_roles,
       lms_exclude
FROM mirror.district_assignment WHERE person_id = ANY($1::bigint[])
"""
RELATED = """
SELECT tie.student_person_id, tie.relationship_id, other.person_id, other.person_guid::text,
       ARRAY(SELECT username FROM mirror.user_account WHERE person_id = other.person_id),
       tie.guardian, tie.portal, tie.start_date, tie.end_date
FROM mirror.relationship AS tie
JOIN mirror.person AS other ON other.person_id = tie.related_person_id
WHERE tie.student_person_id = ANY($1::bigint[])
"""
STUDENTS = """
SELECT tie.related_person_id, tie.relationship_id, other.person_id, other.person_guid::text,
       ARRAY(SELECT username FROM mirror.user_account WHERE person_id = other.person_id),
       tie.guardian, tie.portal, tie.start_date, tie.end_date
FROM mirror.relationship AS tie
JOIN mirror.person AS other ON other.person_id = tie.student_person_id
WHERE tie.related_person_id = ANY($1::bigint[])
"""
SECTIONS = """
SELECT section.section_id, section.number, section.teacher_display_name, section.room,
       section.homeroom, course.course_id, course.calendar_id, course.number AS course_number,
       course.name, course.subject
FROM mirror.section JOIN mirror.course USING (course_id)
WHERE section.section_id = ANY($1::bigint[])
"""
SECTION_TERMS = """
SELECT section_id, term_id, period FROM mirror.section_term
WHERE section_id = ANY($1::bigint[]) ORDER BY section_id, term_id, period
"""
COURSES = """
SELECT course_id, calendar_id, number, name, subject
FROM mirror.course WHERE course_id = ANY($1::bigint[])
"""
HELD_GUIDS = "SELECT person_guid::text FROM mirror.person WHERE person_guid = ANY($1::uuid[])"
ROSTERS = """
SELECT roster_id, section_id, person_id, start_date, end_date
FROM mirror.roster WHERE {column} = ANY($1::bigint[])
"""
SECTION_STAFF = """
SELECT section_staff_id, section_id, person_id, role, start_date, end_date
FROM mirror.section_staff WHERE {column} = ANY($1::bigint[])
"""


async def gather_reference(connection: asyncpg.Connection) -> Reference:
    """The district's small tables."""

    async def table(query: str, kind: Callable[..., T]) -> dict[Any, T]:
        return {row[0]: kind(*row) for row in await connection.fetch(query)}

    return Reference(
        districts=await table(DISTRICTS, District),
        schools=await table(SCHOOLS, School),
        school_years=await table(SCHOOL_YEARS, SchoolYear),
        calendars=await table(CALENDARS, Calendar),
        grade_levels=await table(GRADE_LEVELS, GradeLevel),
        terms=await table(TERMS, Term),
    )


async def grouped(
    connection: asyncpg.Connection, query: str, keys: Collection[int], kind: Callable[..., T]
) -> dict[int, tuple[T, ...]]:
    """Rows by their first column, the rest of the row as `kind`."""
    found: dict[int, list[T]] = defaultdict(list)
    for row in await connection.fetch(query, keys):
        key, *fields = row
        found[key].append(kind(*fields))
    return {key: tuple(values) for key, values in found.items()}


def to_assignment(*fields: Any) -> Assignment:  # noqa: ANN401 - a row of the query above
    """An assignment; its roles may be absent in a mirror that is still being filled."""
    assignment_id, school_guid, start_date, end_date, teacher, other_roles, lms_exclude = fields
    roles = tuple(other_roles or ())
    return Assignment(assignment_id, school_guid, start_date, end_date, teacher, roles, lms_exclude)


def to_tie(*fields: Any) -> Tie:  # noqa: ANN401 - a row of the queries above
    """A tie; the other person's usernames are judged as the rules judge the person's own."""
    relationship_id, person_id, person_guid, usernames, *rest = fields
    has_username = any(present(username) for username in usernames)
    return Tie(relationship_id, person_id, person_guid, has_username, *rest)


async def gather_people(
    connection: asyncpg.Connection, keys: Iterable[int], *, whole: bool = True
) -> dict[int, PersonFacts]:
    """People by id; not `whole` is without relationships, which class places do not hang on."""
    ids = list(keys)
    if not ids:
        return {}
    people = [Person(*row) for row in await connection.fetch(PEOPLE, ids)]
    memberships = await grouped(connection, MEMBERSHIPS, ids, Membership)
    assignments = await grouped(connection, ASSIGNMENTS, ids, to_assignment)
    accounts = await grouped(connection, ACCOUNTS, ids, Account)
    related = await grouped(connection, RELATED, ids, to_tie) if whole else {}
    students = await gather_students(connection, ids) if whole else {}
    return {
        person.person_id: PersonFacts(
            person,
            accounts.get(person.person_id, ()),
            memberships.get(person.person_id, ()),
            assignments.get(person.person_id, ()),
            related.get(person.person_id, ()),
            students.get(person.person_id, ()),
        )
        for person in people
    }


async def gather_held_guids(connection: asyncpg.Connection, guids: Iterable[str]) -> set[str]:
    """Those of the GUIDs that some person has."""
    wanted = list(guids)
    return {row[0] for row in await connection.fetch(HELD_GUIDS, wanted)} if wanted else set()


async def gather_students(
    connection: asyncpg.Connection, ids: list[int]
) -> dict[int, tuple[Tie, ...]]:
    """Ties to students by related person, each with the student's memberships."""
    found = await grouped(connection, STUDENTS, ids, to_tie)
    student_ids = list({tie.person_id for ties in found.values() for tie in ties})
    held = await grouped(connection, MEMBERSHIPS, student_ids, Membership) if student_ids else {}
    return {
        person_id: tuple(replace(tie, memberships=held.get(tie.person_id, ())) for tie in ties)
        for person_id, ties in found.items()
    }


async def gather_courses(
    connection: asyncpg.Connection, keys: Iterable[int]
) -> dict[int, CourseFacts]:
    """Courses by id."""
    rows = await connection.fetch(COURSES, list(keys))
    return {row["course_id"]: CourseFacts(*row) for row in rows}


async def gather_sections(
    connection: asyncpg.Connection, keys: Iterable[int]
) -> dict[int, SectionFacts]:
    """Sections by id; one whose course is unknown is absent."""
    ids = list(keys)
    if not ids:
        return {}
    terms: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in await connection.fetch(SECTION_TERMS, ids):
        terms[row["section_id"]].append((row["term_id"], row["period"]))
    found: dict[int, SectionFacts] = {}
    for row in await connection.fetch(SECTIONS, ids):
        section_id, number, display_name, room, homeroom, *course = row
        found[section_id] = SectionFacts(
            section_id,
            number,
            display_name,
            room,
            homeroom,
            CourseFacts(*course),
            tuple(terms[section_id]),
        )
    return found


async def gather_places(
    connection: asyncpg.Connection, query: str, column: str, keys: Iterable[int]
) -> list[asyncpg.Record]:
    """Rows of `ROSTERS` or `SECTION_STAFF` whose `column` is among the keys."""
    ids = list(keys)
    return await connection.fetch(query.format(column=column), ids) if ids else []


def to_roster(
    row: asyncpg.Record, people: dict[int, PersonFacts], sections: dict[int, SectionFacts]
) -> RosterFacts | None:
    """A roster row with its person and section; None when either is unknown."""
    roster_id, section_id, person_id, start_date, end_date = row
    person, section = people.get(person_id), sections.get(section_id)
    if person is None or section is None:
        return None
    return RosterFacts(roster_id, start_date, end_date, section, person)


def to_staff(
    row: asyncpg.Record, people: dict[int, PersonFacts], sections: dict[int, SectionFacts]
) -> StaffFacts | None:
    """A section staff row with its person and section; None when either is unknown."""
    section_staff_id, section_id, person_id, role, start_date, end_date = row
    person, section = people.get(person_id), sections.get(section_id)
    if person is None or section is None:
        return None
    return StaffFacts(section_staff_id, role, start_date, end_date, section, person)
