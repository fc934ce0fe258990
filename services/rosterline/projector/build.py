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

from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.draft import Draft, in_v1p1, to_draft
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

ORGS = Collection(Version.V1P2, Entity.ORGS)
SESSIONS = Collection(Version.V1P2, Entity.ACADEMIC_SESSIONS)
COURSES = Collection(Version.V1P2, Entity.COURSES)
CLASSES = Collection(Version.V1P2, Entity.CLASSES)
USERS = Collection(Version.V1P2, Entity.USERS)
DEMOGRAPHICS = Collection(Version.V1P2, Entity.DEMOGRAPHICS)
ENROLLMENTS = Collection(Version.V1P2, Entity.ENROLLMENTS)
PEOPLE = (USERS, DEMOGRAPHICS)


Records = dict[str, tuple[Draft | None, int]]
Rows = Mapping[Scope, Mapping[Key, int]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What records of a collection should be: a draft, or None for none, and who touched it."""

    collection: Collection
    records: Records


def in_both(entity: Entity, records: Records) -> Iterator[Wanted]:
    """Records that the two versions write alike, but for their addresses."""
    yield Wanted(Collection(Version.V1P2, entity), records)
    older = {
        sourced_id: (in_v1p1(draft), number) for sourced_id, (draft, number) in records.items()
    }
    yield Wanted(Collection(Version.V1P1, entity), older)


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
    for wanted in wanted_foundation(context, rows):
        yield wanted
    async for wanted in build_curriculum(connection, context, rows, size):
        yield wanted
    async for wanted in build_people(connection, context, rows, size):
        yield wanted


async def build_curriculum(
    connection: asyncpg.Connection, context: Context, rows: Rows, size: int
) -> AsyncIterator[Wanted]:
    """Courses and classes."""
    for run in runs(rows[Scope.COURSE].items(), size):
        records = await wanted_courses(connection, context, dict(run))
        for wanted in in_both(Entity.COURSES, records):
            yield wanted
    for run in runs(rows[Scope.SECTION].items(), size):
        sections = await gather_sections(connection, integers(dict(run)))
        for wanted in in_both(Entity.CLASSES, wanted_classes(context, sections, dict(run))):
            yield wanted


async def build_people(
    connection: asyncpg.Connection, context: Context, rows: Rows, size: int
) -> AsyncIterator[Wanted]:
    """People, and then their places in classes."""
    for run in runs(rows[Scope.PERSON].items(), size):
        people = await gather_people(connection, integers(dict(run)))
        for wanted in wanted_people(context, people, dict(run)):
            yield wanted
    for wanted in await wanted_former(connection, rows[Scope.PERSON_GUID]):
        yield wanted
    for run in runs(rows[Scope.ROSTER].items(), size):
        for wanted in await wanted_rosters(connection, context, dict(run)):
            yield wanted
    for run in runs(rows[Scope.SECTION_STAFF].items(), size):
        for wanted in await wanted_staff(connection, context, dict(run)):
            yield wanted


def integers(keys: Iterable[Key]) -> list[int]:
    """Row ids as numbers."""
    return [int(key) for key in keys]


def wanted_foundation(context: Context, rows: Rows) -> Iterator[Wanted]:
    """What stands in the small tables: districts and schools, years and terms."""
    yield from in_both(Entity.ORGS, wanted_orgs(context, rows[Scope.ORG]))
    sessions = wanted_sessions(context, rows[Scope.SCHOOL_YEAR], rows[Scope.TERM])
    yield from in_both(Entity.ACADEMIC_SESSIONS, sessions)


def wanted_orgs(context: Context, keys: Mapping[Key, int]) -> Records:
    """Districts and schools."""
    records: Records = {}
    for key, number in keys.items():
        guid = str(key)
        is_district = guid in context.reference.districts
        verdict = (build_district if is_district else build_school)(context, guid)
        records[guid] = to_draft(ORGS, verdict), number
    return records


def wanted_sessions(
    context: Context, years: Mapping[Key, int], terms: Mapping[Key, int]
) -> Records:
    """School years, terms, and each term's grading period."""
    records: Records = {}
    for year, number in years.items():
        verdict = build_school_year(context, int(year))
        records[school_year_sourced_id(int(year))] = to_draft(SESSIONS, verdict), number
    for key, number in terms.items():
        term = int(key)
        records[str(term)] = to_draft(SESSIONS, build_term(context, term)), number
        verdict = build_grading_period(context, term)
        records[grading_period_sourced_id(term)] = to_draft(SESSIONS, verdict), number
    return records


async def wanted_courses(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> Records:
    """Courses."""
    courses = await gather_courses(connection, integers(keys))
    records: Records = {}
    for key, number in keys.items():
        course = courses.get(int(key))
        draft = to_draft(COURSES, build_course(context, course)) if course else None
        records[str(key)] = draft, number
    return records


def wanted_classes(
    context: Context, sections: Mapping[int, SectionFacts], keys: Mapping[Key, int]
) -> Records:
    """Classes."""
    records: Records = {}
    for key, number in keys.items():
        section = sections.get(int(key))
        draft = to_draft(CLASSES, build_class(context, section)) if section else None
        records[str(key)] = draft, number
    return records


def wanted_people(
    context: Context, people: Mapping[int, PersonFacts], keys: Mapping[Key, int]
) -> Iterator[Wanted]:
    """Users and demographics; a person without a row is dealt with under the former GUID in 1.2."""
    found: dict[Collection, Records] = {collection: {} for collection in PEOPLE}
    for key, number in keys.items():
        person = people.get(int(key))
        if person is None:
            continue
        drafts = drafts_of_person(context, person)
        for collection, sourced_id, draft in drafts:
            found[collection][sourced_id] = draft, number
    for collection, records in found.items():
        yield Wanted(collection, records)


def drafts_of_person(
    context: Context, person: PersonFacts
) -> Iterator[tuple[Collection, str, Draft | None]]:
    """All records that a person may become."""
    guid = person.person.person_guid
    yield USERS, guid, to_draft(USERS, build_user(context, person))
    yield DEMOGRAPHICS, guid, to_draft(DEMOGRAPHICS, build_demographics(context, person))


async def wanted_former(connection: asyncpg.Connection, former: Mapping[Key, int]) -> list[Wanted]:
    """GUIDs that a person had; what nobody has now is gone."""
    held = await gather_held_guids(connection, map(str, former))
    lost: Records = {
        str(guid): (None, number) for guid, number in former.items() if guid not in held
    }
    return [Wanted(USERS, lost), Wanted(DEMOGRAPHICS, lost)]


async def wanted_rosters(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> list[Wanted]:
    """Enrollments of students."""
    rows = await gather_places(connection, ROSTERS, "roster_id", integers(keys))
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})
    records: Records = {roster_sourced_id(int(key)): (None, number) for key, number in keys.items()}
    for row in rows:
        roster = to_roster(row, people, sections)
        if roster is not None:
            sourced_id, number = roster_sourced_id(roster.roster_id), keys[roster.roster_id]
            verdict = build_roster_enrollment(context, roster)
            records[sourced_id] = to_draft(ENROLLMENTS, verdict), number
    return [Wanted(ENROLLMENTS, records)]


async def wanted_staff(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> list[Wanted]:
    """Enrollments of teachers."""
    rows = await gather_places(connection, SECTION_STAFF, "section_staff_id", integers(keys))
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})
    records: Records = {staff_sourced_id(int(key)): (None, number) for key, number in keys.items()}
    for row in rows:
        staff = to_staff(row, people, sections)
        if staff is not None:
            sourced_id = staff_sourced_id(staff.section_staff_id)
            number = keys[staff.section_staff_id]
            verdict = build_staff_enrollment(context, staff)
            records[sourced_id] = to_draft(ENROLLMENTS, verdict), number
    return [Wanted(ENROLLMENTS, records)]
