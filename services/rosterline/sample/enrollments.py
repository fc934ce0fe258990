"""Rows of enrollments: who belongs to which school, this year and last, with special cases."""

from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from rosterline.sample.draft import Draft
from rosterline.sample.plan import ELEMENTARY_GRADES, HIGH_GRADES, MIDDLE_GRADES, Grade
from rosterline.sample.rows import EnrollmentRow
from rosterline.sample.schools import Calendar, School
from rosterline.sample.years import DAY

PREVIOUS_GRADE: dict[Grade, Grade] = {
    after: before for before, after in pairwise((*ELEMENTARY_GRADES, *MIDDLE_GRADES, *HIGH_GRADES))
}
EIGHTH, NINTH, TWELFTH = MIDDLE_GRADES[-1], HIGH_GRADES[0], HIGH_GRADES[-1]


@dataclass(frozen=True, slots=True)
class Pupil:
    """A student as a schedule sees one: in the school from `start` to `end`, or all year."""

    person_id: int
    start: date | None = None
    end: date | None = None


@dataclass(slots=True)
class Roll:
    """The pupils of a calendar by grade; `guests` are another school's, here for mathematics."""

    grades: dict[Grade, list[Pupil]] = field(default_factory=dict)
    guests: list[Pupil] = field(default_factory=list)

    def add(self, grade: Grade, pupil: Pupil) -> None:
        """Put a pupil on the roll."""
        self.grades.setdefault(grade, []).append(pupil)


@dataclass(slots=True)
class Zone:
    """An attendance zone's schools, and who is on the roll of each calendar."""

    schools: list[School]
    rolls: dict[int, Roll] = field(default_factory=dict)

    def roll(self, calendar: Calendar) -> Roll:
        """The calendar's roll, empty at first."""
        return self.rolls.setdefault(calendar.calendar_id, Roll())

    def school_of(self, grade: Grade, *, other_than: School | None = None) -> School | None:
        """A school with the grade, which may have to be another one."""
        for school in self.schools:
            if school is not other_than and grade in school.this_year.grade_level_ids:
                return school
        return None


def add_enrollment(
    draft: Draft, person_id: int, calendar: Calendar, grade: Grade, *, service_type: str = "P"
) -> EnrollmentRow:
    """An enrollment from the calendar's first day on, not yet among the rows."""
    return EnrollmentRow(
        next(draft.ids.enrollment),
        person_id,
        calendar.calendar_id,
        calendar.grade_level_ids[grade],
        service_type,
        calendar.first_day,
    )


def enroll(draft: Draft, zone: Zone, school: School, grade: Grade, person_id: int) -> None:
    """All enrollments of a student who has a seat in the school's grade this year."""
    row = with_special_case(draft, add_enrollment(draft, person_id, school.this_year, grade))
    if draft.is_case("transferred"):
        row = add_transfer(draft, zone, school, grade, row)
    draft.batch.enrollment.append(row)
    late = row.start_date != school.this_year.first_day
    ended = row.end_date is not None and row.end_date < draft.today
    pupil = Pupil(
        person_id,
        row.start_date if late else None,
        row.end_date if ended else None,
    )
    zone.roll(school.this_year).add(grade, pupil)
    add_second_school(draft, zone, school, grade, pupil)
    if draft.is_case("here last year"):
        add_last_year(draft, zone, grade, person_id)


def with_special_case(draft: Draft, row: EnrollmentRow) -> EnrollmentRow:
    """The enrollment as it is, or with one special case."""
    if draft.is_case("no-show"):
        return row._replace(no_show=True)
    if draft.is_case("enrollment excluded"):
        return row._replace(lms_exclude=True)
    if draft.is_case("ends with the calendar"):
        return row._replace(end_date=draft.this_year.last_school_day)
    day = draft.past_day(row.start_date)
    if day is not None and draft.is_case("withdrawn"):
        return row._replace(start_date=min(row.start_date, day), end_date=day)
    if day is not None and draft.is_case("enrolled late"):
        return row._replace(start_date=day)
    return row


def add_transfer(
    draft: Draft, zone: Zone, school: School, grade: Grade, row: EnrollmentRow
) -> EnrollmentRow:
    """An earlier enrollment that ended before this one, at another school if there is one."""
    day = draft.past_day(school.this_year.first_day)
    if day is None or row.end_date is not None:
        return row
    former = zone.school_of(grade, other_than=school) or school
    earlier = add_enrollment(draft, row.person_id, former.this_year, grade)
    start = min(earlier.start_date, day)
    draft.batch.enrollment.append(earlier._replace(start_date=start, end_date=day))
    zone.roll(former.this_year).add(grade, Pupil(row.person_id, None, day))
    return row._replace(start_date=day + DAY)


def add_second_school(draft: Draft, zone: Zone, school: School, grade: Grade, pupil: Pupil) -> None:
    """A secondary enrollment: mathematics at the high school, or classes in the evening."""
    high = zone.school_of(NINTH)
    if high and grade is EIGHTH and draft.is_case("eighth grader at the high school"):
        draft.batch.enrollment.append(
            add_enrollment(draft, pupil.person_id, high.this_year, NINTH, service_type="S")
        )
        zone.roll(high.this_year).guests.append(pupil)
    elif school.evening and draft.is_case("evening student"):
        draft.batch.enrollment.append(
            add_enrollment(draft, pupil.person_id, school.evening, grade, service_type="S")
        )
        zone.roll(school.evening).add(grade, pupil)


def add_last_year(draft: Draft, zone: Zone, grade: Grade, person_id: int) -> None:
    """Last year's enrollment, one grade below."""
    before = PREVIOUS_GRADE.get(grade)
    school = zone.school_of(before) if before else None
    if before and school:
        enroll_last_year(draft, zone, school, before, person_id)


def enroll_last_year(
    draft: Draft, zone: Zone, school: School, grade: Grade, person_id: int
) -> None:
    """An enrollment that ended with last year's calendar."""
    calendar = school.last_year
    row = add_enrollment(draft, person_id, calendar, grade)
    draft.batch.enrollment.append(row._replace(end_date=calendar.last_day))
    zone.roll(calendar).add(grade, Pupil(person_id, None, calendar.last_day))
