"""Places in classes with their people and sections, as a person, a section or a row id has them."""

from collections.abc import Iterable

import asyncpg

from rosterline.projector.explain.dossiers import Missing, Place
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


async def gather_all_places(
    connection: asyncpg.Connection, column: str, key: int
) -> list[Place | Missing]:
    """The students' and teachers' places of a person or a section, in order of their ids."""
    rosters = await gather_places(connection, ROSTERS, column, [key])
    staff = await gather_places(connection, SECTION_STAFF, column, [key])
    return await complete(connection, rosters, staff)


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
    connection: asyncpg.Connection, rosters: list[Row], staff: list[Row]
) -> list[Place | Missing]:
    """Rows of `roster` and `section_staff` with what they refer to."""
    rows = [*rosters, *staff]
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
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
