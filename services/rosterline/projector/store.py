"""The read model, the outbox, the clock and the cursor: all SQL with which they are written.

Functions take a connection; the transaction belongs to the caller.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg

from rosterline.config.errors import OperatorError
from rosterline.db.tables.read_model import TABLE_NAMES
from rosterline.events.change import OUTBOX_PREFIX
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import ALL_COLLECTIONS, Collection, Entity
from rosterline.projector.clock import ClockState
from rosterline.projector.draft import Draft, tombstone
from rosterline.projector.facts import Switches
from rosterline.projector.rules.schools import Reach
from rosterline.projector.sending import (
    LINES,
    LISTS,
    OWN_COLUMNS,
    column_kinds,
    lines,
    received,
    sent,
    value,
)
from rosterline.projector.writes import Stored, Write, scopes_of

TABLE: dict[Collection, str] = {
    collection: f"{collection.version.value}.{TABLE_NAMES[collection.entity]}"
    for collection in ALL_COLLECTIONS
}
# Who waits for written records to be shown listens here.
REVISION_CHANNEL = "rosterline_revision"
EMIT = f"""
SELECT count(pg_logical_emit_message(true, '{OUTBOX_PREFIX}', message))
FROM unnest($1::text[]) AS message
"""
CLOCK = """
SELECT epoch, last_stamp, last_sequence, ready, evaluated_on, switches::text
FROM rosterline.clock WHERE id = 1
"""
# The timeline tells a database restored to a point in time from the one that it was.
SETTLE_EPOCH = """
WITH now AS (
    SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS server
    FROM pg_control_system()
)
UPDATE rosterline.clock
SET server = now.server,
    epoch = CASE WHEN clock.server IS NULL THEN epoch
                 ELSE substr(md5(gen_random_uuid()::text), 1, 8) END
FROM now WHERE id = 1 AND clock.server IS DISTINCT FROM now.server
RETURNING epoch
"""
LOCK = "SELECT last_stamp, last_sequence FROM rosterline.clock WHERE id = 1 FOR UPDATE"
ADVANCE = "UPDATE rosterline.clock SET last_stamp = $1, last_sequence = $2 WHERE id = 1"
MARK_EVALUATED = """
UPDATE rosterline.clock SET evaluated_on = $1, switches = $2::jsonb, ready = ready OR $3
WHERE id = 1
"""
CURSOR = """
SELECT created, sequence, position, loading, epoch FROM rosterline.cursor WHERE stream = $1
"""
SAVE_CURSOR = """
INSERT INTO rosterline.cursor
    (stream, created, sequence, position, loading, applied_at, committed_at, epoch)
VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6, $7)
ON CONFLICT (stream) DO UPDATE SET
    created = excluded.created, sequence = excluded.sequence, position = excluded.position,
    loading = excluded.loading, applied_at = excluded.applied_at, epoch = excluded.epoch,
    committed_at = coalesce(excluded.committed_at, cursor.committed_at)
"""


SHOW_REVISION = f"""
WITH shown AS (
    UPDATE rosterline.cursor SET revision = greatest(revision, $2) WHERE stream = $1
    RETURNING revision
)
SELECT pg_notify('{REVISION_CHANNEL}', revision::text) FROM shown
"""
TABLES_OF_SCHEMA = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1
"""
BEGIN_TASK = """
INSERT INTO rosterline.progress (task, done, total) VALUES ($1, 0, $2)
ON CONFLICT (task) DO UPDATE SET done = 0, total = excluded.total
"""
ADVANCE_TASK = "UPDATE rosterline.progress SET done = done + $2 WHERE task = $1"
END_TASK = "DELETE FROM rosterline.progress WHERE task = $1"


class AnotherProjectorError(OperatorError):
    """Another projector writes this database."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream has been applied."""

    created: str
    sequence: int
    position: str
    loading: bool
    epoch: int = 0


async def outbox_has_reader(connection: asyncpg.Connection, slot: str) -> bool:
    """Whether the slot that reads the outbox is there: events written before it would be lost.

    A slot in the making stands in the list already, but reads nothing until it has a position.
    """
    return bool(
        await connection.fetchval(
            "SELECT count(*) FROM pg_replication_slots "
            "WHERE slot_name = $1 AND confirmed_flush_lsn IS NOT NULL",
            slot,
        )
    )


async def fetch_clock(connection: asyncpg.Connection) -> ClockState:
    """The clock as stored."""
    (row,) = await connection.fetch(CLOCK)
    switches = row["switches"]
    return ClockState(
        row["epoch"],
        row["last_stamp"],
        row["last_sequence"],
        row["ready"],
        row["evaluated_on"],
        None if switches is None else Switches(**json.loads(switches)),
    )


async def settle_epoch(connection: asyncpg.Connection) -> None:
    """Name a new history if the database is another than the one that counted: ids are for ever."""
    await connection.execute(SETTLE_EPOCH)


async def lock_clock(connection: asyncpg.Connection, clock: ClockState) -> ClockState:
    """Hold the clock until the transaction ends, and answer it as it is now.

    Who changes what a connection sees takes a stamp as well, so that the last one may have moved.
    Raises AnotherProjectorError when somebody else counted events.
    """
    (row,) = await connection.fetch(LOCK)
    if row["last_sequence"] != clock.last_sequence:
        raise AnotherProjectorError("the clock was moved by another projector")
    return replace(clock, last_stamp=row["last_stamp"])


async def advance_clock(connection: asyncpg.Connection, after: ClockState) -> None:
    """Store the stamp and the sequence that were given out last."""
    await connection.execute(ADVANCE, after.last_stamp, after.last_sequence)


async def mark_evaluated(connection: asyncpg.Connection, after: ClockState) -> None:
    """Store for which day and with which switches the records hold, and that they are whole."""
    switches = json.dumps(asdict(after.switches)) if after.switches else None
    await connection.execute(MARK_EVALUATED, after.evaluated_on, switches, after.ready)


async def fetch_cursor(connection: asyncpg.Connection, stream: str) -> Cursor | None:
    """How far the stream was applied."""
    row = await connection.fetchrow(CURSOR, stream)
    return Cursor(*row) if row else None


async def save_cursor(
    connection: asyncpg.Connection,
    stream: str,
    cursor: Cursor,
    committed_at: datetime | None = None,
) -> None:
    """Store how far the stream is applied, in the transaction that applies it."""
    await connection.execute(
        SAVE_CURSOR,
        stream,
        cursor.created,
        cursor.sequence,
        cursor.position,
        cursor.loading,
        committed_at,
        cursor.epoch,
    )


async def show_revision(connection: asyncpg.Connection, stream: str, revision: int) -> None:
    """Store, and tell who listens, up to which revision documents are shown from this commit on."""
    await connection.execute(SHOW_REVISION, stream, revision)


async def begin_task(connection: asyncpg.Connection, task: str, total: int) -> None:
    """Let operators see a long task."""
    await connection.execute(BEGIN_TASK, task, total)


async def advance_task(connection: asyncpg.Connection, task: str, count: int) -> None:
    """So much more of the task is done."""
    await connection.execute(ADVANCE_TASK, task, count)


async def end_task(connection: asyncpg.Connection, task: str) -> None:
    """The task is done."""
    await connection.execute(END_TASK, task)


async def analyze(connection: asyncpg.Connection, schema: str) -> None:
    """Tell the planner what a schema holds that was empty a moment ago."""
    for (table,) in await connection.fetch(TABLES_OF_SCHEMA, schema):
        await connection.execute(f"ANALYZE {table}")


async def fetch_stored(
    connection: asyncpg.Connection, collection: Collection, sourced_ids: Iterable[str]
) -> dict[str, Stored]:
    """What the read model holds of the records."""
    places = "places" if collection.entity is Entity.USERS else "NULL::text[]"
    rows = await connection.fetch(
        f"SELECT sourced_id, status, digest, schools, {places} FROM {TABLE[collection]} "
        f"WHERE sourced_id = ANY({received(1, LINES)})",
        lines(sourced_ids),
    )
    return {
        sourced_id: Stored(status, digest, scopes_of(schools, held))
        for sourced_id, status, digest, schools, held in rows
    }


async def fetch_tombstones(
    connection: asyncpg.Connection, collection: Collection, vanished: dict[str, int]
) -> list[Write]:
    """Deletions of records, as they were last seen."""
    if not vanished:
        return []
    columns = "".join(f", {name}" for name in OWN_COLUMNS[collection.entity])
    alternative = "alternative" if collection.entity is Entity.USERS else "NULL::text"
    rows = await connection.fetch(
        f"SELECT sourced_id, document, {alternative}, schools{columns} FROM {TABLE[collection]} "
        "WHERE sourced_id = ANY($1::text[])",
        list(vanished),
    )
    found = {row["sourced_id"]: row for row in rows}
    return [
        Write(dead(collection, found[sourced_id]), "deleted", transaction, was_active=True)
        for sourced_id, transaction in vanished.items()
    ]


def dead(collection: Collection, row: asyncpg.Record) -> Draft:
    """The draft of a stored record's tombstone."""
    sourced_id, document, alternative, schools, *_ = row
    columns = {
        name: tuple(row[name] or ()) if kind == LISTS else row[name]
        for name, kind in OWN_COLUMNS[collection.entity].items()
    }
    reach = Reach(None if schools is None else tuple(schools))
    return tombstone(collection, sourced_id, (document, alternative), columns, reach)


def upsert_statement(collection: Collection) -> str:
    """Insert or update rows whose columns are given as `sent` makes them; the stamp comes first."""
    kinds = column_kinds(collection.entity)
    names = ", ".join(kinds)
    given = ", ".join(received(number, kind) for number, kind in enumerate(kinds.values(), 2))
    values = ", ".join(value(name, kind) for name, kind in kinds.items())
    updates = ", ".join(f"{name} = excluded.{name}" for name in kinds if name != "sourced_id")
    return (
        f"INSERT INTO {TABLE[collection]} ({names}, date_last_modified) "
        f"SELECT {values}, $1::timestamptz FROM unnest({given}) AS given ({names}) "
        f"ON CONFLICT (sourced_id) DO UPDATE SET {updates}, "
        "date_last_modified = excluded.date_last_modified"
    )


UPSERT: dict[Collection, str] = {
    collection: upsert_statement(collection) for collection in ALL_COLLECTIONS
}


async def upsert(
    connection: asyncpg.Connection, writes: list[Write], stamp: datetime, sequences: list[int]
) -> None:
    """Store records of one collection, each with its event's number."""
    text = format_stamp(stamp)
    drafts = [write.draft for write in writes]
    collection = drafts[0].collection
    columns: dict[str, list[Any]] = {
        "sourced_id": [draft.sourced_id for draft in drafts],
        "status": [draft.status for draft in drafts],
        "document": [draft.stamped(text) for draft in drafts],
        "digest": [draft.digest for draft in drafts],
        "sequence": sequences,
        "schools": [draft.schools for draft in drafts],
        **{
            name: [draft.columns[name] for draft in drafts]
            for name in OWN_COLUMNS[collection.entity]
        },
    }
    if collection.entity is Entity.USERS:
        columns["alternative"] = [draft.alternative_stamped(text) for draft in drafts]
    arguments = [
        sent(columns[name], kind) for name, kind in column_kinds(collection.entity).items()
    ]
    await connection.execute(UPSERT[collection], stamp, *arguments)


async def emit(connection: asyncpg.Connection, messages: list[str]) -> None:
    """Put events into the WAL; they are there if and only if the transaction commits."""
    await connection.execute(EMIT, messages)
