"""Office work on classes: who is in them, who teaches them, and where.

The rules of `enrolling` hold here too: one transaction of the caller, a few words or None.
"""

import asyncpg

from rosterline.sample.registrar import ROSTER, SECTION, Registrar
from rosterline.sample.staff import draw_room

# Sections of a course are put together up to this size; larger pairs are made equal.
FULL_SECTION = 30


async def move_student(office: Registrar) -> str | None:
    """End one roster and start another: the same course if it has a second section."""
    roster = await office.pick(ROSTER)
    if roster is None:
        return None
    sections = await office.connection.fetch(
        "SELECT section_id, k.number AS course, s.number AS section "
        "FROM sis.section s JOIN sis.course k USING (course_id) "
        "WHERE k.calendar_id = $1 AND s.section_id NOT IN "
        "(SELECT section_id FROM sis.roster WHERE person_id = $2 AND end_date IS NULL) "
        "ORDER BY (k.course_id = $3) DESC, section_id LIMIT 5",
        roster["calendar_id"],
        roster["person_id"],
        roster["course_id"],
    )
    if not sections:
        return None
    same_course = [section for section in sections if section["course"] == roster["course"]]
    target = office.rng.choice(same_course or sections)
    await move_rosters(office, [roster["roster_id"]], target["section_id"])
    return (
        f"moved a student from {roster['course']} {roster['section']} "
        f"to {target['course']} {target['section']}"
    )


async def move_rosters(office: Registrar, roster_ids: list[int], section_id: int) -> None:
    """End the rosters, and start others in the section, but for those who are in it already."""
    day = office.last_day()
    await office.connection.execute(
        "UPDATE sis.roster SET end_date = greatest(start_date, $2) WHERE roster_id = ANY($1)",
        roster_ids,
        day,
    )
    await office.connection.execute(
        "INSERT INTO sis.roster (section_id, person_id, start_date) "
        "SELECT $2, r.person_id, r.end_date + 1 FROM sis.roster r WHERE r.roster_id = ANY($1) "
        "AND NOT EXISTS (SELECT FROM sis.roster i WHERE i.section_id = $2 "
        "AND i.person_id = r.person_id AND i.end_date IS NULL) ORDER BY r.roster_id",
        roster_ids,
        section_id,
    )


async def delete_roster(office: Registrar) -> str | None:
    """Take back a roster that was made by mistake."""
    roster = await office.pick(ROSTER)
    if roster is None:
        return None
    await office.connection.execute(
        "DELETE FROM sis.roster WHERE roster_id = $1", roster["roster_id"]
    )
    return f"deleted a wrong roster of {roster['course']} {roster['section']}"


async def change_teacher(office: Registrar) -> str | None:
    """End the primary teacher's part in a section, and give it to a colleague."""
    section = await office.pick(SECTION)
    if section is None:
        return None
    colleagues = await office.connection.fetch(
        "SELECT DISTINCT p.person_id, p.given_name, p.family_name, p.preferred_given_name "
        "FROM sis.district_assignment a JOIN sis.person p USING (person_id) "
        "WHERE a.school_guid = $1 AND a.teacher AND (a.end_date IS NULL OR a.end_date > $2) "
        "AND p.person_id NOT IN (SELECT person_id FROM sis.section_staff "
        "WHERE section_id = $3 AND end_date IS NULL) ORDER BY p.person_id",
        section["school_guid"],
        office.today,
        section["section_id"],
    )
    if not colleagues:
        return None
    await replace_teacher(office, section["section_id"], office.rng.choice(colleagues))
    return f"gave {section['course']} {section['section']} another teacher"


async def replace_teacher(office: Registrar, section_id: int, colleague: asyncpg.Record) -> None:
    """The rows of a change of teacher."""
    day = office.last_day()
    await office.connection.execute(
        "UPDATE sis.section_staff SET end_date = greatest(start_date, $2) "
        "WHERE section_id = $1 AND role = 'primary' AND end_date IS NULL",
        section_id,
        day,
    )
    await office.connection.execute(
        "INSERT INTO sis.section_staff (section_id, person_id, role, start_date) "
        "VALUES ($1, $2, 'primary', $3::date + 1)",
        section_id,
        colleague["person_id"],
        day,
    )
    given = colleague["preferred_given_name"] or colleague["given_name"]
    await office.connection.execute(
        "UPDATE sis.section SET teacher_display_name = $2 WHERE section_id = $1",
        section_id,
        f"{colleague['family_name']}, {given}",
    )


async def change_room(office: Registrar) -> str | None:
    """Give a section another room."""
    section = await office.pick(SECTION)
    if section is None:
        return None
    room = draw_room(office.rng)
    await office.connection.execute(
        "UPDATE sis.section SET room = $2 WHERE section_id = $1", section["section_id"], room
    )
    return f"moved {section['course']} {section['section']} to room {room}"


async def even_out_sections(office: Registrar) -> str | None:
    """Split a course's only section, put two small ones together, or make two equal."""
    section = await office.pick(SECTION)
    if section is None:
        return None
    sizes = await office.connection.fetch(
        "SELECT s.section_id, s.number, coalesce(array_agg(r.roster_id ORDER BY r.roster_id) "
        "FILTER (WHERE r.roster_id IS NOT NULL), '{}') AS rosters "
        "FROM sis.section s LEFT JOIN sis.roster r "
        "ON r.section_id = s.section_id AND r.end_date IS NULL "
        "WHERE s.course_id = $1 GROUP BY s.section_id ORDER BY count(r.*) DESC, s.section_id",
        section["course_id"],
    )
    large, small = sizes[0], sizes[-1]
    few, many = len(small["rosters"]), len(large["rosters"])
    course, number = section["course"], large["number"]
    if len(sizes) > 1 and 0 < few <= FULL_SECTION - many:
        await move_rosters(office, small["rosters"], large["section_id"])
        return f"merged {course} {small['number']} into {number}: {few} students"
    half = (many - few) // 2 if len(sizes) > 1 else many // 2
    if half < 1:
        return None
    target = small["section_id"] if len(sizes) > 1 else await open_section(office, section)
    await move_rosters(office, office.rng.sample(large["rosters"], half), target)
    return f"relieved {course} {number} of {half} students"


async def open_section(office: Registrar, section: asyncpg.Record) -> int:
    """A second section of a course, at the same hours and with the same staff; its id."""
    section_id: int = await office.connection.fetchval(
        "INSERT INTO sis.section (course_id, number, teacher_display_name, room, homeroom) "
        "SELECT course_id, $2, teacher_display_name, $3, homeroom FROM sis.section "
        "WHERE section_id = $1 RETURNING section_id",
        section["section_id"],
        f"{section['section']}B",
        draw_room(office.rng),
    )
    await office.connection.execute(
        "INSERT INTO sis.section_term (section_id, term_id, period) "
        "SELECT $2, term_id, period FROM sis.section_term WHERE section_id = $1",
        section["section_id"],
        section_id,
    )
    await office.connection.execute(
        "INSERT INTO sis.section_staff (section_id, person_id, role, start_date) "
        "SELECT $2, person_id, role, $3 FROM sis.section_staff "
        "WHERE section_id = $1 AND end_date IS NULL ORDER BY section_staff_id",
        section["section_id"],
        section_id,
        office.today,
    )
    return section_id
