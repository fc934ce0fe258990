"""Places in classes with their people and sections, as a person, a section or a row id has them."""

from collections.abc import Iterable

import asyncpg

from rosterline.projector.explain.dossiers import Missing, Place
from rosterline.projector.facts import PersonFacts
from rosterline.projector.gather import (
    ROSTERS,
    SECTION_STAFF,
    gather_people,
    gather_places,
    gather_sections,
    to_roster,
    to_staff,
)

Row = asyncpg.Record
People = dict[int, PersonFacts]


async def gather_all_places(
    connection: asyncpg.Connection, column: str, keys: Iterable[int], people: People | None = None
) -> list[Place | Missing]:
    """The students' and teachers' places of people or sections, in order of their ids."""
    wanted = list(keys)
    rosters = await gather_places(connection, ROSTERS, column, wanted)
    staff = await gather_places(connection, SECTION_STAFF, column, wanted)
    return await complete(connection, rosters, staff, people)


async def gather_place(
    connection: asyncpg.Connection, letter: str, key: int
) -> list[Place | Missing]:
    """The one place with this id, if there is one."""
    if letter == "r":
        rosters = await gather_places(connection, ROSTERS, "roster_id", [key])
        return await complete(connection, rosters, [])
    staff = await gather_places(connection, SECTION_STAFF, "section_staff_id", [key])
    return await complete(connection, [], staff)


async def complete(
    connection: asyncpg.Connection,
    rosters: list[Row],
    staff: list[Row],
    known: People | None = None,
) -> list[Place | Missing]:
    """Rows of `roster` and `section_staff` with what they refer to; the people may be known."""
    rows = [*rosters, *staff]
    person_ids = {row["person_id"] for row in rows}
    people = known or await gather_people(connection, person_ids, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})

    def missing(letter: str, row: Row) -> Missing:
        if row["person_id"] in people:
            return Missing(f"{letter}{row[0]}", "section", row["section_id"])
        return Missing(f"{letter}{row[0]}", "person", row["person_id"])

    return [
        *(to_roster(row, people, sections) or missing("r", row) for row in in_order(rosters)),
        *(to_staff(row, people, sections) or missing("t", row) for row in in_order(staff)),
    ]


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by their first column, the key."""
    return sorted(rows, key=lambda row: row[0])
