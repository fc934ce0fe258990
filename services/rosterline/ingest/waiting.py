"""Lines that wait for what the roster does not know yet.

A line waits until what it names has come, its time is over, or a later command concerns the same
record. It is kept here, and its message is acknowledged.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson

from rosterline.events.commands import CommandOperation
from rosterline.ingest.command import Name
from rosterline.ingest.lines import Key, Line, Sender
from rosterline.ingest.unit import Task
from rosterline.oneroster.vocabulary import Entity

COLUMNS: Final = (
    "app, command_id, line, operation, collection, sourced_id, body, received_at, until"
)
KEEP: Final = f"""
INSERT INTO rosterline.waiting_line ({COLUMNS})
SELECT {COLUMNS} FROM jsonb_to_recordset($1::jsonb) AS row (
    app text, command_id text, line int, operation text, collection text, sourced_id text,
    body jsonb, received_at timestamptz, until timestamptz
)
"""
NEXT: Final = f"""
SELECT {COLUMNS}, place FROM rosterline.waiting_line WHERE place > $1 ORDER BY place LIMIT $2
"""
DUE: Final = f"""
SELECT {COLUMNS}, place FROM rosterline.waiting_line WHERE until <= $1 ORDER BY place LIMIT $2
"""
CONCERNED: Final = f"""
SELECT {COLUMNS}, place FROM unnest($1::text[], $2::text[]) AS wanted (collection, sourced_id)
JOIN rosterline.waiting_line USING (collection, sourced_id) ORDER BY place
"""
DROP: Final = """
DELETE FROM rosterline.waiting_line USING jsonb_to_recordset($1::jsonb) AS row (
    app text, command_id text, line int
)
WHERE waiting_line.app = row.app AND waiting_line.command_id = row.command_id
    AND waiting_line.line = row.line
"""
UNFINISHED: Final = """
SELECT DISTINCT app, command_id FROM unnest($1::text[], $2::text[]) AS wanted (app, command_id)
JOIN rosterline.waiting_line USING (app, command_id)
"""
ANY: Final = "SELECT EXISTS (SELECT FROM rosterline.waiting_line)"
# What may let a line go on: another state of the roster, or its time.
MOVED: Final = """
SELECT (SELECT last_stamp FROM rosterline.clock),
    EXISTS (SELECT FROM rosterline.waiting_line WHERE until <= $1)
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line that waits; `place` is the order in which lines came."""

    name: Name
    number: int
    operation: CommandOperation
    key: Key
    body: dict[str, Any] | None
    received: datetime
    until: datetime
    place: int

    def task(self, sender: Sender, *, last_chance: bool = False) -> Task:
        """The line, to be decided again."""
        line = Line(sender, self.operation, *self.key, self.received, self.body)
        return Task(self.number, self.key, line, until=None if last_chance else self.until)


def to_waiting(row: asyncpg.Record) -> Waiting:
    """A row of `NEXT` or `CONCERNED`."""
    return Waiting(
        name=(row["app"], row["command_id"]),
        number=row["line"],
        operation=CommandOperation(row["operation"]),
        key=(Entity(row["collection"]), row["sourced_id"]),
        body=None if row["body"] is None else orjson.loads(row["body"]),
        received=row["received_at"],
        until=row["until"],
        place=row["place"],
    )


async def keep_waiting(connection: asyncpg.Connection, found: Iterable[tuple[Name, Task]]) -> bool:
    """Let lines wait; whether there were any."""
    rows = [
        {
            "app": app,
            "command_id": command_id,
            "line": task.number,
            "operation": task.line.operation,
            "collection": task.line.entity,
            "sourced_id": task.line.sourced_id,
            "body": task.line.body,
            "received_at": task.line.received,
            "until": task.until,
        }
        for (app, command_id), task in found
        if task.line is not None
    ]
    if rows:
        await connection.execute(KEEP, orjson.dumps(rows).decode())
    return bool(rows)


async def has_waiting(connection: asyncpg.Connection) -> bool:
    """Whether any line waits."""
    return bool(await connection.fetchval(ANY))


async def fetch_moved(
    connection: asyncpg.Connection, now: datetime
) -> tuple[datetime | None, bool]:
    """The roster's last stamp, and whether the time of a line is over."""
    row = await connection.fetchrow(MOVED, now)
    return (None, False) if row is None else (row[0], row[1])


async def fetch_next(connection: asyncpg.Connection, place: int, most: int) -> list[Waiting]:
    """The lines behind a place, in order."""
    return [to_waiting(row) for row in await connection.fetch(NEXT, place, most)]


async def fetch_due(connection: asyncpg.Connection, now: datetime, most: int) -> list[Waiting]:
    """The first of the lines whose time is over."""
    return [to_waiting(row) for row in await connection.fetch(DUE, now, most)]


async def fetch_concerned(connection: asyncpg.Connection, keys: Collection[Key]) -> list[Waiting]:
    """The lines that are about one of these records, in order."""
    if not keys:
        return []
    collections, ids = zip(*keys, strict=True)
    rows = await connection.fetch(CONCERNED, [entity.value for entity in collections], list(ids))
    return [to_waiting(row) for row in rows]


async def drop_waiting(connection: asyncpg.Connection, decided: Iterable[tuple[Name, int]]) -> None:
    """Forget lines that are decided."""
    rows = [
        {"app": app, "command_id": command_id, "line": number}
        for (app, command_id), number in decided
    ]
    if rows:
        await connection.execute(DROP, orjson.dumps(rows).decode())


async def fetch_unfinished(connection: asyncpg.Connection, names: Collection[Name]) -> set[Name]:
    """Those of the commands of which some line waits."""
    if not names:
        return set()
    apps, ids = zip(*names, strict=True)
    rows = await connection.fetch(UNFINISHED, list(apps), list(ids))
    return {(row[0], row[1]) for row in rows}
