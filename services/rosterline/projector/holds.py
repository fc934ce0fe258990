"""What the guard holds (G10), as rows of `rosterline.hold`: for the projector and for operators.

All SQL of holds; the transaction belongs to the caller.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import asyncpg
from typing_extensions import override

from rosterline.oneroster.vocabulary import Collection
from rosterline.projector.store import TABLE

# Counts no further than it must: a limit of NULL counts all.
COUNT_ACTIVE = """
SELECT count(*) FROM (SELECT FROM {table} WHERE status = 'active' LIMIT $1::bigint) AS found
"""
COLUMNS = "hold_id, sequence, transaction, losses::text, held_at, released_at"
WAITING = f"""
SELECT {COLUMNS} FROM rosterline.hold WHERE released_at IS NULL AND ended_at IS NULL
ORDER BY hold_id
"""
LATEST = f"""
SELECT {COLUMNS} FROM rosterline.hold
WHERE stream = $1 AND created = $2 AND ended_at IS NULL ORDER BY hold_id DESC LIMIT 1
"""
BEGIN = f"""
INSERT INTO rosterline.hold (stream, created, sequence, transaction, losses, held_at)
VALUES ($1, $2, $3, $4, $5::jsonb, clock_timestamp())
RETURNING {COLUMNS}
"""
CHANGE = f"""
UPDATE rosterline.hold SET losses = $2::jsonb WHERE hold_id = $1 RETURNING {COLUMNS}
"""
RELEASE = f"""
UPDATE rosterline.hold SET released_at = clock_timestamp()
WHERE hold_id = $1 AND released_at IS NULL AND ended_at IS NULL RETURNING {COLUMNS}
"""
END_PASSED = """
UPDATE rosterline.hold SET ended_at = clock_timestamp()
WHERE stream = $1 AND ended_at IS NULL AND (created <> $2 OR sequence <= $3)
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """How many records of a collection would go, of how many that are active."""

    collection: str
    losses: int
    active: int

    @override
    def __str__(self) -> str:
        return f"{self.losses:,} of {self.active:,} {self.collection}"


@dataclass(frozen=True, slots=True)
class Hold:
    """A transaction that waits for its release: its name, and its message's sequence."""

    hold_id: int
    sequence: int
    transaction: str
    losses: tuple[Loss, ...]
    held_at: datetime
    released_at: datetime | None

    @property
    def is_released(self) -> bool:
        """Whether an operator lets it go on."""
        return self.released_at is not None


def to_hold(row: asyncpg.Record) -> Hold:
    """A hold of its row."""
    hold_id, sequence, transaction, losses, held_at, released_at = row
    found = tuple(Loss(**loss) for loss in json.loads(losses))
    return Hold(hold_id, sequence, transaction, found, held_at, released_at)


def as_text(losses: Iterable[Loss]) -> str:
    """Losses as JSON."""
    return json.dumps([asdict(loss) for loss in losses])


async def count_active(
    connection: asyncpg.Connection, collection: Collection, most: int | None = None
) -> int:
    """How many records of a collection are active, but not more than `most`."""
    query = COUNT_ACTIVE.format(table=TABLE[collection])
    return int(await connection.fetchval(query, most))


async def fetch_hold(connection: asyncpg.Connection, stream: str, created: str) -> Hold | None:
    """What is held of a stream, released or not; a stream has one hold at most."""
    row = await connection.fetchrow(LATEST, stream, created)
    return to_hold(row) if row else None


async def fetch_waiting(connection: asyncpg.Connection) -> list[Hold]:
    """What waits for an operator."""
    return [to_hold(row) for row in await connection.fetch(WAITING)]


async def begin_hold(
    connection: asyncpg.Connection,
    place: tuple[str, str, int],
    transaction: str,
    losses: tuple[Loss, ...],
) -> Hold:
    """Hold a transaction; one that is met again keeps its hold. `place`: stream, created, sequence.

    A second look may count other losses: another day may have begun.
    """
    stream, created, sequence = place
    known = await fetch_hold(connection, stream, created)
    if known is None or known.sequence != sequence:
        (row,) = await connection.fetch(BEGIN, *place, transaction, as_text(losses))
    else:
        (row,) = await connection.fetch(CHANGE, known.hold_id, as_text(losses))
    return to_hold(row)


async def release(connection: asyncpg.Connection, hold_id: int) -> Hold | None:
    """Let a held transaction go on; None if there is none that waits."""
    row = await connection.fetchrow(RELEASE, hold_id)
    return to_hold(row) if row else None


async def end_passed(
    connection: asyncpg.Connection, stream: str, created: str, sequence: int
) -> None:
    """End the holds that are met no more: the stream is applied up to `sequence`."""
    await connection.execute(END_PASSED, stream, created, sequence)
