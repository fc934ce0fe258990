"""Makes a district zone by zone: a stream of batches, of which only one need be in memory."""

from collections.abc import Iterator
from datetime import date
from itertools import cycle
from random import Random
from typing import NamedTuple
from uuid import UUID

from rosterline.sample.curriculum import EVENING_DAY
from rosterline.sample.draft import Draft
from rosterline.sample.enrollments import Zone
from rosterline.sample.families import Teaching, add_families
from rosterline.sample.plan import Level, SchoolPlan, plan_zones
from rosterline.sample.rows import Batch
from rosterline.sample.schedule import Timetable
from rosterline.sample.schools import School, add_district, add_school
from rosterline.sample.staff import Faculty, Teacher, add_office, add_teacher, last_years_faculty
from rosterline.sample.years import years_around

DOMAIN = "riverbend.example"


class Portion(NamedTuple):
    """The rows of one zone, and the number of students with them."""

    students: int
    batch: Batch


def make_district(students: int, seed: int, today: date) -> Iterator[Portion]:
    """The district of so many students, the same for the same seed and day."""
    rng = Random(seed)  # noqa: S311 - must repeat itself; nothing here is secret
    last_year, this_year = years_around(today)
    draft = Draft(rng, today, last_year, this_year, DOMAIN)
    district_guid = add_district(draft)
    teaching = Teaching()
    for number, plans in enumerate(plan_zones(students, rng)):
        add_zone(draft, district_guid, plans, teaching, evening=number == 0)
        seats = sum(sum(plan.seats.values()) for plan in plans)
        yield Portion(seats, draft.take_batch())


def add_zone(
    draft: Draft, district_guid: UUID, plans: list[SchoolPlan], teaching: Teaching, *, evening: bool
) -> None:
    """All that belongs to one attendance zone."""
    schools = [
        add_school(draft, district_guid, plan, evening=evening and plan.level is Level.HIGH)
        for plan in plans
    ]
    zone = Zone(schools)
    add_families(draft, zone, teaching)
    for school in schools:
        add_school_life(draft, zone, school, teaching)


def add_school_life(draft: Draft, zone: Zone, school: School, teaching: Teaching) -> None:
    """A school's staff and timetables."""
    others = [other for other in zone.schools if other is not school]

    def hire(_department: str) -> Teacher:
        return add_teacher(draft, school, others, teaching)

    faculty = Faculty(hire)
    aides = cycle(add_office(draft, school))
    Timetable(draft, school, school.this_year, faculty, aides).fill(zone.roll(school.this_year))
    if school.evening:
        Timetable(draft, school, school.evening, faculty, aides).fill(
            zone.roll(school.evening), EVENING_DAY
        )
    former = last_years_faculty(draft, school, faculty)
    Timetable(draft, school, school.last_year, former, aides).fill(zone.roll(school.last_year))
