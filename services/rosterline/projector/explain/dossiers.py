"""A person, class, course, school or class place: what comes of it, and which rows bear on it.

Pure: `explainer` gathers the facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rosterline.projector.explain.findings import (
    ENROLLMENTS,
    ENROLLMENTS_V1P1,
    Finding,
    find_class,
    find_course,
    find_nothing,
    find_org,
    find_person,
    find_roster,
    find_staff,
)
from rosterline.projector.explain.model import ExplainedRow
from rosterline.projector.explain.rows import (
    course_row,
    own_rows,
    roster_row,
    rows_of_person,
    section_row,
    staff_row,
)
from rosterline.projector.explain.surroundings import Surroundings
from rosterline.projector.facts import (
    Context,
    CourseFacts,
    PersonFacts,
    RosterFacts,
    SectionFacts,
    StaffFacts,
)

Place = RosterFacts | StaffFacts


@dataclass(frozen=True, slots=True)
class Missing:
    """A place in a class that refers to a row which has not arrived, or has gone."""

    sourced_id: str
    table: str
    key: int


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of one subject; `person` is there when it is about one.

    `is_gone` says that there is no such row, so that only records of former times can be left.
    """

    findings: tuple[Finding, ...]
    rows: tuple[ExplainedRow, ...] = ()
    places: tuple[Finding, ...] = ()
    person: PersonFacts | None = None
    is_gone: bool = False


def open_person(
    context: Context, facts: PersonFacts, places: Iterable[Place | Missing] = ()
) -> Dossier:
    """A person, with the person's places in classes."""
    return Dossier(
        findings=tuple(find_person(context, facts)),
        rows=_once(rows_of_person(context, facts)),
        places=find_places(context, places),
        person=facts,
    )


def open_section(
    context: Context, section: SectionFacts, places: Iterable[Place | Missing] = ()
) -> Dossier:
    """A class, with its students' and teachers' places."""
    surroundings = Surroundings(context)
    surroundings.add_section(section)
    rows = (
        section_row(context, section),
        course_row(context, section.course),
        *surroundings.rows(),
    )
    return Dossier(tuple(find_class(context, section)), rows, find_places(context, places))


def open_course(context: Context, course: CourseFacts) -> Dossier:
    """A course."""
    surroundings = Surroundings(context)
    surroundings.calendars.add(course.calendar_id)
    rows = (course_row(context, course), *surroundings.rows())
    return Dossier(tuple(find_course(context, course)), rows)


def open_org(context: Context, guid: str) -> Dossier:
    """A school or district."""
    surroundings = Surroundings(context)
    if guid in context.reference.districts:
        surroundings.districts.add(guid)
    else:
        surroundings.add_school(guid)
    return Dossier(tuple(find_org(context, guid)), tuple(surroundings.rows()))


def open_place(context: Context, place: Place | Missing) -> Dossier:
    """A place in a class: its own row, those of its user, and those of the class."""
    if isinstance(place, Missing):
        return Dossier(find_places(context, [place]))
    surroundings = Surroundings(context)
    surroundings.add_person(place.person)
    surroundings.add_section(place.section)
    rows = (
        roster_row(context, place) if isinstance(place, RosterFacts) else staff_row(context, place),
        section_row(context, place.section),
        course_row(context, place.section.course),
        *own_rows(context, place.person),
        *surroundings.rows(),
    )
    return Dossier(find_places(context, [place]), rows, person=place.person)


def find_places(context: Context, places: Iterable[Place | Missing]) -> tuple[Finding, ...]:
    """What comes of places in classes."""
    found: list[Finding] = []
    for place in places:
        if isinstance(place, Missing):
            records = [(each, place.sourced_id) for each in (ENROLLMENTS, ENROLLMENTS_V1P1)]
            found += find_nothing(place.table, place.key, records)
        elif isinstance(place, RosterFacts):
            found += find_roster(context, place)
        else:
            found += find_staff(context, place)
    return tuple(found)


def row_of(place: Place | Missing) -> tuple[str, int]:
    """The table and key of a place in a class."""
    if isinstance(place, RosterFacts):
        return "roster", place.roster_id
    if isinstance(place, StaffFacts):
        return "section_staff", place.section_staff_id
    table = "roster" if place.sourced_id.startswith("r") else "section_staff"
    return table, int(place.sourced_id[1:])


def _once(rows: Iterable[ExplainedRow]) -> tuple[ExplainedRow, ...]:
    return tuple({(row.table, row.key): row for row in rows}.values())
