"""Rows of families: students with the guardians and relatives whom siblings share."""

from collections import deque
from dataclasses import dataclass, field
from datetime import date

from rosterline.sample.draft import Draft
from rosterline.sample.enrollments import TWELFTH, Zone, enroll, enroll_last_year
from rosterline.sample.names import Identity, draw, draw_identity, draw_tradition
from rosterline.sample.people import add_adult, add_student, birth_date
from rosterline.sample.plan import Grade
from rosterline.sample.rows import RelationshipRow
from rosterline.sample.schools import School
from rosterline.sample.traditions import Tradition

CHILDREN = (1, 2, 3, 4)
CHILDREN_WEIGHTS = (60, 91, 98, 100)


@dataclass(frozen=True, slots=True)
class Related:
    """An adult of a family, and what the office noted about the relationship."""

    person_id: int
    guardian: bool
    portal: bool
    start_date: date | None = None
    end_date: date | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """What siblings share."""

    tradition: Tradition
    name: str
    adults: list[Related]
    birthdays: dict[Grade, date] = field(default_factory=dict)


@dataclass(slots=True)
class Teaching:
    """Guardians who teach in the district and wait for a school to take them."""

    waiting: deque[tuple[int, Identity]] = field(default_factory=deque)


def add_families(draft: Draft, zone: Zone, teaching: Teaching) -> None:
    """Everybody who has a seat in the zone's schools, family by family."""
    seats = [
        (school, grade)
        for school in zone.schools
        for grade, number in school.plan.seats.items()
        for _ in range(number)
    ]
    draft.rng.shuffle(seats)
    while seats:
        children = draft.rng.choices(CHILDREN, cum_weights=CHILDREN_WEIGHTS)[0]
        family = start_family(draft, teaching)
        for school, grade in seats[-children:]:
            add_child(draft, zone, family, school, grade)
        del seats[-children:]


def start_family(draft: Draft, teaching: Teaching) -> Family:
    """A family with its adults."""
    rng = draft.rng
    tradition = draw_tradition(rng)
    name = draw(rng, tradition.family)
    adults = [add_guardian(draft, tradition, name, teaching)]
    if rng.random() < 0.65:
        other = draw_tradition(rng) if rng.random() < 0.3 else tradition
        adults.append(add_guardian(draft, other, name if rng.random() < 0.6 else None, teaching))
        if rng.random() < 0.06:
            name = f"{name}-{draw(rng, other.family)}"
    if draft.is_case("portal without guardian"):
        adults.append(add_relative(draft, tradition, portal=True))
    if draft.is_case("emergency contact"):
        adults.append(add_relative(draft, tradition, portal=False))
    return Family(tradition, name, adults)


def add_guardian(
    draft: Draft, tradition: Tradition, name: str | None, teaching: Teaching
) -> Related:
    """A guardian, who sees the portal but for special cases."""
    identity = draw_identity(draft.rng, tradition, family=name)
    if draft.is_case("guardian who teaches"):
        person_id = add_adult(draft, identity, staff=True)
        teaching.waiting.append((person_id, identity))
        return Related(person_id, guardian=True, portal=True)
    portal = not draft.is_case("guardian without portal")
    person_id = add_adult(draft, identity, staff=False, login=portal)
    since = draft.last_year.first_school_day if draft.rng.random() < 0.4 else None
    if draft.is_case("ended relationship"):
        end = draft.past_day(draft.last_year.first_school_day)
        return Related(person_id, True, portal, draft.last_year.first_school_day, end)
    return Related(person_id, guardian=True, portal=portal, start_date=since)


def add_relative(draft: Draft, tradition: Tradition, *, portal: bool) -> Related:
    """A grandparent, aunt or step-parent; without the portal, somebody to call."""
    identity = draw_identity(draft.rng, tradition)
    person_id = add_adult(draft, identity, staff=False, login=portal)
    return Related(person_id, guardian=False, portal=portal)


def add_child(draft: Draft, zone: Zone, family: Family, school: School, grade: Grade) -> None:
    """A student with enrollments and relationships; siblings in the same grade are twins."""
    if grade not in family.birthdays:
        family.birthdays[grade] = birth_date(draft.rng, grade, draft.this_year.start_year)
    identity = draw_identity(draft.rng, family.tradition, family=family.name)
    person_id = add_student(draft, identity, family.birthdays[grade])
    draft.batch.relationship += [
        RelationshipRow(
            next(draft.ids.relationship),
            person_id,
            adult.person_id,
            adult.guardian,
            adult.portal,
            adult.start_date,
            adult.end_date,
        )
        for adult in family.adults
    ]
    enroll(draft, zone, school, grade, person_id)
    if draft.is_case("left last year"):
        add_graduate(draft, zone)


def add_graduate(draft: Draft, zone: Zone) -> None:
    """A student of last year's twelfth grade, who has no enrollment this year."""
    high = zone.school_of(TWELFTH)
    if high:
        identity = draw_identity(draft.rng, draw_tradition(draft.rng))
        born = birth_date(draft.rng, TWELFTH, draft.last_year.start_year)
        enroll_last_year(draft, zone, high, TWELFTH, add_student(draft, identity, born))
