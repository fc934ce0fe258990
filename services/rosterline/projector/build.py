"""Touched rows → the records that they should be now: gathers facts, asks the rules.

Results come in runs of bounded size, parents before what refers to them, so that a transaction of
any size needs a bounded amount of memory.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from operator import itemgetter

import asyncpg

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.build_people import build_people
from rosterline.projector.draft import to_draft
from rosterline.projector.facts import Context, SectionFacts
from rosterline.projector.gather import gather_courses, gather_sections
from rosterline.projector.rules.courses import build_class, build_course
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.schools import reach_of
from rosterline.projector.rules.sessions import (
    build_grading_period,
    build_school_year,
    build_term,
    grading_period_sourced_id,
    school_year_sourced_id,
)
from rosterline.projector.scopes import Key, Scope, Touched
from rosterline.projector.wanted import (
    CLASSES,
    COURSES,
    ORGS,
    SESSIONS,
    Records,
    Rows,
    Wanted,
    in_both,
    integers,
    runs,
)


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
        records[guid] = to_draft(ORGS, verdict, reach_of(context, verdict)), number
    return records


def wanted_sessions(
    context: Context, years: Mapping[Key, int], terms: Mapping[Key, int]
) -> Records:
    """School years, terms, and each term's grading period."""
    records: Records = {}
    for year, number in years.items():
        verdict = build_school_year(context, int(year))
        draft = to_draft(SESSIONS, verdict, reach_of(context, verdict))
        records[school_year_sourced_id(int(year))] = draft, number
    for key, number in terms.items():
        term = int(key)
        verdict = build_term(context, term)
        records[str(term)] = to_draft(SESSIONS, verdict, reach_of(context, verdict)), number
        verdict = build_grading_period(context, term)
        draft = to_draft(SESSIONS, verdict, reach_of(context, verdict))
        records[grading_period_sourced_id(term)] = draft, number
    return records


async def wanted_courses(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> Records:
    """Courses."""
    courses = await gather_courses(connection, integers(keys))
    records: Records = {}
    for key, number in keys.items():
        course = courses.get(int(key))
        records[str(key)] = None, number
        if course is not None:
            verdict = build_course(context, course)
            records[str(key)] = to_draft(COURSES, verdict, reach_of(context, verdict)), number
    return records


def wanted_classes(
    context: Context, sections: Mapping[int, SectionFacts], keys: Mapping[Key, int]
) -> Records:
    """Classes."""
    records: Records = {}
    for key, number in keys.items():
        section = sections.get(int(key))
        records[str(key)] = None, number
        if section is not None:
            verdict = build_class(context, section)
            records[str(key)] = to_draft(CLASSES, verdict, reach_of(context, verdict)), number
    return records
