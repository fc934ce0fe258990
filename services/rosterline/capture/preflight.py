"""Whether capture may work on a database without harming it (G6): asked before every start.

An error stops capture; a warning is logged, and shown by `rosterline check`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import asyncpg

OLDEST_SERVER = 14


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a database that must or should be changed, and how."""

    severity: Literal["error", "warning"]
    what: str
    remedy: str


SETTINGS = """
SELECT current_setting('wal_level') AS wal_level,
       current_setting('max_slot_wal_keep_size') AS keep,
       current_setting('idle_replication_slot_timeout', true) AS idle_timeout,
       (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user) AS may,
       quote_ident(current_user) AS role,
       (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> $1)
           < current_setting('max_replication_slots')::int AS slot_free,
       (SELECT database::text FROM pg_replication_slots
        WHERE slot_name = $1 AND database <> current_database()) AS slot_elsewhere
"""
TABLES = """
SELECT wanted.name,
       c.oid IS NOT NULL AS present,
       coalesce(has_table_privilege(c.oid, 'SELECT'), false) AS readable,
       has_schema_privilege(n.oid, 'USAGE') AS reachable,
       quote_ident(current_user) AS role,
       coalesce(c.relreplident = 'f', false) AS full_identity,
       coalesce(c.relreplident = 'i', false) AND NOT EXISTS (
           SELECT 1 FROM pg_index i
           WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisprimary) AS other_identity,
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS keyed
FROM unnest($2::text[]) AS wanted (name)
LEFT JOIN pg_namespace n ON n.nspname = $1
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
                    AND c.relkind IN ('r', 'p')
"""
PUBLICATION = """
SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AS whole
FROM pg_publication WHERE pubname = $1
"""
PUBLISHED = """
SELECT c.relname::text AS name,
       -- As JSON, for PostgreSQL 14 has neither column.
       to_jsonb(r) ->> 'prattrs' IS NOT NULL OR to_jsonb(r) ->> 'prqual' IS NOT NULL AS partial
FROM pg_publication p
JOIN pg_publication_rel r ON r.prpubid = p.oid
JOIN pg_class c ON c.oid = r.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.pubname = $1 AND n.nspname = $2
UNION
SELECT tablename::text, false FROM pg_publication_tables
WHERE pubname = $1 AND schemaname = $2
  AND NOT EXISTS (SELECT 1 FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
                  JOIN pg_class c ON c.oid = r.prrelid
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE p.pubname = $1 AND n.nspname = $2 AND c.relname = tablename)
"""
# A publication can break the SIS's writes through any of its tables, not only through ours.
BREAKING = """
SELECT DISTINCT format('%I.%I', t.schemaname, t.tablename) AS name,
       EXISTS (SELECT 1 FROM pg_publication_rel r
               WHERE r.prpubid = p.oid AND r.prrelid = c.oid) AS listed
FROM pg_publication_tables t
JOIN pg_publication p ON p.pubname = t.pubname AND (p.pubupdate OR p.pubdelete)
JOIN pg_namespace n ON n.nspname = t.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
WHERE t.pubname = $1 AND c.relreplident <> 'f' AND NOT EXISTS (
    SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
    AND (c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident))
"""


async def inspect(
    connection: asyncpg.Connection, schema: str, tables: tuple[str, ...], slot: str
) -> list[Problem]:
    """All problems of the database as a source; publication and slot share their name."""
    found = [*await server_problems(connection, slot)]
    rows = await connection.fetch(TABLES, schema, list(tables))
    for row in rows:
        found += table_problems(schema, row)
    found += await publication_problems(connection, schema, tables, slot)
    for row in await connection.fetch(BREAKING, slot):
        found.append(breaking_problem(row, schema, tables, slot))
    return found


def breaking_problem(
    row: asyncpg.Record, schema: str, tables: tuple[str, ...], publication: str
) -> Problem:
    """A table whose own updates fail because it is published."""
    what = (
        f"publication {publication} makes every UPDATE and DELETE on {row['name']} fail: the "
        "table has no replica identity"
    )
    if row["name"] in {f"{schema}.{table}" for table in tables}:
        remedy = (
            "give the table a primary key that is not deferrable, and: "
            f"ALTER TABLE {row['name']} REPLICA IDENTITY DEFAULT"
        )
    elif row["listed"]:
        remedy = (
            "give the table a primary key, or take it out: "
            f"ALTER PUBLICATION {publication} DROP TABLE {row['name']}"
        )
    else:
        remedy = (
            "publish no other tables: "
            f"DROP PUBLICATION {publication}; {create_publication(publication, schema, tables)}"
        )
    return Problem("error", what, remedy)


def create_publication(publication: str, schema: str, tables: tuple[str, ...]) -> str:
    """The SQL that publishes the tables, and nothing else."""
    listed = ", ".join(f"{schema}.{table}" for table in tables)
    return f"CREATE PUBLICATION {publication} FOR TABLE {listed}"


async def server_problems(connection: asyncpg.Connection, slot: str) -> Iterator[Problem]:
    """Problems of the server's settings and the role."""
    (row,) = await connection.fetch(SETTINGS, slot)
    return iter_server_problems(row, connection.get_server_version().major)


def iter_server_problems(row: asyncpg.Record, version: int) -> Iterator[Problem]:
    """Judge the settings."""
    if version < OLDEST_SERVER:
        yield Problem(
            "error",
            f"PostgreSQL {version} is too old for logical messages",
            f"use PostgreSQL {OLDEST_SERVER} or newer",
        )
    if row["wal_level"] != "logical":
        yield Problem(
            "error",
            f"wal_level is {row['wal_level']}, so changes cannot be read from the WAL",
            "then restart PostgreSQL: ALTER SYSTEM SET wal_level = 'logical'",
        )
    if not row["may"]:
        yield Problem(
            "error",
            f"role {row['role']} may not replicate",
            f"ALTER ROLE {row['role']} REPLICATION",
        )
    if not row["slot_free"]:
        yield Problem(
            "error",
            "all replication slots are in use",
            "raise max_replication_slots, or drop slots that nobody reads",
        )
    if row["slot_elsewhere"]:
        yield Problem(
            "error",
            f"the replication slot is in use by database {row['slot_elsewhere']}",
            "give this installation slots of its own: ROSTERLINE_SLOT_PREFIX",
        )
    if row["keep"] == "-1":
        yield Problem(
            "warning",
            "the WAL that a slot keeps is not bounded: a stopped capture could fill the disk",
            "bound it by what the disk can spare, and reload the configuration: "
            "ALTER SYSTEM SET max_slot_wal_keep_size = '16GB'",
        )
    if row["idle_timeout"] not in {None, "0"}:
        yield Problem(
            "warning",
            "slots that are idle for a while are given up (idle_replication_slot_timeout)",
            "make it longer than capture may ever be stopped, or unlimited, and reload the "
            "configuration: ALTER SYSTEM SET idle_replication_slot_timeout = 0",
        )


def table_problems(schema: str, row: asyncpg.Record) -> Iterator[Problem]:
    """Problems of one table."""
    table = f"{schema}.{row['name']}"
    if not row["present"]:
        yield Problem("error", f"table {table} does not exist", "run `rosterline migrate`")
        return
    if not row["reachable"]:
        yield Problem(
            "error",
            f"table {table} may not be read: role {row['role']} may not use schema {schema}",
            f"GRANT USAGE ON SCHEMA {schema} TO {row['role']}",
        )
    if not row["readable"]:
        yield Problem(
            "error",
            f"table {table} may not be read by role {row['role']}",
            f"GRANT SELECT ON {table} TO {row['role']}",
        )
    if not row["keyed"]:
        yield Problem(
            "error", f"table {table} has no primary key", "give it the primary key of the contract"
        )
    if row["other_identity"]:
        yield Problem(
            "error",
            f"table {table} has another replica identity than its primary key, so the WAL does not "
            "say which rows are deleted",
            f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT",
        )
    if row["full_identity"]:
        yield Problem(
            "warning",
            f"table {table} has REPLICA IDENTITY FULL, which makes the SIS write more WAL",
            f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT",
        )


async def publication_problems(
    connection: asyncpg.Connection, schema: str, tables: tuple[str, ...], publication: str
) -> list[Problem]:
    """Problems of the publication."""
    whole = await connection.fetchval(PUBLICATION, publication)
    if whole is None:
        return [
            Problem(
                "error",
                f"publication {publication} does not exist",
                "run `rosterline migrate`, or: " + create_publication(publication, schema, tables),
            )
        ]
    found = []
    if not whole:
        found.append(
            Problem(
                "error",
                f"publication {publication} leaves out some kinds of changes",
                f"ALTER PUBLICATION {publication} "
                "SET (publish = 'insert, update, delete, truncate')",
            )
        )
    published = {row["name"]: row for row in await connection.fetch(PUBLISHED, publication, schema)}
    for table in tables:
        found += published_table_problems(f"{schema}.{table}", published.get(table), publication)
    return found


def published_table_problems(
    table: str, row: asyncpg.Record | None, publication: str
) -> Iterator[Problem]:
    """Problems of a table's place in the publication."""
    if row is None:
        yield Problem(
            "error",
            f"publication {publication} lacks table {table}",
            f"run `rosterline migrate`, or: ALTER PUBLICATION {publication} ADD TABLE {table}",
        )
    elif row["partial"]:
        yield Problem(
            "error",
            f"publication {publication} publishes only a part of table {table}; a column list can "
            "make the SIS's own updates fail",
            "publish all of it: "
            f"ALTER PUBLICATION {publication} DROP TABLE {table}; "
            f"ALTER PUBLICATION {publication} ADD TABLE {table}",
        )
