"""Messages that cannot be worked off: how often that was tried, and those that were put aside.

What is put aside waits for an operator, who sends it again or drops it. Reasons name the kind of
failure and its place, never what a message holds.
"""

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson

from rosterline.db.errors import describe
from rosterline.events.commands import State
from rosterline.ingest.command import Arrival, Name
from rosterline.ingest.lines import Key

OURS: Final = "rosterline"
OUR_HEADERS: Final = "Rosterline-"
DIED: Final = "the process died while it was worked off"
# An attempt that is forgotten with a crash of PostgreSQL only makes one more.
HURRY: Final = "SET LOCAL synchronous_commit = off"
NOTE: Final = """
INSERT INTO rosterline.attempt (stream, sequence, attempts)
SELECT $1, unnest($2::bigint[]), 1
ON CONFLICT (stream, sequence) DO UPDATE SET attempts = attempt.attempts + 1
RETURNING sequence, attempts
"""
BEGUN: Final = """
SELECT EXISTS (SELECT FROM rosterline.attempt WHERE stream = $1 AND sequence = ANY($2::bigint[]))
"""
FORGET: Final = "DELETE FROM rosterline.attempt WHERE stream <> $1 OR sequence <= $2"
LAST_REVISION: Final = """
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM rosterline.revision
"""
BURY: Final = """
INSERT INTO rosterline.dead_letter
    (app, command_id, subject, headers, data, received_at, reason, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
BURY_AGAIN: Final = """
UPDATE rosterline.dead_letter SET reason = $2, died_at = now(), sent_again_at = NULL
WHERE letter_id = $1
"""
HOLD: Final = f"""
INSERT INTO rosterline.command
    (app, command_id, state, lines, stored, rejections, is_told, accepted_at)
VALUES ($1, $2, '{State.HELD}', $3, 0, '[]', $4, $5)
ON CONFLICT (app, command_id) DO UPDATE SET state = '{State.HELD}'
WHERE command.state = '{State.QUEUED}'
"""
LETTERS: Final = """
SELECT letter_id, app, command_id, subject, headers, data, received_at, reason, revision, died_at,
    sent_again_at
FROM rosterline.dead_letter
"""
ONE: Final = f"{LETTERS} WHERE letter_id = $1 AND app = $2 AND command_id = $3"
ALL: Final = f"{LETTERS} ORDER BY letter_id"
SENT: Final = "UPDATE rosterline.dead_letter SET sent_again_at = now() WHERE letter_id = $1"
END: Final = "DELETE FROM rosterline.dead_letter WHERE letter_id = ANY($1::bigint[])"
DROP_SETTLED: Final = f"""
DELETE FROM rosterline.dead_letter WHERE letter_id = $1 AND NOT EXISTS (
    SELECT FROM rosterline.command
    WHERE command.app = dead_letter.app AND command.command_id = dead_letter.command_id
        AND command.state = '{State.HELD}'
) RETURNING true
"""
OVERTAKEN: Final = """
SELECT collection, sourced_id FROM unnest($1::text[], $2::text[]) AS wanted (collection, sourced_id)
JOIN records.document USING (collection, sourced_id)
WHERE document.revision > (SELECT revision FROM rosterline.dead_letter WHERE letter_id = $3)
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was put aside."""

    letter_id: int
    app: str
    command_id: str
    subject: str
    headers: dict[str, str]
    data: bytes
    received_at: datetime
    reason: str
    revision: int
    died_at: datetime
    sent_again_at: datetime | None


def to_letter(row: asyncpg.Record) -> Letter:
    """A row of `LETTERS`."""
    known: dict[str, Any] = dict(row)
    return Letter(**known | {"headers": orjson.loads(known["headers"])})


def reason_of(error: Exception) -> str:
    """The kind of a failure, and where in our code it happened."""
    places = [
        f"{frame.name} in {frame.filename.rpartition(OURS)[2].lstrip('/')}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if f"/{OURS}/" in frame.filename
    ]
    kind = describe(error) if isinstance(error, asyncpg.PostgresError) else type(error).__name__
    return f"{kind} at {places[-1]}" if places else kind


async def note_attempts(
    connection: asyncpg.Connection, stream: str, sequences: Collection[int]
) -> dict[int, int]:
    """Note that messages are about to be worked off; how often they were begun, with this time."""
    async with connection.transaction():
        await connection.execute(HURRY)
        rows = await connection.fetch(NOTE, stream, list(sequences))
    return {row[0]: row[1] for row in rows}


async def were_begun(
    connection: asyncpg.Connection, stream: str, sequences: Collection[int]
) -> bool:
    """Whether any of the messages was begun before, and not ended."""
    return bool(await connection.fetchval(BEGUN, stream, list(sequences)))


async def forget_attempts(connection: asyncpg.Connection, stream: str, until: int) -> None:
    """All up to this message is worked off."""
    await connection.execute(FORGET, stream, until)


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that say something of the command; others may direct JetStream."""
    return {
        name: storable(value) for name, value in headers.items() if name.startswith(OUR_HEADERS)
    }


async def bury(
    connection: asyncpg.Connection,
    arrival: Arrival,
    name: Name,
    reason: str,
    *,
    lines: int,
    is_told: bool,
) -> None:
    """Put a message aside, for an operator; whatever it holds, this does not fail of it.

    What no connection has sent awaits no verdict.
    """
    app, command_id = map(storable, name)
    async with connection.transaction():
        revision = await connection.fetchval(LAST_REVISION)
        headers = orjson.dumps(own_headers(arrival.headers)).decode()
        subject = storable(arrival.subject)
        held = (subject, headers, arrival.data, arrival.received, reason, revision)
        await connection.execute(BURY, app, command_id, *held)
        if app:
            await connection.execute(HOLD, app, command_id, lines, is_told, arrival.received)


async def bury_again(connection: asyncpg.Connection, letter_id: int, reason: str) -> None:
    """Put a message aside that an operator had sent again."""
    await connection.execute(BURY_AGAIN, letter_id, reason)


async def find_letter(
    connection: asyncpg.Connection, letter_id: int | None, name: Name
) -> Letter | None:
    """A command's letter; None when it was worked off since, or is another command's."""
    row = await connection.fetchrow(ONE, letter_id, *name) if letter_id else None
    return None if row is None else to_letter(row)


async def fetch_letters(connection: asyncpg.Connection) -> list[Letter]:
    """All letters, the oldest first."""
    return [to_letter(row) for row in await connection.fetch(ALL)]


async def mark_sent(connection: asyncpg.Connection, letter_id: int) -> None:
    """Note that a letter was sent again."""
    await connection.execute(SENT, letter_id)


async def end_letters(connection: asyncpg.Connection, letter_ids: Sequence[int]) -> None:
    """Forget letters whose commands have their verdicts."""
    if letter_ids:
        await connection.execute(END, letter_ids)


async def fetch_overtaken(
    connection: asyncpg.Connection, keys: Collection[Key], letter_id: int
) -> frozenset[Key]:
    """Those of the records that were written after the letter was put aside."""
    if not keys:
        return frozenset()
    by_id = {(entity.value, sourced_id): (entity, sourced_id) for entity, sourced_id in keys}
    collections, ids = zip(*by_id, strict=True)
    rows = await connection.fetch(OVERTAKEN, list(collections), list(ids), letter_id)
    return frozenset(by_id[row[0], row[1]] for row in rows)


async def drop_settled(connection: asyncpg.Connection, letter_id: int) -> bool:
    """Forget a letter on which nobody waits for a verdict; whether it is such a one."""
    return bool(await connection.fetchval(DROP_SETTLED, letter_id))
