"""Somebody at a school office: finds a random thing to work on in a SIS that may be in use."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import asyncpg

# A random row without reading the table: the first one from a random id on, or the first of all.
ENROLLMENT = """
    SELECT e.enrollment_id, e.person_id, e.calendar_id, e.grade_level_id,
           s.name AS school
    FROM sis.enrollment e
    JOIN sis.calendar c USING (calendar_id)
    JOIN sis.school_year y USING (school_year_id)
    JOIN sis.school s USING (school_guid)
    WHERE e.enrollment_id >= $1 AND e.end_date IS NULL AND y.active
    ORDER BY e.enrollment_id LIMIT 1 FOR NO KEY UPDATE OF e
"""
ROSTER = """
    SELECT r.roster_id, r.section_id, r.person_id, k.course_id, k.calendar_id,
           k.number AS course, s.number AS section
    FROM sis.roster r
    JOIN sis.section s USING (section_id)
    JOIN sis.course k USING (course_id)
    JOIN sis.calendar c USING (calendar_id)
    JOIN sis.school_year y USING (school_year_id)
    WHERE r.roster_id >= $1 AND r.end_date IS NULL AND y.active
    ORDER BY r.roster_id LIMIT 1 FOR NO KEY UPDATE OF r
"""
SECTION = """
    SELECT s.section_id, s.course_id, k.number AS course, s.number AS section, c.school_guid
    FROM sis.section s
    JOIN sis.course k USING (course_id)
    JOIN sis.calendar c USING (calendar_id)
    JOIN sis.school_year y USING (school_year_id)
    WHERE s.section_id >= $1 AND y.active
    ORDER BY s.section_id LIMIT 1 FOR NO KEY UPDATE OF s
"""
PERSON = """
    SELECT person_id, given_name, family_name, email, staff_number, student_number
    FROM sis.person WHERE person_id >= $1 ORDER BY person_id LIMIT 1 FOR NO KEY UPDATE
"""
EXCLUDED = ENROLLMENT.replace("AND y.active", "AND y.active AND e.lms_exclude")
LARGEST_ID = {
    EXCLUDED: "SELECT max(enrollment_id) FROM sis.enrollment",
    ENROLLMENT: "SELECT max(enrollment_id) FROM sis.enrollment",
    ROSTER: "SELECT max(roster_id) FROM sis.roster",
    SECTION: "SELECT max(section_id) FROM sis.section",
    PERSON: "SELECT max(person_id) FROM sis.person",
}


@dataclass(frozen=True, slots=True)
class Registrar:
    """Somebody at the office: a connection of one's own, chance, and the date."""

    connection: asyncpg.Connection
    rng: Random
    today: date

    async def pick(self, query: str) -> asyncpg.Record | None:
        """A random row of the query, locked."""
        largest = await self.connection.fetchval(LARGEST_ID[query])
        if largest is None:
            return None
        start = self.rng.randint(1, largest)
        return await self.connection.fetchrow(query, start) or await self.connection.fetchrow(
            query, 1
        )

    def last_day(self) -> date:
        """The last day of what ends now: mostly yesterday, for offices are late."""
        return self.today - timedelta(days=1 if self.rng.random() < 0.8 else 0)
