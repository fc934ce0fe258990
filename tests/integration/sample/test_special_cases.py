"""Every case that the rules treat occurs in a district of 500 students."""

from datetime import date

import psycopg
import pytest

from rosterline.sample.generate import generate
from tests.support.servers import Databases

TODAY = date(2025, 10, 15)
ACTIVE = (
    "sis.enrollment e JOIN sis.calendar c USING (calendar_id) "
    "JOIN sis.school_year y USING (school_year_id) JOIN sis.grade_level g USING (grade_level_id) "
    "JOIN sis.school s USING (school_guid) WHERE y.active AND "
)
CASES = {
    "no-show": f"SELECT count(*) FROM {ACTIVE} e.no_show",
    "excluded enrollment": f"SELECT count(*) FROM {ACTIVE} e.lms_exclude",
    "excluded grade level": f"SELECT count(*) FROM {ACTIVE} g.lms_exclude",
    "excluded second calendar": f"SELECT count(*) FROM {ACTIVE} c.lms_exclude AND EXISTS ("
    "SELECT FROM sis.calendar o WHERE o.school_guid = c.school_guid AND NOT o.lms_exclude "
    "AND o.school_year_id = c.school_year_id)",
    "excluded school": f"SELECT count(*) FROM {ACTIVE} s.lms_exclude",
    "classes of an excluded calendar": "SELECT count(*) FROM sis.section JOIN sis.course "
    "USING (course_id) JOIN sis.calendar USING (calendar_id) WHERE lms_exclude",
    "excluded assignment": "SELECT count(*) FROM sis.district_assignment WHERE lms_exclude",
    "withdrawn": f"SELECT count(*) FROM {ACTIVE} e.end_date < '2025-10-15' AND NOT EXISTS ("
    "SELECT FROM sis.enrollment o WHERE o.person_id = e.person_id AND o.end_date IS NULL)",
    "ends with the calendar": f"SELECT count(*) FROM {ACTIVE} e.end_date = c.end_date",
    "enrolled late": f"SELECT count(*) FROM {ACTIVE} e.start_date > c.start_date",
    "grade level without NCES grade": f"SELECT count(*) FROM {ACTIVE} g.nces_grade IS NULL",
    "primary and secondary": f"SELECT count(*) FROM {ACTIVE} e.service_type = 'S' AND EXISTS ("
    "SELECT FROM sis.enrollment p JOIN sis.calendar q USING (calendar_id) "
    "WHERE p.person_id = e.person_id AND p.service_type = 'P' "
    "AND q.school_guid <> c.school_guid)",
    "two primaries": f"SELECT count(*) FROM {ACTIVE} e.service_type = 'P' AND EXISTS ("
    "SELECT FROM sis.enrollment p JOIN sis.calendar q USING (calendar_id) "
    "WHERE p.person_id = e.person_id AND p.service_type = 'P' "
    "AND q.school_year_id = c.school_year_id AND p.start_date > e.start_date)",
    "only last year": "SELECT count(*) FROM sis.enrollment e JOIN sis.calendar c USING "
    "(calendar_id) WHERE c.school_year_id = 1 AND NOT EXISTS (SELECT FROM sis.enrollment n JOIN "
    "sis.calendar d USING (calendar_id) WHERE n.person_id = e.person_id AND d.school_year_id = 2)",
    "rosters of last year": "SELECT count(*) FROM sis.roster JOIN sis.section USING (section_id) "
    "JOIN sis.course USING (course_id) JOIN sis.calendar c USING (calendar_id) "
    "WHERE c.school_year_id = 1",
    "last year without dates": "SELECT count(*) FROM sis.school_year WHERE NOT active "
    "AND start_date IS NULL AND end_date IS NULL",
    "ended roster": "SELECT count(*) FROM sis.roster r WHERE end_date < '2025-10-15' "
    "AND EXISTS (SELECT FROM sis.enrollment e WHERE e.person_id = r.person_id "
    "AND e.end_date IS NULL)",
    "student without username": "SELECT count(*) FROM sis.person p WHERE student_number IS NOT "
    "NULL AND NOT EXISTS (SELECT FROM sis.user_account a WHERE a.person_id = p.person_id)",
    "staff without username": "SELECT count(*) FROM sis.person p WHERE staff_number IS NOT "
    "NULL AND NOT EXISTS (SELECT FROM sis.user_account a WHERE a.person_id = p.person_id)",
    "disabled account": "SELECT count(*) FROM sis.user_account WHERE disabled",
    "two accounts": "SELECT count(*) FROM (SELECT FROM sis.user_account GROUP BY person_id "
    "HAVING count(*) > 1) t",
    "guardian with portal": "SELECT count(*) FROM sis.relationship WHERE guardian AND portal",
    "guardian without portal": "SELECT count(*) FROM sis.relationship WHERE guardian "
    "AND NOT portal",
    "portal without guardian": "SELECT count(*) FROM sis.relationship WHERE portal "
    "AND NOT guardian",
    "neither guardian nor portal": "SELECT count(*) FROM sis.relationship WHERE NOT portal "
    "AND NOT guardian",
    "ended relationship": "SELECT count(*) FROM sis.relationship WHERE end_date < '2025-10-15'",
    "staff in two schools": "SELECT count(*) FROM (SELECT FROM sis.district_assignment "
    "WHERE end_date IS NULL GROUP BY person_id HAVING count(DISTINCT school_guid) > 1) t",
    "teacher with another role": "SELECT count(*) FROM sis.district_assignment WHERE teacher "
    "AND cardinality(other_roles) > 0",
    "program": "SELECT count(*) FROM sis.district_assignment WHERE NOT teacher "
    "AND 'program' = ANY(other_roles)",
    "counselor": "SELECT count(*) FROM sis.district_assignment WHERE NOT teacher "
    "AND 'counselor' = ANY(other_roles)",
    "no role": "SELECT count(*) FROM sis.district_assignment WHERE NOT teacher "
    "AND other_roles = '{}'",
    "assignment ended": "SELECT count(*) FROM sis.district_assignment "
    "WHERE end_date BETWEEN '2025-07-01' AND '2025-10-14'",
    "assignment with an end to come": "SELECT count(*) FROM sis.district_assignment "
    "WHERE end_date > '2025-10-15'",
    "assignment since years": "SELECT count(*) FROM sis.district_assignment "
    "WHERE start_date < '2024-07-01' AND end_date IS NULL",
    "teacher and guardian": "SELECT count(*) FROM sis.district_assignment a "
    "JOIN sis.relationship r ON r.related_person_id = a.person_id WHERE teacher AND guardian",
    "section without teacher's name": "SELECT count(*) FROM sis.section "
    "WHERE teacher_display_name IS NULL",
    "section without room": "SELECT count(*) FROM sis.section WHERE room IS NULL",
    "section without staff": "SELECT count(*) FROM sis.section s WHERE NOT EXISTS (SELECT FROM "
    "sis.section_staff t WHERE t.section_id = s.section_id)",
    "homeroom": "SELECT count(*) FROM sis.section WHERE homeroom",
    "primary teacher": "SELECT count(*) FROM sis.section_staff WHERE role = 'primary'",
    "co-teacher": "SELECT count(*) FROM sis.section_staff WHERE role = 'teacher'",
    "aide": "SELECT count(*) FROM sis.section_staff WHERE role = 'staff'",
    "teacher replaced": "SELECT count(*) FROM sis.section_staff WHERE end_date < '2025-10-15' "
    "AND role = 'primary' AND section_id IN (SELECT section_id FROM sis.section_staff "
    "WHERE end_date IS NULL AND role = 'primary')",
    "name that is not ASCII": "SELECT count(*) FROM sis.person WHERE family_name ~ '[^ -~]'",
    "apostrophe": "SELECT count(*) FROM sis.person WHERE family_name LIKE '%''%'",
}


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_special_case_occurs(databases: Databases, seed: int) -> None:
    await generate(
        databases.sis_dsn, students=500, seed=seed, progress=lambda *_: None, today=TODAY
    )
    with psycopg.connect(databases.sis_dsn) as connection:
        counted = {
            case: connection.execute(query).fetchall()[0][0] for case, query in CASES.items()
        }
    assert [case for case, count in counted.items() if count == 0] == []


async def test_special_cases_stay_exceptions(databases: Databases) -> None:
    await generate(databases.sis_dsn, students=2000, seed=1, progress=lambda *_: None, today=TODAY)
    with psycopg.connect(databases.sis_dsn) as connection:
        plain = connection.execute(
            f"SELECT count(DISTINCT e.person_id) FROM {ACTIVE} e.end_date IS NULL "
            "AND NOT (e.no_show OR e.lms_exclude OR c.lms_exclude OR g.lms_exclude) "
            "AND NOT s.lms_exclude"
        ).fetchall()[0][0]
    assert 1700 < plain < 1950
