"""The read model, the outbox, the clock and the cursor: all SQL with which they are written.

Functions take a connection; the transaction belongs to the caller.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from rosterline.events.change import OUTBOX_PREFIX
from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.clock import ClockState
from rosterline.projector.draft import EXTRA_COLUMNS, Draft, Extra, tombstone
from rosterline.projector.writes import Stored, Write

TABLE: dict[Entity, str] = {
    Entity.ORGS: "v1p2.orgs",
    Entity.ACADEMIC_SESSIONS: "v1p2.academic_sessions",
    Entity.COURSES: "v1p2.courses",
    Entity.CLASSES: "v1p2.classes",
    Entity.USERS: "v1p2.users",
    Entity.DEMOGRAPHICS: "v1p2.demographics",
    Entity.ENROLLMENTS: "v1p2.enrollments",
}
EXTRA_TYPES = {"type": "text", "is_student": "boolean", "is_teacher": "boolean"}

# Records that no row of the mirror could still stand for; asked when a mirror was filled anew.
ORPHANS: dict[Entity, str] = {
    Entity.ORGS: """
SELECT sourced_id FROM v1p2.orgs WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.district WHERE district_guid::text = sourced_id)
AND NOT EXISTS (SELECT FROM mirror.school WHERE school_guid::text = sourced_id)""",
    Entity.ACADEMIC_SESSIONS: """
SELECT sourced_id FROM v1p2.academic_sessions WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.term WHERE term_id::text = sourced_id)
AND NOT EXISTS (SELECT FROM mirror.term WHERE 'gp' || term_id = sourced_id)
AND NOT EXISTS (SELECT FROM mirror.school_year WHERE 'sy' || school_year_id = sourced_id)""",
    Entity.COURSES: """
SELECT sourced_id FROM v1p2.courses WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.course WHERE course_id::text = sourced_id)""",
    Entity.CLASSES: """
SELECT sourced_id FROM v1p2.classes WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.section WHERE section_id::text = sourced_id)""",
    Entity.USERS: """
SELECT sourced_id FROM v1p2.users WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.person WHERE person_guid::text = sourced_id)""",
    Entity.DEMOGRAPHICS: """
SELECT sourced_id FROM v1p2.demographics WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.person WHERE person_guid::text = sourced_id)""",
    Entity.ENROLLMENTS: """
SELECT sourced_id FROM v1p2.enrollments WHERE status = 'active'
AND NOT EXISTS (SELECT FROM mirror.roster WHERE 'r' || roster_id = sourced_id)
AND NOT EXISTS (SELECT FROM mirror.section_staff WHERE 't' || section_staff_id = sourced_id)""",
}
EMIT = f"""
SELECT count(pg_logical_emit_message(true, '{OUTBOX_PREFIX}', message))
FROM unnest($1::text[]) AS message
"""
CLOCK = "SELECT epoch, last_stamp, last_sequence, ready FROM rosterline.clock WHERE id = 1"
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
ADVANCE = """
UPDATE rosterline.clock SET last_stamp = $1, last_sequence = $2, ready = $3
WHERE id = 1 AND last_sequence = $4 RETURNING id
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


TABLES_OF_SCHEMA = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1
"""
BEGIN_TASK = """
INSERT INTO rosterline.progress (task, done, total) VALUES ($1, 0, $2)
ON CONFLICT (task) DO UPDATE SET done = 0, total = excluded.total
"""
ADVANCE_TASK = "UPDATE rosterline.progress SET done = done + $2 WHERE task = $1"
END_TASK = "DELETE FROM rosterline.progress WHERE task = $1"


class AnotherProjectorError(Exception):
    """Another projector writes this database."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream has been applied."""

    created: str
    sequence: int
    position: str
    loading: bool
    epoch: int = 0


async def try_lock(connection: asyncpg.Connection, district: str) -> bool:
    """Become the district's one writer, for this session."""
    return bool(
        await connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", f"projector {district}"
        )
    )


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
    return ClockState(*row)


async def settle_epoch(connection: asyncpg.Connection) -> None:
    """Name a new history if the database is another than the one that counted: ids are for ever."""
    await connection.execute(SETTLE_EPOCH)


async def advance_clock(
    connection: asyncpg.Connection, before: ClockState, after: ClockState
) -> None:
    """Store the clock; raises AnotherProjectorError when it is not where we left it."""
    moved = await connection.fetchval(
        ADVANCE, after.last_stamp, after.last_sequence, after.ready, before.last_sequence
    )
    if moved is None:
        raise AnotherProjectorError("the clock was moved by another projector")


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
    connection: asyncpg.Connection, entity: Entity, sourced_ids: Iterable[str]
) -> dict[str, Stored]:
    """What the read model holds of the records."""
    rows = await connection.fetch(
        f"SELECT sourced_id, status, digest FROM {TABLE[entity]} "
        "WHERE sourced_id = ANY($1::text[])",
        list(sourced_ids),
    )
    return {row["sourced_id"]: Stored(row["status"], row["digest"]) for row in rows}


async def fetch_tombstones(
    connection: asyncpg.Connection, entity: Entity, vanished: dict[str, int]
) -> list[Write]:
    """Deletions of records, as they were last seen."""
    if not vanished:
        return []
    columns = "".join(f", {name}" for name in EXTRA_COLUMNS.get(entity, ()))
    rows = await connection.fetch(
        f"SELECT sourced_id, document{columns} FROM {TABLE[entity]} "
        "WHERE sourced_id = ANY($1::text[])",
        list(vanished),
    )
    found = {row["sourced_id"]: row for row in rows}
    return [
        Write(dead(entity, found[sourced_id]), "deleted", transaction)
        for sourced_id, transaction in vanished.items()
    ]


def dead(entity: Entity, row: asyncpg.Record) -> Draft:
    """The draft of a stored record's tombstone."""
    sourced_id, document, *extra = row
    return tombstone(entity, sourced_id, document, tuple(extra))


async def fetch_orphans(connection: asyncpg.Connection, entity: Entity) -> list[str]:
    """Active records that nothing in the mirror stands for."""
    return [row[0] for row in await connection.fetch(ORPHANS[entity])]


def upsert_statement(entity: Entity) -> str:
    """Insert or update rows given as arrays of ids, statuses, documents, digests, sequences."""
    extra = EXTRA_COLUMNS.get(entity, ())
    names = "".join(f", {name}" for name in extra)
    arrays = "".join(
        f", ${number}::{EXTRA_TYPES[name]}[]" for number, name in enumerate(extra, start=7)
    )
    updates = "".join(f", {name} = excluded.{name}" for name in extra)
    return (
        f"INSERT INTO {TABLE[entity]} AS stored "
        f"(sourced_id, status, document, digest, sequence{names}, date_last_modified) "
        "SELECT given.*, $3::timestamptz FROM "
        f"unnest($1::text[], $2::text[], $4::text[], $5::bytea[], $6::bigint[]{arrays}) AS given "
        "ON CONFLICT (sourced_id) DO UPDATE SET status = excluded.status, "
        "document = excluded.document, digest = excluded.digest, sequence = excluded.sequence, "
        f"date_last_modified = excluded.date_last_modified{updates}"
    )


UPSERT: dict[Entity, str] = {entity: upsert_statement(entity) for entity in Entity}


async def upsert(
    connection: asyncpg.Connection,
    writes: list[Write],
    documents: list[str],
    stamp: datetime,
    sequences: list[int],
) -> None:
    """Store records of one entity, each with its event's number."""
    drafts = [write.draft for write in writes]
    extras: list[Extra] = [draft.extra for draft in drafts]
    columns = [list(column) for column in zip(*extras, strict=True)]
    await connection.execute(
        UPSERT[drafts[0].entity],
        [draft.sourced_id for draft in drafts],
        [draft.status for draft in drafts],
        stamp,
        documents,
        [draft.digest for draft in drafts],
        sequences,
        *columns,
    )


async def emit(connection: asyncpg.Connection, messages: list[str]) -> None:
    """Put events into the WAL; they are there if and only if the transaction commits."""
    await connection.execute(EMIT, messages)
