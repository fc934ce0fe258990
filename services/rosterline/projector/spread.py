"""From deep scopes to the rows that depend on them, by look-ups in the mirror.

Each step takes rows of one scope with their transactions and adds rows of narrower scopes; the
order of `STEPS` makes one pass enough.
"""

from collections.abc import Iterable
from typing import Any

import asyncpg

from rosterline.projector.scopes import Scope, Touched

INTEGERS = "unnest($1::bigint[], $2::int[])"
TEXTS = "unnest($1::text[], $2::int[])"


def look_up(column: str, table: str, where: str, source: str = INTEGERS) -> str:
    """Rows of a mirror table that belong to the given keys, each with its transaction."""
    return (
        f"SELECT DISTINCT {column} AS key, given.transaction "
        f"FROM {source} AS given (key, transaction) JOIN mirror.{table} ON {where}"
    )


SCHOOLS_OF_DISTRICT = look_up(
    "school.school_guid::text", "school", "school.district_guid = given.key::uuid", TEXTS
)
CALENDARS_OF_SCHOOL = look_up(
    "calendar.calendar_id", "calendar", "calendar.school_guid = given.key::uuid", TEXTS
)
STAFF_OF_SCHOOL = look_up(
    "person_id", "district_assignment", "school_guid = given.key::uuid", TEXTS
)
CALENDARS_OF_YEAR = look_up("calendar.calendar_id", "calendar", "school_year_id = given.key")
SCHOOLS_OF_YEAR = look_up("calendar.school_guid::text", "calendar", "school_year_id = given.key")
TERMS_OF_CALENDAR = look_up("term_id", "term", "calendar_id = given.key")
COURSES_OF_CALENDAR = look_up("course_id", "course", "calendar_id = given.key")
STUDENTS_OF_CALENDAR = look_up("person_id", "enrollment", "calendar_id = given.key")
STUDENTS_OF_GRADE_LEVEL = look_up("person_id", "enrollment", "grade_level_id = given.key")
SECTIONS_OF_TERM = look_up("section_id", "section_term", "term_id = given.key")
YEARS = look_up("school_year_id", "school_year", "true")
SECTIONS_OF_COURSE = look_up("section_id", "section", "course_id = given.key")
ROSTERS_OF_SECTION = look_up("roster_id", "roster", "section_id = given.key")
STAFF_OF_SECTION = look_up("section_staff_id", "section_staff", "section_id = given.key")
ROSTERS_OF_PERSON = look_up("roster_id", "roster", "person_id = given.key")
SECTION_STAFF_OF_PERSON = look_up("section_staff_id", "section_staff", "person_id = given.key")
RELATED_OF_STUDENT = look_up("related_person_id", "relationship", "student_person_id = given.key")
STUDENTS_OF_RELATED = look_up("student_person_id", "relationship", "related_person_id = given.key")

STEPS: tuple[tuple[Scope, str | None, Scope], ...] = (
    (Scope.DISTRICT_DEEP, SCHOOLS_OF_DISTRICT, Scope.SCHOOL_DEEP),
    (Scope.SCHOOL_YEAR_DEEP, None, Scope.SCHOOL_YEAR),
    (Scope.SCHOOL_YEAR_DEEP, CALENDARS_OF_YEAR, Scope.CALENDAR_DEEP),
    (Scope.SCHOOL_YEAR_DEEP, SCHOOLS_OF_YEAR, Scope.SCHOOL_DEEP),
    (Scope.SCHOOL_DEEP, None, Scope.ORG),
    (Scope.SCHOOL_DEEP, CALENDARS_OF_SCHOOL, Scope.CALENDAR_DEEP),
    (Scope.SCHOOL_DEEP, STAFF_OF_SCHOOL, Scope.PERSON_DEEP),
    (Scope.CALENDAR_DEEP, TERMS_OF_CALENDAR, Scope.TERM_DEEP),
    (Scope.CALENDAR_DEEP, COURSES_OF_CALENDAR, Scope.COURSE_DEEP),
    (Scope.CALENDAR_DEEP, STUDENTS_OF_CALENDAR, Scope.PERSON_DEEP),
    (Scope.GRADE_LEVEL_DEEP, STUDENTS_OF_GRADE_LEVEL, Scope.PERSON_DEEP),
    (Scope.TERM_DEEP, None, Scope.TERM),
    (Scope.TERM_DEEP, YEARS, Scope.SCHOOL_YEAR),
    (Scope.TERM_DEEP, SECTIONS_OF_TERM, Scope.SECTION_DEEP),
    (Scope.COURSE_DEEP, None, Scope.COURSE),
    (Scope.COURSE_DEEP, SECTIONS_OF_COURSE, Scope.SECTION_DEEP),
    (Scope.COURSE_CLASSES, SECTIONS_OF_COURSE, Scope.SECTION),
    (Scope.SECTION_DEEP, None, Scope.SECTION),
    (Scope.SECTION_DEEP, ROSTERS_OF_SECTION, Scope.ROSTER),
    (Scope.SECTION_DEEP, STAFF_OF_SECTION, Scope.SECTION_STAFF),
    (Scope.PERSON_DEEP, None, Scope.PERSON),
    (Scope.PERSON_DEEP, None, Scope.DEMOGRAPHICS),
    (Scope.PERSON_DEEP, RELATED_OF_STUDENT, Scope.PERSON),
    (Scope.PERSON_DEEP, STUDENTS_OF_RELATED, Scope.PERSON),
    (Scope.PERSON_DEEP, ROSTERS_OF_PERSON, Scope.ROSTER),
    (Scope.PERSON_DEEP, SECTION_STAFF_OF_PERSON, Scope.SECTION_STAFF),
)


async def spread(connection: asyncpg.Connection, touched: Touched) -> None:
    """Add all rows that depend on the deep ones."""
    for deep, query, narrower in STEPS:
        rows = touched.rows[deep]
        if not rows:
            continue
        found: Iterable[Iterable[Any]] = rows.copy().items()
        if query is not None:
            for key, transaction in rows.items():
                touched.look(deep, key, transaction)
            found = await connection.fetch(query, list(rows), list(rows.values()))
        for key, transaction in found:
            touched.add(narrower, key, transaction)
