"""Touched rows → the records that they should be now: gathers facts, asks the rules.

Results come in runs of bounded size, parents before what refers to them, so that a transaction of
any size needs a bounded amount of memory.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import TypeVar

import asyncpg

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.draft import Draft, to_draft
from rosterline.projector.facts import Context, PersonFacts, SectionFacts
from rosterline.projector.gather import (
    ROSTERS,
    SECTION_STAFF,
    gather_courses,
    gather_held_guids,
    gather_people,
    gather_places,
    gather_sections,
    to_roster,
    to_staff,
)
from rosterline.projector.rules.courses import build_class, build_course
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import (
    build_roster_enrollment,
    build_staff_enrollment,
    roster_sourced_id,
    staff_sourced_id,
)
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.sessions import (
    build_grading_period,
    build_school_year,
    build_term,
    grading_period_sourced_id,
    school_year_sourced_id,
)
from rosterline.projector.rules.users import build_user
from rosterline.projector.scopes import Key, Scope, Touched

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What records of an entity should be: a draft, or None for no record, and who touched it."""

    entity: Entity
    records: dict[str, tuple[Draft | None, int]]


def runs(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while run := list(islice(iterator, size)):
        yield run


async def build(
    connection: asyncpg.Connection, context: Context, touched: Touched, size: int
) -> AsyncIterator[Wanted]:
    """What the touched records should be, in runs of about `size` rows.

    Rows are taken in the order of their keys, so that a history has one order of events only.
    """
    rows = {
        scope: dict(sorted(found.items(), key=itemgetter(0)))
        for scope, found in touched.rows.items()
    }
    yield wanted_orgs(context, rows[Scope.ORG])
    yield wanted_sessions(context, rows[Scope.SCHOOL_YEAR], rows[Scope.TERM])
    for run in runs(rows[Scope.COURSE].items(), size):
        yield await wanted_courses(connection, context, dict(run))
    for run in runs(rows[Scope.SECTION].items(), size):
        sections = await gather_sections(connection, integers(dict(run)))
        yield wanted_classes(context, sections, dict(run))
    for run in runs(rows[Scope.PERSON].items(), size):
        people = await gather_people(connection, integers(dict(run)))
        for wanted in wanted_people(context, people, dict(run)):
            yield wanted
    former = rows[Scope.PERSON_GUID]
    held = await gather_held_guids(connection, map(str, former))
    lost = {str(guid): (None, number) for guid, number in former.items() if guid not in held}
    yield Wanted(Entity.USERS, {**lost})
    yield Wanted(Entity.DEMOGRAPHICS, {**lost})
    for run in runs(rows[Scope.ROSTER].items(), size):
        yield await wanted_rosters(connection, context, dict(run))
    for run in runs(rows[Scope.SECTION_STAFF].items(), size):
        yield await wanted_staff(connection, context, dict(run))


def integers(keys: Iterable[Key]) -> list[int]:
    """Row ids as numbers."""
    return [int(key) for key in keys]


def wanted_orgs(context: Context, keys: Mapping[Key, int]) -> Wanted:
    """Districts and schools."""
    records: dict[str, tuple[Draft | None, int]] = {}
    for key, number in keys.items():
        guid = str(key)
        is_district = guid in context.reference.districts
        verdict = (build_district if is_district else build_school)(context, guid)
        records[guid] = to_draft(Entity.ORGS, verdict), number
    return Wanted(Entity.ORGS, records)


def wanted_sessions(context: Context, years: Mapping[Key, int], terms: Mapping[Key, int]) -> Wanted:
    """School years, terms, and each term's grading period."""
    entity = Entity.ACADEMIC_SESSIONS
    records: dict[str, tuple[Draft | None, int]] = {}
    for year, number in years.items():
        verdict = build_school_year(context, int(year))
        records[school_year_sourced_id(int(year))] = to_draft(entity, verdict), number
    for key, number in terms.items():
        term = int(key)
        records[str(term)] = to_draft(entity, build_term(context, term)), number
        verdict = build_grading_period(context, term)
        records[grading_period_sourced_id(term)] = to_draft(entity, verdict), number
    return Wanted(entity, records)


async def wanted_courses(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> Wanted:
    """Courses."""
    courses = await gather_courses(connection, integers(keys))
    records: dict[str, tuple[Draft | None, int]] = {}
    for key, number in keys.items():
        course = courses.get(int(key))
        draft = to_draft(Entity.COURSES, build_course(context, course)) if course else None
        records[str(key)] = draft, number
    return Wanted(Entity.COURSES, records)


def wanted_classes(
    context: Context, sections: Mapping[int, SectionFacts], keys: Mapping[Key, int]
) -> Wanted:
    """Classes."""
    records: dict[str, tuple[Draft | None, int]] = {}
    for key, number in keys.items():
        section = sections.get(int(key))
        draft = to_draft(Entity.CLASSES, build_class(context, section)) if section else None
        records[str(key)] = draft, number
    return Wanted(Entity.CLASSES, records)


def wanted_people(
    context: Context, people: Mapping[int, PersonFacts], keys: Mapping[Key, int]
) -> Iterator[Wanted]:
    """Users and demographics; a person without a row is dealt with under the former GUID."""
    users: dict[str, tuple[Draft | None, int]] = {}
    demographics: dict[str, tuple[Draft | None, int]] = {}
    for key, number in keys.items():
        person = people.get(int(key))
        if person is None:
            continue
        guid = person.person.person_guid
        users[guid] = to_draft(Entity.USERS, build_user(context, person)), number
        verdict = build_demographics(context, person)
        demographics[guid] = to_draft(Entity.DEMOGRAPHICS, verdict), number
    yield Wanted(Entity.USERS, users)
    yield Wanted(Entity.DEMOGRAPHICS, demographics)


async def wanted_rosters(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> Wanted:
    """Enrollments of students."""
    rows = await gather_places(connection, ROSTERS, "roster_id", integers(keys))
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})
    records: dict[str, tuple[Draft | None, int]] = {
        roster_sourced_id(int(key)): (None, number) for key, number in keys.items()
    }
    for row in rows:
        roster = to_roster(row, people, sections)
        if roster is not None:
            draft = to_draft(Entity.ENROLLMENTS, build_roster_enrollment(context, roster))
            records[roster_sourced_id(roster.roster_id)] = draft, keys[roster.roster_id]
    return Wanted(Entity.ENROLLMENTS, records)


async def wanted_staff(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> Wanted:
    """Enrollments of teachers."""
    rows = await gather_places(connection, SECTION_STAFF, "section_staff_id", integers(keys))
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})
    records: dict[str, tuple[Draft | None, int]] = {
        staff_sourced_id(int(key)): (None, number) for key, number in keys.items()
    }
    for row in rows:
        staff = to_staff(row, people, sections)
        if staff is not None:
            draft = to_draft(Entity.ENROLLMENTS, build_staff_enrollment(context, staff))
            records[staff_sourced_id(staff.section_staff_id)] = draft, keys[staff.section_staff_id]
    return Wanted(Entity.ENROLLMENTS, records)
