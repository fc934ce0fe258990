"""Rows of staff and their assignments, and who is free to teach when."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import cycle
from random import Random
from uuid import UUID

from rosterline.sample.draft import Draft
from rosterline.sample.families import Teaching
from rosterline.sample.names import Identity, draw_identity, draw_tradition
from rosterline.sample.people import add_adult
from rosterline.sample.rows import DistrictAssignmentRow
from rosterline.sample.schools import School

SECTIONS_PER_TEACHER = 12
STUDENTS_PER_AIDE = 90
OFFICE_ROLES: tuple[tuple[str, ...], ...] = (
    ("supervisor",),
    ("program",),
    ("counselor",),
    ("health", "program"),
    ("counselor", "advisor"),
    ("activity",),
    (),  # a custodian: no role marked, so no vendor sees this person
)
EXTRA_ROLES = ("advisor", "activity", "behavior", "program")


@dataclass(slots=True)
class Teacher:
    """A teacher with the hours that are taken: (period, half of the year)."""

    person_id: int
    display_name: str
    room: str
    busy: set[tuple[int, int]] = field(default_factory=set)


@dataclass(slots=True)
class Faculty:
    """A school's teachers by department; `hire` finds one more."""

    hire: Callable[[str], Teacher]
    everyone: list[Teacher] = field(default_factory=list)
    departments: dict[str, list[Teacher]] = field(default_factory=dict)

    def teacher(self, department: str, period: int, halves: tuple[int, ...]) -> Teacher:
        """A teacher of the department who is free then; takes the hours."""
        free = self.departments.setdefault(department, [])
        hours = [(period, half) for half in halves]
        for teacher in free:
            if teacher.busy.isdisjoint(hours):
                break
        else:
            teacher = self.hire(department)
            free.append(teacher)
            self.everyone.append(teacher)
        teacher.busy.update(hours)
        if len(teacher.busy) >= SECTIONS_PER_TEACHER:
            free.remove(teacher)
        return teacher


def add_teacher(draft: Draft, school: School, others: list[School], teaching: Teaching) -> Teacher:
    """A new teacher of the school, or a guardian who waits for a post."""
    if teaching.waiting:
        person_id, identity = teaching.waiting.popleft()
    else:
        identity = draw_identity(draft.rng, draw_tradition(draft.rng))
        person_id = add_adult(draft, identity, staff=True)
    add_assignments(draft, person_id, school, others)
    return Teacher(person_id, display_name(identity), draw_room(draft.rng))


def display_name(identity: Identity) -> str:
    """As it stands on a timetable."""
    return f"{identity.family}, {identity.preferred or identity.given}"


def draw_room(rng: Random) -> str:
    """A room number."""
    return f"{'ABCDG'[rng.randrange(5)]}{rng.randrange(100, 330)}"


def add_assignments(draft: Draft, person_id: int, school: School, others: list[School]) -> None:
    """A teacher's assignment this year, with the special cases that it may have."""
    guid = school.school_guid
    if draft.is_case("assignment of years"):
        years_ago = timedelta(days=365 * draft.rng.randrange(2, 20))
        add_assignment(draft, person_id, guid, draft.this_year.start_date - years_ago)
        return
    roles = (draft.rng.choice(EXTRA_ROLES),) if draft.is_case("teacher with another role") else ()
    end = draft.this_year.end_date if draft.is_case("assignment with an end") else None
    excluded = draft.is_case("assignment excluded")
    start = draft.this_year.start_date
    add_assignment(draft, person_id, guid, start, end, roles=roles, lms_exclude=excluded)
    if others and draft.is_case("second school"):
        add_assignment(draft, person_id, draft.rng.choice(others).school_guid, start)
    if draft.is_case("assignment ended"):
        earlier = draft.rng.choice(others or [school]).school_guid
        add_assignment(
            draft, person_id, earlier, draft.last_year.start_date, draft.last_year.end_date
        )


def add_assignment(
    draft: Draft,
    person_id: int,
    school_guid: UUID,
    start: date,
    end: date | None = None,
    *,
    teacher: bool = True,
    roles: tuple[str, ...] = (),
    lms_exclude: bool = False,
) -> None:
    """One row of `district_assignment`."""
    draft.batch.district_assignment.append(
        DistrictAssignmentRow(
            next(draft.ids.assignment), person_id, school_guid, start, end, teacher, roles,
            lms_exclude,
        )
    )  # fmt: skip


def add_departed_teacher(draft: Draft, school: School, left: date) -> int:
    """A teacher who taught until `left`; the person's id."""
    identity = draw_identity(draft.rng, draw_tradition(draft.rng))
    person_id = add_adult(draft, identity, staff=True)
    add_assignment(
        draft, person_id, school.school_guid, min(left, draft.this_year.start_date), left
    )
    return person_id


def add_office(draft: Draft, school: School) -> list[int]:
    """The staff who do not teach; returns the aides, who help in classes."""
    aides = 1 + sum(school.plan.seats.values()) // STUDENTS_PER_AIDE
    posts = [*OFFICE_ROLES, *[("program",)] * aides]
    people = []
    for roles in posts:
        identity = draw_identity(draft.rng, draw_tradition(draft.rng))
        person_id = add_adult(draft, identity, staff=True)
        add_assignment(
            draft,
            person_id,
            school.school_guid,
            draft.this_year.start_date,
            teacher=False,
            roles=roles,
            lms_exclude=draft.is_case("assignment excluded"),
        )
        people.append(person_id)
    return people[-aides:]


def last_years_faculty(draft: Draft, school: School, faculty: Faculty) -> Faculty:
    """This year's teachers with last year's empty timetables, and an assignment that ended."""
    again = cycle(faculty.everyone)
    seen: set[int] = set()

    def hire(department: str) -> Teacher:
        teacher = next(again, None) or faculty.hire(department)
        if teacher.person_id not in seen:
            seen.add(teacher.person_id)
            year = draft.last_year
            add_assignment(
                draft, teacher.person_id, school.school_guid, year.start_date, year.end_date
            )
        return Teacher(teacher.person_id, teacher.display_name, teacher.room)

    return Faculty(hire)
