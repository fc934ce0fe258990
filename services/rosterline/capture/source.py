"""SQL that capture asks a source database: slots, keys, snapshots. Reads only."""

from dataclasses import dataclass

import asyncpg

from rosterline.capture.plan import SlotState
from rosterline.capture.position import parse_lsn

SLOT = """
SELECT confirmed_flush_lsn::text, active_pid,
       coalesce(wal_status = 'lost', false) OR conflicting IS TRUE
       OR invalidation_reason IS NOT NULL AS lost
FROM pg_replication_slots WHERE slot_name = $1
"""
SLOT_BEFORE_17 = SLOT.replace("OR invalidation_reason IS NOT NULL", "").replace(
    "OR conflicting IS TRUE", ""
)
PRIMARY_KEYS = """
SELECT c.relname AS table, array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
WHERE i.indisprimary AND k.place <= i.indnkeyatts AND n.nspname = $1
GROUP BY c.relname
"""
# The text forms of values, in the stream and in snapshots, whatever the database's settings are.
TEXT_FORMS = {
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "timezone": "UTC",
}
# A snapshot may take long, and wait for NATS.
NO_LIMITS = dict.fromkeys(
    ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"), "0"
)
SET_LOCAL = """
SELECT set_config(s.name, given.setting, true)
FROM unnest($1::text[], $2::text[]) AS given (name, setting)
JOIN pg_settings s ON lower(s.name) = given.name
"""
COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       t.typtype = 'd' OR EXISTS (
           SELECT 1 FROM pg_cast k WHERE k.castsource = a.atttypid
           AND k.casttarget = 'text'::regtype AND k.castmethod = 'f') AS casts
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = format('%I.%I', $1::text, $2::text)::regclass
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""


ESTIMATE = """
SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = ANY($2::text[])
"""


TEXTS = ("text", "character")


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table to be read whole: its columns with their types, and its primary key.

    `casts` are columns that a cast to text would not show as the WAL does: true is `t` there.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    key: tuple[str, ...]
    casts: frozenset[str] = frozenset()

    def shown(self, column: str) -> str:
        """A column's value in the text form of the WAL."""
        value = f'whole."{column}"'
        if column not in self.casts:
            return f"{value}::text"
        return f"CASE WHEN {value} IS NOT NULL THEN format('%s', {value}) END"

    def rows_query(self, *, after: bool, limit: int) -> str:
        """Rows as texts in key order; with `after`, those behind the key in $1 … $n."""
        listed = ", ".join(self.shown(column) for column in self.columns)
        # Qualified: a bare name in ORDER BY would mean the output's text, and sort 10 before 2.
        # By code point, as the mirror compares: each database has an order of texts of its own.
        types = dict(zip(self.columns, self.types, strict=True))
        keys = ", ".join(
            f'whole."{column}"' + (' COLLATE "C"' if types[column].startswith(TEXTS) else "")
            for column in self.key
        )
        where = ""
        if after:
            values = ", ".join(
                f"${number}::text::{types[column]}"
                for number, column in enumerate(self.key, start=1)
            )
            where = f"WHERE ({keys}) > ({values})"
        return (
            f'SELECT {listed} FROM "{self.schema}"."{self.name}" AS whole {where} '
            f"ORDER BY {keys} LIMIT {limit}"
        )


async def prepare_reading(connection: asyncpg.Connection, snapshot: str) -> None:
    """Let the open transaction see `snapshot`, and read it as texts for as long as it takes."""
    await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
    settings = TEXT_FORMS | NO_LIMITS
    await connection.execute(SET_LOCAL, list(settings), list(settings.values()))


async def fetch_slot(connection: asyncpg.Connection, slot: str) -> SlotState | None:
    """The slot, or None."""
    modern = connection.get_server_version().major >= 17
    row = await connection.fetchrow(SLOT if modern else SLOT_BEFORE_17, slot)
    if row is None:
        return None
    confirmed = row["confirmed_flush_lsn"]
    return SlotState(parse_lsn(confirmed) if confirmed else 0, row["lost"], row["active_pid"])


async def drop_slot(connection: asyncpg.Connection, slot: str) -> None:
    """Give up a slot, and with it the WAL that it kept."""
    await connection.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1",
        slot,
    )


async def fetch_primary_keys(
    connection: asyncpg.Connection, schema: str
) -> dict[str, tuple[str, ...]]:
    """Primary keys by table of a schema."""
    rows = await connection.fetch(PRIMARY_KEYS, schema)
    return {row["table"]: tuple(row["columns"]) for row in rows}


async def fetch_shape(
    connection: asyncpg.Connection, schema: str, table: str, key: tuple[str, ...]
) -> TableShape:
    """A table's columns, as they are now."""
    rows = await connection.fetch(COLUMNS, schema, table)
    return TableShape(
        schema,
        table,
        tuple(row["name"] for row in rows),
        tuple(row["type"] for row in rows),
        key,
        frozenset(row["name"] for row in rows if row["casts"]),
    )


async def estimate_rows(
    connection: asyncpg.Connection, schema: str, tables: tuple[str, ...]
) -> int:
    """About how many rows the tables hold, by PostgreSQL's own statistics."""
    return int(await connection.fetchval(ESTIMATE, schema, list(tables)))
