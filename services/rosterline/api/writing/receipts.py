"""What can be asked of commands: rows of `rosterline.command`, and of batches that came over HTTP.

Ingest writes the verdicts; here a command is noted when its writer is told to ask for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import orjson

from rosterline.api.borrowing import borrow
from rosterline.events.commands import FINAL, Rejection, State, Verdict

NOTE = """
INSERT INTO rosterline.command (app, command_id, state, lines, stored, rejections)
VALUES ($1, $2, 'queued', $3, 0, '[]') ON CONFLICT DO NOTHING
"""
NOTE_BATCH = """
INSERT INTO rosterline.command_batch (app, batch_id, lines, commands) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
# Lines that no message could hold are a message of their own, whose lines count from the first.
NOTE_REFUSED = """
INSERT INTO rosterline.command
    (app, command_id, state, lines, stored, rejections, batch_id, first_line, decided_at)
VALUES ($1, $2 || '-refused', 'rejected', $3, 0, $4::text::jsonb, $2, 1, now())
ON CONFLICT DO NOTHING
"""
VERDICT = """
SELECT state, lines, stored, rejections, status, revision FROM rosterline.command
WHERE app = $1 AND command_id = $2 AND state = ANY($3::text[])
"""
BATCH = "SELECT lines, commands FROM rosterline.command_batch WHERE app = $1 AND batch_id = $2"
LOOKED_AT = """
SELECT count(*) FROM rosterline.command WHERE app = $1 AND batch_id = $2 AND state <> 'queued'
"""
COUNTED = """
SELECT count(*) AS commands, coalesce(sum(lines), 0) AS lines, coalesce(sum(stored), 0) AS stored,
    coalesce(sum(jsonb_array_length(rejections)), 0) AS rejected,
    array_agg(DISTINCT state) AS states, max(status) AS status,
    max(revision) FILTER (WHERE stored > 0) AS revision
FROM rosterline.command
WHERE app = $1 AND CASE WHEN $3 THEN batch_id = $2 ELSE command_id = $2 END
"""
REJECTIONS = """
SELECT command.first_line - 1 + (found.told ->> 'line')::int AS line, found.told::text AS told
FROM rosterline.command AS command,
    jsonb_array_elements(command.rejections) AS found (told)
WHERE app = $1 AND CASE WHEN $3 THEN batch_id = $2 ELSE command_id = $2 END
ORDER BY line LIMIT $4 OFFSET $5
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a command stands, or a batch of them; `rejections` are those of the page asked for.

    `rejected` counts all of them. `status` is that of HTTP, of a command of one line. `revision` is
    what the read model must have reached to show all that was stored.
    """

    state: State
    lines: int
    stored: int
    rejected: int
    rejections: tuple[Rejection, ...]
    status: int | None
    is_batch: bool
    revision: int | None


class Receipts:
    """Notes commands, and finds what became of them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def note(self, app: str, command_id: str, lines: int) -> None:
        """A command that somebody may ask for; what is known of it already stays."""
        async with borrow(self._pool) as connection:
            await connection.execute(NOTE, app, command_id, lines)

    async def note_batch(
        self, app: str, batch_id: str, *, lines: int, commands: int, refused: Sequence[Rejection]
    ) -> None:
        """A batch that is whole, and what was refused of it before ingest could see it."""
        told = orjson.dumps([each.model_dump(by_alias=True) for each in refused]).decode()
        async with borrow(self._pool) as connection, connection.transaction():
            if refused:
                await connection.execute(NOTE_REFUSED, app, batch_id, len(refused), told)
            total = commands + bool(refused)
            await connection.execute(NOTE_BATCH, app, batch_id, lines, total)

    async def count_looked_at(self, app: str, batch_id: str) -> int:
        """How many commands of a batch ingest has worked off."""
        async with borrow(self._pool) as connection:
            return int(await connection.fetchval(LOOKED_AT, app, batch_id))

    async def find_verdict(self, app: str, command_id: str) -> Verdict | None:
        """The verdict on a command, once there is one."""
        async with borrow(self._pool) as connection:
            row = await connection.fetchrow(VERDICT, app, command_id, list(FINAL))
        if row is None:
            return None
        rejections = orjson.loads(row["rejections"])
        known = {**row, "rejections": rejections, "command": command_id, "app": app}
        return Verdict.model_validate({**known, "decidedAt": ""})

    async def find(self, app: str, name: str, *, limit: int, offset: int) -> Receipt | None:
        """What an app may know of the command or batch of this name."""
        if "\0" in name:
            return None
        async with borrow(self._pool) as connection:
            batch = await connection.fetchrow(BATCH, app, name)
            is_batch = batch is not None
            (counted,) = await connection.fetch(COUNTED, app, name, is_batch)
            found = await connection.fetch(REJECTIONS, app, name, is_batch, limit, offset)
        if batch is None and not counted["commands"]:
            return None
        rejections = (
            Rejection.model_validate(orjson.loads(row["told"]) | {"line": row["line"]})
            for row in found
        )
        return Receipt(
            state=_state(counted, batch),
            lines=counted["lines"] if batch is None else batch["lines"],
            stored=counted["stored"],
            rejected=counted["rejected"],
            rejections=tuple(rejections),
            status=counted["status"],
            is_batch=is_batch,
            revision=counted["revision"],
        )


def _state(counted: asyncpg.Record, batch: asyncpg.Record | None) -> State:
    """Of a batch: what holds up any part of it, else what became of all."""
    states = {State(each) for each in counted["states"] or ()}
    if batch is not None and counted["commands"] < batch["commands"]:
        states.add(State.QUEUED)
    for state in (State.HELD, State.QUEUED, State.WAITING):
        if state in states:
            return state
    return states.pop() if len(states) == 1 and states <= FINAL else State.MIXED
