"""A generated district, before it is stored: repeatable, of the size asked for, without clashes."""

from collections import Counter, defaultdict
from datetime import date

import pytest

from rosterline.db.tables.sis import SIS, TABLES
from rosterline.sample import rows
from rosterline.sample.district import make_district
from rosterline.sample.rows import Batch

TODAY = date(2025, 10, 15)
FIRST_STUDENTS = 300


def whole_district(students: int, seed: int = 1, today: date = TODAY) -> Batch:
    """All portions in one batch."""
    whole = Batch()
    for portion in make_district(students, seed, today):
        for table, records in portion.batch.by_table():
            getattr(whole, table).extend(records)
    return whole


@pytest.fixture(scope="module")
def district() -> Batch:
    """A district of one zone."""
    return whole_district(2000)


@pytest.mark.parametrize("table", TABLES)
def test_rows_have_the_columns_of_their_table(table: str) -> None:
    name = "".join(word.capitalize() for word in table.split("_"))
    fields = getattr(rows, f"{name}Row")._fields
    assert fields == tuple(SIS.tables[f"sis.{table}"].columns.keys())


def test_the_same_seed_gives_the_same_district_and_another_seed_another() -> None:
    first, again = whole_district(FIRST_STUDENTS), whole_district(FIRST_STUDENTS)
    assert first == again
    assert whole_district(FIRST_STUDENTS, seed=2).person != first.person


@pytest.mark.parametrize("students", [1, 2, 7, 39, 40, 200, 2000])
def test_so_many_people_are_enrolled_this_year(students: int) -> None:
    batch = whole_district(students)
    this_year = {row.calendar_id for row in batch.calendar if row.school_year_id == 2}
    enrolled = {row.person_id for row in batch.enrollment if row.calendar_id in this_year}
    assert len(enrolled) == students


@pytest.mark.parametrize(
    "today",
    [date(2025, 7, 1), date(2025, 7, 2), date(2025, 8, 17), date(2025, 8, 19), date(2026, 6, 30)],
)
def test_dates_are_in_order_on_every_day_of_the_year(today: date) -> None:
    batch = whole_district(FIRST_STUDENTS, today=today)
    spans = [
        (row.start_date, row.end_date)
        for rows_of_table in (
            batch.enrollment,
            batch.roster,
            batch.section_staff,
            batch.district_assignment,
            batch.relationship,
        )
        for row in rows_of_table
    ]
    assert [(start, end) for start, end in spans if start and end and start > end] == []


def test_every_guid_is_a_version_4_uuid_and_unique(district: Batch) -> None:
    guids = [row.person_guid for row in district.person]
    guids += [row.school_guid for row in district.school]
    assert {guid.version for guid in guids} == {4}
    assert len(set(guids)) == len(guids)


def test_students_are_never_in_two_classes_at_once(district: Batch) -> None:
    hours = defaultdict(list)
    for meeting in district.section_term:
        hours[meeting.section_id].append((meeting.term_id, meeting.period))
    high_mathematics = {row.person_id for row in district.enrollment if row.service_type == "S"}
    taken = Counter(
        (roster.person_id, *hour)
        for roster in district.roster
        if roster.end_date is None and roster.person_id not in high_mathematics
        for hour in hours[roster.section_id]
    )
    assert [key for key, count in taken.items() if count > 1] == []


def test_primary_teachers_are_never_in_two_classes_at_once(district: Batch) -> None:
    terms = {row.term_id: row.calendar_id for row in district.term}
    this_year = {row.calendar_id for row in district.calendar if row.school_year_id == 2}
    hours = defaultdict(list)
    for meeting in district.section_term:
        if terms[meeting.term_id] in this_year:
            hours[meeting.section_id].append((meeting.term_id, meeting.period))
    taken = Counter(
        (part.person_id, *hour)
        for part in district.section_staff
        if part.role == "primary" and part.end_date is None
        for hour in hours[part.section_id]
    )
    assert [key for key, count in taken.items() if count > 1] == []


def test_sections_are_of_believable_size_and_students_have_about_ten_classes(
    district: Batch,
) -> None:
    sizes = sorted(Counter(row.section_id for row in district.roster).values())
    assert 18 <= sizes[len(sizes) // 2] <= 30
    assert sizes[-1] <= 36
    assert 9 <= len(district.roster) / 2000 <= 12


def test_siblings_share_guardians(district: Batch) -> None:
    children = Counter(row.related_person_id for row in district.relationship)
    assert max(children.values()) >= 3
    guardians = Counter(row.student_person_id for row in district.relationship if row.guardian)
    assert set(guardians.values()) == {1, 2}


def test_usernames_are_unique(district: Batch) -> None:
    names = [row.username for row in district.user_account]
    assert len(set(names)) == len(names)


def test_names_of_many_scripts_and_with_apostrophes_occur(district: Batch) -> None:
    names = [row.family_name for row in district.person]
    assert sum(1 for name in names if not name.isascii()) > 100
    assert any("'" in name for name in names)
    assert any(
        not row.preferred_given_name.isascii()
        for row in district.person
        if row.preferred_given_name
    )
