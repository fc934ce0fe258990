"""Rows of the district, its schools, and their calendars, grade levels and terms."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from rosterline.sample.draft import Draft
from rosterline.sample.plan import (
    GRADES,
    PRE_KINDERGARTEN,
    Grade,
    Level,
    SchoolPlan,
)
from rosterline.sample.rows import (
    CalendarRow,
    DistrictRow,
    GradeLevelRow,
    SchoolRow,
    SchoolYearRow,
    TermRow,
)
from rosterline.sample.years import Year, terms_of

DISTRICT_NAME = "Riverbend Unified School District"
DISTRICT_NUMBER = "2180"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A stored calendar with the ids of its grade levels and terms."""

    calendar_id: int
    first_day: date
    last_day: date
    grade_level_ids: dict[Grade, int]
    term_ids: list[int]


@dataclass(frozen=True, slots=True)
class School:
    """A stored school with its calendars."""

    school_guid: UUID
    level: Level
    plan: SchoolPlan
    this_year: Calendar
    last_year: Calendar
    evening: Calendar | None = field(default=None)

    @property
    def fills_in_dates(self) -> bool:
        """Whether its office writes the first day on every roster, or leaves it out."""
        return self.level in {Level.MIDDLE, Level.HIGH}


def add_district(draft: Draft) -> UUID:
    """The district and its school years; last year's dates are left out, as offices do."""
    guid = draft.guid()
    draft.batch.district.append(DistrictRow(guid, DISTRICT_NAME, DISTRICT_NUMBER))
    last, this = draft.last_year, draft.this_year
    draft.batch.school_year += [
        SchoolYearRow(last.school_year_id, last.start_year, last.start_year + 1, None, None, False),
        SchoolYearRow(
            this.school_year_id,
            this.start_year,
            this.start_year + 1,
            this.start_date,
            this.end_date,
            True,
        ),
    ]
    return guid


def add_school(draft: Draft, district_guid: UUID, plan: SchoolPlan, *, evening: bool) -> School:
    """A school with both years' calendars, and an excluded evening calendar if wanted."""
    guid = draft.guid()
    alternative = plan.level is Level.ALTERNATIVE
    number = None if alternative else str(draft.rng.randrange(1000, 9999))
    name = f"{plan.name} {plan.level}"
    draft.batch.school.append(SchoolRow(guid, district_guid, name, number, alternative))
    grades = GRADES[plan.level]
    if PRE_KINDERGARTEN in plan.seats:
        grades = (PRE_KINDERGARTEN, *grades)
    return School(
        guid,
        plan.level,
        plan,
        this_year=add_calendar(draft, guid, draft.this_year, plan.name, grades),
        last_year=add_calendar(draft, guid, draft.last_year, plan.name, grades),
        evening=add_calendar(
            draft, guid, draft.this_year, f"{plan.name} Evening", grades, lms_exclude=True
        )
        if evening
        else None,
    )


def add_calendar(
    draft: Draft,
    school_guid: UUID,
    year: Year,
    name: str,
    grades: tuple[Grade, ...],
    *,
    lms_exclude: bool = False,
) -> Calendar:
    """A calendar with its grade levels and terms."""
    calendar_id = next(draft.ids.calendar)
    label = f"{year.start_year % 100:02}-{(year.start_year + 1) % 100:02} {name}"
    first, last = year.first_school_day, year.last_school_day
    draft.batch.calendar.append(
        CalendarRow(calendar_id, school_guid, year.school_year_id, label, first, last, lms_exclude)
    )
    return Calendar(
        calendar_id,
        first,
        last,
        {grade: add_grade_level(draft, calendar_id, grade) for grade in grades},
        add_terms(draft, calendar_id, year, 2 if GRADES[Level.HIGH][0] in grades else 4),
    )


def add_grade_level(draft: Draft, calendar_id: int, grade: Grade) -> int:
    """A grade level of a calendar; its id."""
    grade_level_id = next(draft.ids.grade_level)
    draft.batch.grade_level.append(
        GradeLevelRow(
            grade_level_id,
            calendar_id,
            grade.name,
            grade.state_code,
            grade.nces,
            grade.lms_exclude,
        )
    )
    return grade_level_id


def add_terms(draft: Draft, calendar_id: int, year: Year, number: int) -> list[int]:
    """The calendar's terms in order; their ids."""
    term_ids = []
    for seq, (name, first, last) in enumerate(terms_of(year, number), start=1):
        term_id = next(draft.ids.term)
        draft.batch.term.append(TermRow(term_id, calendar_id, name, first, last, seq))
        term_ids.append(term_id)
    return term_ids
