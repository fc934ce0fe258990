"""Fills an empty SIS database with a made-up district, in one transaction, by COPY."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import asyncpg

from rosterline.config.errors import OperatorError
from rosterline.db.pools import open_connection
from rosterline.db.tables.sis import SIS, TABLES
from rosterline.sample.district import Portion, make_district

Progress = Callable[[str, int, int], None]
ROWS_PER_COPY = 20_000


class SampleError(OperatorError):
    """The district cannot be generated; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows stored, by table."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))

    @property
    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


async def generate(
    dsn: str, *, students: int, seed: int, progress: Progress, today: date | None = None
) -> Summary:
    """Store a district with so many students in the active year; all of it, or nothing.

    The same number, seed and day give the same rows. Raises SampleError when the database already
    holds a district, and DatabaseUnreachableError.
    """
    if students < 1:
        raise SampleError("a district needs at least one student: ask for 1 or more")
    day = today or datetime.now().astimezone().date()
    async with open_connection(dsn, "generate") as connection:
        async with connection.transaction():
            await refuse_unless_empty(connection)
            summary = await store_all(
                connection, make_district(students, seed, day), students, progress
            )
            await set_sequences(connection)
        await analyze(connection, progress)
    return summary


async def refuse_unless_empty(connection: asyncpg.Connection) -> None:
    """Raise SampleError if there is a row in the SIS, or no SIS; keeps other generators out."""
    try:
        await connection.execute("LOCK TABLE sis.district IN SHARE ROW EXCLUSIVE MODE")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise SampleError(
            "the database has no schema sis: run `rosterline migrate` first"
        ) from error
    for table in TABLES:
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM sis.{table})"):
            raise SampleError(
                f"the SIS already holds data (sis.{table} has rows), which generate would mix up: "
                "use an empty database, or another --data folder"
            )


async def store_all(
    connection: asyncpg.Connection, portions: Iterator[Portion], students: int, progress: Progress
) -> Summary:
    """Copy portion after portion; progress counts students."""
    summary, done = Summary(), 0
    progress("students", done, students)
    for portion in portions:
        rows = sum(len(rows) for _, rows in portion.batch.by_table())
        stored = 0
        for table, records in portion.batch.by_table():
            for chunk in chunks(records):
                await connection.copy_records_to_table(table, schema_name="sis", records=chunk)
                stored += len(chunk)
                progress("students", done + portion.students * stored // rows, students)
            summary.rows[table] += len(records)
        done += portion.students
    progress("students", students, students)
    return summary


def chunks(
    records: Sequence[tuple[object, ...]],
) -> Iterator[Sequence[tuple[object, ...]]]:
    """The records in runs that keep PostgreSQL's queue of foreign key checks short."""
    for start in range(0, len(records), ROWS_PER_COPY):
        yield records[start : start + ROWS_PER_COPY]


async def set_sequences(connection: asyncpg.Connection) -> None:
    """Let the ids that the SIS hands out go on after the generated ones."""
    for table in SIS.sorted_tables:
        for column in table.primary_key:
            sequence = await connection.fetchval(
                "SELECT pg_get_serial_sequence($1, $2)", f"sis.{table.name}", column.name
            )
            if sequence is not None:
                await connection.execute(
                    f"SELECT setval('{sequence}', max({column.name})) FROM sis.{table.name}"
                )


async def analyze(connection: asyncpg.Connection, progress: Progress) -> None:
    """Collect the statistics that queries over the new rows need."""
    for number, table in enumerate(TABLES):
        progress("statistics", number, len(TABLES))
        await connection.execute(f"ANALYZE sis.{table}")
    progress("statistics", len(TABLES), len(TABLES))
