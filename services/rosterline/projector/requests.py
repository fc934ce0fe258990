"""What operators ask of the one writer, as rows of `rosterline.request`: all SQL of them.

A request is locked while it is worked off, so that it is withdrawn before or not at all.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg

ASK = "INSERT INTO rosterline.request (kind) VALUES ($1) RETURNING request_id"
NEXT = """
SELECT request_id, kind FROM rosterline.request
WHERE ended_at IS NULL AND kind = ANY($1::text[]) ORDER BY request_id LIMIT 1
"""
TAKE = """
SELECT request_id FROM rosterline.request WHERE request_id = $1 AND ended_at IS NULL FOR UPDATE
"""
END = """
UPDATE rosterline.request SET ended_at = clock_timestamp(), outcome = $2::jsonb
WHERE request_id = $1
"""
WITHDRAW = """
DELETE FROM rosterline.request WHERE request_id = (
    SELECT request_id FROM rosterline.request
    WHERE request_id = $1 AND ended_at IS NULL FOR UPDATE SKIP LOCKED
) RETURNING request_id
"""
OUTCOME = """
SELECT outcome::text FROM rosterline.request WHERE request_id = $1 AND ended_at IS NOT NULL
"""

Outcome = dict[str, Any]


class Kind(StrEnum):
    """What can be asked for; a released rebuild is not stopped by the guard."""

    REBUILD = "rebuild"
    RELEASED_REBUILD = "rebuild-released"


@dataclass(frozen=True, slots=True)
class Request:
    """Something that is asked for."""

    request_id: int
    kind: Kind


async def ask(connection: asyncpg.Connection, kind: Kind) -> int:
    """Ask for something; the request's id."""
    return int(await connection.fetchval(ASK, kind))


async def fetch_request(connection: asyncpg.Connection) -> Request | None:
    """The oldest request that is not done."""
    row = await connection.fetchrow(NEXT, list(Kind))
    return Request(row["request_id"], Kind(row["kind"])) if row else None


async def take(connection: asyncpg.Connection, request_id: int) -> bool:
    """Lock a request until the transaction's end; whether it still stands."""
    return await connection.fetchval(TAKE, request_id) is not None


async def end_request(connection: asyncpg.Connection, request_id: int, outcome: Outcome) -> None:
    """Note what came of a request, in the transaction that does it."""
    await connection.execute(END, request_id, json.dumps(outcome))


async def withdraw(connection: asyncpg.Connection, request_id: int) -> bool:
    """Take a request back; False if it is under way or done."""
    return await connection.fetchval(WITHDRAW, request_id) is not None


async def fetch_outcome(connection: asyncpg.Connection, request_id: int) -> Outcome | None:
    """What came of a request; None while it is not done."""
    text = await connection.fetchval(OUTCOME, request_id)
    return None if text is None else dict(json.loads(text))
