"""Office work on who attends: enrolling, withdrawing, and hiding students.

Each piece of work runs in the caller's transaction. It returns what was done in a few words without
personal data, or None, having written nothing, when it found nothing to do it to.
"""

from datetime import date
from uuid import uuid4

import asyncpg

from rosterline.sample.district import DOMAIN
from rosterline.sample.names import Identity, draw_identity, draw_tradition
from rosterline.sample.people import address, phone
from rosterline.sample.registrar import ENROLLMENT, EXCLUDED, Registrar


async def enroll_student(office: Registrar) -> str | None:
    """A new student in the classes of a classmate, with login and guardian."""
    classmate = await office.pick(ENROLLMENT)
    if classmate is None:
        return None
    tradition = draw_tradition(office.rng)
    student = draw_identity(office.rng, tradition)
    guardian = draw_identity(office.rng, tradition, family=student.family)
    birth_date = await office.connection.fetchval(
        "SELECT birth_date FROM sis.person WHERE person_id = $1", classmate["person_id"]
    )
    student_id = await insert_person(office, student, f"students.{DOMAIN}", birth_date=birth_date)
    await office.connection.execute(
        "INSERT INTO sis.enrollment "
        "(person_id, calendar_id, grade_level_id, service_type, start_date) "
        "VALUES ($1, $2, $3, 'P', $4)",
        student_id,
        classmate["calendar_id"],
        classmate["grade_level_id"],
        office.today,
    )
    classes = await join_classes(office, student_id, classmate)
    guardian_id = await insert_person(office, guardian, "mail.example")
    await office.connection.execute(
        "INSERT INTO sis.relationship "
        "(student_person_id, related_person_id, guardian, portal, start_date) "
        "VALUES ($1, $2, true, true, $3)",
        student_id,
        guardian_id,
        office.today,
    )
    return f"enrolled a student at {classmate['school']}, in {classes} classes"


async def insert_person(
    office: Registrar, identity: Identity, domain: str, *, birth_date: date | None = None
) -> int:
    """A person with a login, a student when there is a birth date; the id."""
    person_id: int = await office.connection.fetchval(
        "SELECT nextval(pg_get_serial_sequence('sis.person', 'person_id'))"
    )
    login = address(identity, person_id)
    # Not from the seed: that would repeat the generator's GUIDs, or an earlier run's.
    person_guid = uuid4()
    await office.connection.execute(
        "INSERT INTO sis.person (person_id, person_guid, given_name, middle_name, family_name, "
        "preferred_given_name, email, cell_phone, sex, birth_date, student_number) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        person_id,
        person_guid,
        identity.given,
        identity.middle,
        identity.family,
        identity.preferred,
        f"{login}@{domain}",
        phone(office.rng),
        identity.sex,
        birth_date,
        str(1_000_000 + person_id) if birth_date else None,
    )
    await office.connection.execute(
        "INSERT INTO sis.user_account (person_id, username) VALUES ($1, $2)", person_id, login
    )
    return person_id


async def join_classes(office: Registrar, student_id: int, classmate: asyncpg.Record) -> int:
    """Put a student into the classmate's classes of that calendar; how many."""
    joined = await office.connection.fetch(
        "INSERT INTO sis.roster (section_id, person_id, start_date) "
        "SELECT DISTINCT section_id, $1::bigint, $2::date FROM sis.roster "
        "JOIN sis.section USING (section_id) JOIN sis.course USING (course_id) "
        "WHERE person_id = $3 AND end_date IS NULL AND calendar_id = $4 RETURNING roster_id",
        student_id,
        office.today,
        classmate["person_id"],
        classmate["calendar_id"],
    )
    return len(joined)


async def withdraw_student(office: Registrar) -> str | None:
    """End an enrollment, and the student's classes of that calendar."""
    enrollment = await office.pick(ENROLLMENT)
    if enrollment is None:
        return None
    day = office.last_day()
    await office.connection.execute(
        "UPDATE sis.enrollment SET end_date = greatest(start_date, $2) WHERE enrollment_id = $1",
        enrollment["enrollment_id"],
        day,
    )
    ended = await office.connection.fetch(
        "UPDATE sis.roster r SET end_date = greatest(r.start_date, $3) "
        "FROM sis.section s JOIN sis.course k USING (course_id) "
        "WHERE s.section_id = r.section_id AND r.person_id = $1 AND r.end_date IS NULL "
        "AND k.calendar_id = $2 RETURNING r.roster_id",
        enrollment["person_id"],
        enrollment["calendar_id"],
        day,
    )
    return f"withdrew a student from {enrollment['school']} and {len(ended)} classes"


async def toggle_exclusion(office: Registrar) -> str | None:
    """Keep an enrollment from vendors, or give one back to them, about as often."""
    hidden = await office.pick(EXCLUDED) if office.rng.random() < 0.5 else None
    enrollment = hidden or await office.pick(ENROLLMENT)
    if enrollment is None:
        return None
    excluded = await office.connection.fetchval(
        "UPDATE sis.enrollment SET lms_exclude = NOT lms_exclude WHERE enrollment_id = $1 "
        "RETURNING lms_exclude",
        enrollment["enrollment_id"],
    )
    return f"{'hid' if excluded else 'showed'} an enrollment at {enrollment['school']}"
