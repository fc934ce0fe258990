"""What ingest keeps: documents, and the commands with their verdicts; and whom it takes them from.

Called within the worker's one transaction. Rows travel as one JSON text each statement: that is one
value to send, and the server takes it apart.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import asyncpg
import orjson

from rosterline.bus.topology import VERDICT_SECONDS
from rosterline.events.commands import FINAL, State, Verdict
from rosterline.ingest.command import Name
from rosterline.ingest.facts import Document
from rosterline.ingest.lines import Sender
from rosterline.ingest.verdicts import Kept
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import Version

SENDERS: Final = """
SELECT app, version, scopes, schools, client_id FROM rosterline.connection
WHERE app = ANY($1::text[])
"""
VERSIONS: Final = {"1.2": Version.V1P2, "1.1": Version.V1P1}
KEPT: Final = """
command.app, command.command_id, command.state, command.lines, command.stored, command.rejections,
command.status, command.revision, command.number, command.is_told, command.decided_at,
command.accepted_at, command.batch_id, command.first_line
"""
KNOWN: Final = f"""
SELECT {KEPT}
FROM unnest($1::text[], $2::text[]) AS wanted (app, command_id)
JOIN rosterline.command USING (app, command_id)
"""
NUMBERS: Final = """
SELECT wanted.app, last.number FROM unnest($1::text[]) AS wanted (app) CROSS JOIN LATERAL (
    SELECT number FROM rosterline.command
    WHERE command.app = wanted.app AND number IS NOT NULL ORDER BY number DESC LIMIT 1
) AS last
"""
TOLD_APPS: Final = """
SELECT app FROM rosterline.connection
WHERE EXISTS (SELECT FROM rosterline.command WHERE command.app = connection.app
              AND command.number IS NOT NULL)
"""
# A connection of the same name that was made later has nothing to do with them, and what is older
# than any verdict that its stream holds was told, and has gone from there since.
UNTOLD: Final = f"""
SELECT {KEPT} FROM rosterline.command JOIN rosterline.connection USING (app)
WHERE app = $1 AND number > $2 AND decided_at >= connection.created_at
    AND decided_at > now() - $3 * interval '1 second'
ORDER BY number LIMIT 500
"""
# The last number of a connection stays: the next one follows it.
PURGE: Final = """
DELETE FROM rosterline.command WHERE (app, command_id) IN (
    SELECT app, command_id FROM rosterline.command
    WHERE decided_at < now() - $1 * interval '1 hour' AND number IS DISTINCT FROM (
        SELECT max(newest.number) FROM rosterline.command AS newest WHERE newest.app = command.app
    )
    ORDER BY decided_at LIMIT $2
)
"""
PURGE_BATCHES: Final = """
DELETE FROM rosterline.command_batch
WHERE accepted_at < now() - $1 * interval '1 hour' AND NOT EXISTS (
    SELECT FROM rosterline.command
    WHERE command.app = command_batch.app AND command.batch_id = command_batch.batch_id
)
"""
# Within a unit a place may be given up by one result and taken by another: all are given up first.
VACATE: Final = """
UPDATE records.document SET minute = NULL
FROM jsonb_to_recordset($1::jsonb) AS row (collection text, sourced_id text)
WHERE document.collection = row.collection AND document.sourced_id = row.sourced_id
    AND document.collection = 'assessmentResults'
"""
DOCUMENT_COLUMNS: Final = (
    "collection, sourced_id, body, is_deleted, app, line_item_id, parent_id, student_id, class_id, "
    "category_id, score_scale_id, session_id, minute"
)
# Of a record that goes only its tombstone's status is told: it is large perhaps, and one of many.
WRITTEN_COLUMNS: Final = DOCUMENT_COLUMNS.replace(
    "body",
    """
    CASE WHEN is_partial THEN (
        SELECT stored.body || row.body FROM records.document AS stored
        WHERE stored.collection = row.collection AND stored.sourced_id = row.sourced_id
    ) ELSE body END""",
)
UPDATED: Final = ", ".join(
    f"{name} = excluded.{name}" for name in [*DOCUMENT_COLUMNS.split(", ")[2:], "revision"]
)
WRITE: Final = f"""
INSERT INTO records.document ({DOCUMENT_COLUMNS}, revision)
SELECT {WRITTEN_COLUMNS}, $2
FROM jsonb_to_recordset($1::jsonb) AS row (
    collection text, sourced_id text, body jsonb, is_deleted boolean, app text, line_item_id text,
    parent_id text, student_id text, class_id text, category_id text, score_scale_id text,
    session_id text, minute timestamptz, is_partial boolean
)
ON CONFLICT (collection, sourced_id) DO UPDATE SET {UPDATED}
"""
# Only those that were committed: what waits for another one would wait in vain.
LAST_REVISION: Final = "SELECT max(revision) FROM rosterline.command"
REVISION: Final = "SELECT nextval('rosterline.revision')"
COMMAND_COLUMNS: Final = (
    "app, command_id, state, lines, stored, rejections, status, revision, batch_id, first_line, "
    "number, is_told, accepted_at, decided_at"
)
DECIDED: Final = ", ".join(
    f"{name} = excluded.{name}"
    for name in (
        *("state", "lines", "stored", "rejections", "status", "revision", "number"),
        *("is_told", "decided_at"),
    )
)
KEEP: Final = f"""
INSERT INTO rosterline.command ({COMMAND_COLUMNS})
SELECT {COMMAND_COLUMNS} FROM jsonb_to_recordset($1::jsonb) AS row (
    app text, command_id text, state text, lines int, stored int, rejections jsonb, status int,
    revision bigint, batch_id text, first_line int, number bigint, is_told boolean,
    accepted_at timestamptz, decided_at timestamptz
)
ON CONFLICT (app, command_id) DO UPDATE SET {DECIDED}
"""


async def fetch_senders(connection: asyncpg.Connection, apps: Iterable[str]) -> dict[str, Sender]:
    """The connections of these names; unknown ones are absent."""
    rows = await connection.fetch(SENDERS, list(apps))
    return {
        row["app"]: Sender(
            row["app"],
            VERSIONS[row["version"]],
            frozenset(row["scopes"]),
            None if row["schools"] is None else frozenset(row["schools"]),
            row["client_id"],
        )
        for row in rows
    }


async def fetch_known(connection: asyncpg.Connection, names: Iterable[Name]) -> dict[Name, Kept]:
    """The commands that stand in the database already."""
    apps, ids = zip(*names, strict=True)
    rows = await connection.fetch(KNOWN, list(apps), list(ids))
    return {(row["app"], row["command_id"]): to_kept(row) for row in rows}


def to_kept(row: asyncpg.Record) -> Kept:
    """A row of `KEPT`."""
    decided_at = row["decided_at"]
    verdict = Verdict(
        command=row["command_id"],
        app=row["app"],
        state=State(row["state"]),
        lines=row["lines"],
        stored=row["stored"],
        rejections=orjson.loads(row["rejections"]),
        status=row["status"],
        revision=row["revision"],
        decided_at="" if decided_at is None else format_stamp(decided_at),
    )
    return Kept(
        verdict,
        row["is_told"],
        row["accepted_at"],
        row["number"],
        row["batch_id"],
        row["first_line"],
    )


async def fetch_numbers(connection: asyncpg.Connection, apps: Iterable[str]) -> dict[str, int]:
    """The last number of a verdict that each connection was given; 0 before the first."""
    wanted = list(apps)
    rows = await connection.fetch(NUMBERS, wanted)
    return dict.fromkeys(wanted, 0) | {row[0]: row[1] for row in rows}


async def write_documents(
    connection: asyncpg.Connection, documents: Sequence[Document], *, carefully: bool
) -> int:
    """Store the documents; the revision under which they are stored.

    Raises UniqueViolationError when another result has a student's minute, also one of these that
    is about to give it up: `carefully` is for a second attempt, and writes each result twice.
    """
    revision = int(await connection.fetchval(REVISION))
    rows = as_rows(documents)
    if carefully:
        await connection.execute(VACATE, rows)
    await connection.execute(WRITE, rows, revision)
    return revision


def as_rows(documents: Iterable[Document]) -> str:
    """The documents as the JSON of their rows."""
    return orjson.dumps(
        [
            {
                "collection": document.entity,
                "sourced_id": document.sourced_id,
                "body": {"status": document.body["status"]}
                if document.is_partial
                else document.body,
                "is_deleted": document.is_deleted,
                "app": document.app,
                "line_item_id": document.line_item_id,
                "parent_id": document.parent_id,
                "student_id": document.student_id,
                "class_id": document.class_id,
                "category_id": document.category_id,
                "score_scale_id": document.score_scale_id,
                "session_id": document.session_id,
                "minute": document.minute,
                "is_partial": document.is_partial,
            }
            for document in documents
        ]
    ).decode()


async def keep_commands(connection: asyncpg.Connection, found: Iterable[Kept]) -> None:
    """Store how commands stand."""
    rows = [to_row(kept) for kept in found]
    if rows:
        await connection.execute(KEEP, orjson.dumps(rows).decode())


def to_row(kept: Kept) -> dict[str, Any]:
    """A command's row."""
    verdict = kept.verdict
    return {
        "app": verdict.app,
        "command_id": verdict.command,
        "state": verdict.state,
        "lines": verdict.lines,
        "stored": verdict.stored,
        "rejections": [rejection.model_dump(by_alias=True) for rejection in verdict.rejections],
        "status": verdict.status,
        "revision": verdict.revision,
        "batch_id": kept.batch_id,
        "first_line": kept.first_line,
        "number": kept.number,
        "is_told": kept.is_told,
        "accepted_at": kept.accepted_at,
        "decided_at": verdict.decided_at if verdict.state in FINAL else None,
    }


async def fetch_told_apps(connection: asyncpg.Connection) -> list[str]:
    """The connections to which a verdict was to be published."""
    return [row[0] for row in await connection.fetch(TOLD_APPS)]


async def fetch_untold(connection: asyncpg.Connection, app: str, told: int) -> list[Kept]:
    """The next verdicts of a connection behind a number."""
    return [to_kept(row) for row in await connection.fetch(UNTOLD, app, told, VERDICT_SECONDS)]


async def purge_commands(connection: asyncpg.Connection, hours: float, most: int) -> int:
    """Forget some commands that were decided so long ago; how many."""
    status = await connection.execute(PURGE, hours, most)
    return int(status.rpartition(" ")[2])


async def purge_batches(connection: asyncpg.Connection, hours: float) -> None:
    """Forget batches that came so long ago and of which no command is left."""
    await connection.execute(PURGE_BATCHES, hours)


async def fetch_last_revision(connection: asyncpg.Connection) -> int | None:
    """The last one of which a verdict tells that is still kept."""
    revision: int | None = await connection.fetchval(LAST_REVISION)
    return revision
