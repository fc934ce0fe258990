"""Rows of the mirror whose turn it is between two days, found through the indexes on their dates.

Rows come through a cursor in portions of bounded size: a term's end may flip a million on one day.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import date

import asyncpg

from rosterline.projector.flips import FLIPS, Flip
from rosterline.projector.scopes import SCOPES, Touched
from rosterline.projector.spread import spread

# The columns by which `scopes` tells what a row concerns. A place in a class comes beside the
# others of its person, so that a portion asks for few people.
COLUMNS: dict[str, tuple[str, ...]] = {
    "enrollment": ("person_id",),
    "district_assignment": ("person_id",),
    "relationship": ("student_person_id", "related_person_id"),
    "roster": ("person_id", "roster_id"),
    "section_staff": ("person_id", "section_staff_id"),
}
WITH_CALENDAR = """
JOIN mirror.calendar ON calendar.calendar_id = flipping.calendar_id
    AND calendar.end_date <> flipping.end_date"""


def due_statement(flip: Flip) -> str:
    """Asks for the rows with a date between two days, in an order that is always the same."""
    columns = ", ".join(f"flipping.{name}" for name in COLUMNS[flip.table])
    return (
        f"SELECT {columns} FROM mirror.{flip.table} AS flipping"
        f"{WITH_CALENDAR if flip.with_calendar else ''} "
        f"WHERE flipping.{flip.column} BETWEEN $1 AND $2 "
        f"ORDER BY flipping.{flip.column}, {columns}"
    )


async def due(
    connection: asyncpg.Connection, since: date, until: date, size: int
) -> AsyncIterator[Touched]:
    """All that rows concern which flip after day `since` and until day `until`, each thing once.

    Needs an open transaction.
    """
    known = Touched()
    for flip in FLIPS:
        cursor = await connection.cursor(due_statement(flip), *flip.dates(since, until))
        while rows := await cursor.fetch(size):
            touched = concerned(flip, rows)
            await spread(connection, touched)
            take_away_known(touched, known)
            yield touched


def concerned(flip: Flip, rows: Iterable[asyncpg.Record]) -> Touched:
    """What the rows concern: the same as if they had been changed."""
    touched = Touched()
    for row in rows:
        image = dict(row)
        for scope, key in SCOPES[flip.table](image, image):
            touched.add(scope, key, 0)
    return touched


def take_away_known(touched: Touched, known: Touched) -> None:
    """Leave out what came in an earlier portion, and remember the rest for the later ones."""
    for scope, rows in touched.rows.items():
        for key in rows.keys() & known.rows[scope].keys():
            del rows[key]
        known.rows[scope].update(rows)
