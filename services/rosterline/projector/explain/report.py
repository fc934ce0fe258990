"""Walks the whole mirror, as it is at one moment, and counts what becomes of it. Reads only.

People come in portions, so that memory does not grow with the district.
"""

from collections.abc import Callable
from datetime import date

import asyncpg

from rosterline.projector.explain.dossiers import find_places, row_of
from rosterline.projector.explain.findings import (
    find_class,
    find_course,
    find_org,
    find_person,
    find_sessions,
)
from rosterline.projector.explain.gathering import gather_all_places
from rosterline.projector.explain.store import fetch_is_loading
from rosterline.projector.explain.tally import Report, Tally
from rosterline.projector.facts import Context, Switches
from rosterline.projector.gather import (
    gather_courses,
    gather_people,
    gather_reference,
    gather_sections,
)
from rosterline.projector.holds import fetch_waiting
from rosterline.projector.load import count_people, portions
from rosterline.projector.scopes import Scope, Touched
from rosterline.projector.store import fetch_clock
from rosterline.projector.wanted import integers, runs

PEOPLE = 1000
Progress = Callable[[str, int, int], None]


async def report(
    connection: asyncpg.Connection, today: date, progress: Progress, people: int = PEOPLE
) -> Report:
    """The counts for the day for which the projector has evaluated, or else for `today`."""
    tally = Tally()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        clock = await fetch_clock(connection)
        context = Context(
            await gather_reference(connection),
            clock.evaluated_on or today,
            clock.switches or Switches(),
        )
        total, done = await count_people(connection), 0
        count_foundation(context, tally)
        async for touched in portions(connection, people):
            await count_curriculum(connection, context, touched, tally)
            done += await count_portion(connection, context, touched, tally)
            progress("people", done, total)
        is_loading = await fetch_is_loading(connection)
        is_held = bool(await fetch_waiting(connection))
    return tally.report(context, is_loading=is_loading, is_held=is_held)


def count_foundation(context: Context, tally: Tally) -> None:
    """Districts, schools, school years and terms."""
    tables = context.reference
    for guid in (*tables.districts, *tables.schools):
        tally.add(find_org(context, guid))
    tally.add(find_sessions(context, tables.school_years, tables.terms))


async def count_curriculum(
    connection: asyncpg.Connection, context: Context, touched: Touched, tally: Tally
) -> None:
    """Courses and sections."""
    for course_ids in runs(touched.rows[Scope.COURSE], PEOPLE):
        for course in (await gather_courses(connection, integers(course_ids))).values():
            found = list(find_course(context, course))
            tally.add(found)
            tally.add_row("courses", ("course", course.course_id), found[0].reason)
    for section_ids in runs(touched.rows[Scope.SECTION], PEOPLE):
        for section in (await gather_sections(connection, integers(section_ids))).values():
            found = list(find_class(context, section))
            tally.add(found)
            tally.add_row("sections", ("section", section.section_id), found[0].reason)


async def count_portion(
    connection: asyncpg.Connection, context: Context, touched: Touched, tally: Tally
) -> int:
    """People with their places in classes; how many people."""
    person_ids = integers(touched.rows[Scope.PERSON])
    people = await gather_people(connection, person_ids)
    for facts in people.values():
        tally.add(find_person(context, facts))
        tally.add_person(context, facts)
    for place in await gather_all_places(connection, "person_id", person_ids, people):
        found = find_places(context, [place])
        tally.add(found)
        tally.add_row("class enrollments", row_of(place), found[0].reason)
    return len(person_ids)
