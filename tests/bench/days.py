"""What the beginning of a day costs at a million rosters, by how many of them flip on it.

python -m tests.bench.days                   a day with none, 100, 1,000 and 10,000 flips
python -m tests.bench.days --term-end        also one on which every second roster ends
"""

import argparse
import asyncio
import os
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import psycopg
from rich.console import Console
from rich.table import Table

from rosterline.db.migrate import migrate_rosterline
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.projector.day import turn_day
from rosterline.projector.due import due
from rosterline.projector.projection import Projection
from tests.bench.installation import peak_memory
from tests.support.projection import make_projection

Row = tuple[str, str, str]

FIRST = date(2027, 1, 10)
ROSTERS = 1_000_000
# The day, counted from the first one, on which a roster flips.
ENDS = f"""
CASE WHEN n % ({ROSTERS} / 100) = 3 THEN 2 WHEN n % ({ROSTERS} / 1000) = 5 THEN 3
     WHEN n % ({ROSTERS} / 10000) = 7 THEN 4 WHEN n % 2 = 0 THEN 6 END
"""
DAYS = {
    1: "a day on which nothing flips",
    2: "a day with 100 flips",
    3: "a day with 1,000 flips",
    4: "a day with 10,000 flips",
    5: "a day with 1,000 students leaving (with their classes)",
    6: "a term's end",
}
FILL = f"""
INSERT INTO mirror.district VALUES ('00000000-0000-4000-8000-000000000001', 'D', '1', false);
INSERT INTO mirror.school VALUES ('00000000-0000-4000-8000-000000000002',
    '00000000-0000-4000-8000-000000000001', 'S', '2', false);
INSERT INTO mirror.school_year (school_year_id, start_year, end_year, active)
VALUES (1, 2026, 2027, true);
INSERT INTO mirror.calendar SELECT n, '00000000-0000-4000-8000-000000000002', 1, 'C',
    '2026-08-17', '2027-06-11', false FROM generate_series(1, 50) AS n;
INSERT INTO mirror.grade_level (grade_level_id, calendar_id, name, nces_grade, lms_exclude)
SELECT n, n, '9', '09', false FROM generate_series(1, 50) AS n;
INSERT INTO mirror.term SELECT n, n, 'T', '2026-08-17', '2027-01-15', 1
FROM generate_series(1, 50) AS n;
INSERT INTO mirror.course SELECT n, 1 + n % 50, n, 'Course', 'Subject'
FROM generate_series(1, 4000) AS n;
INSERT INTO mirror.section (section_id, course_id, number, homeroom)
SELECT n, 1 + n % 4000, n, false FROM generate_series(1, 40000) AS n;
INSERT INTO mirror.section_term SELECT n, 1 + (1 + n % 4000) % 50, '1'
FROM generate_series(1, 40000) AS n;
INSERT INTO mirror.person (person_id, person_guid, given_name, family_name)
SELECT n, gen_random_uuid(), 'Given', 'Family' FROM generate_series(1, {ROSTERS} / 10) AS n;
INSERT INTO mirror.user_account SELECT n, n, 'user' || n, false
FROM generate_series(1, {ROSTERS} / 10) AS n;
INSERT INTO mirror.enrollment SELECT n, n, 1 + n % 50, 1 + n % 50, 'P', '2026-08-17',
    CASE WHEN n % 100 = 9 THEN '{FIRST}'::date + 4 END, false, false
FROM generate_series(1, {ROSTERS} / 10) AS n;
INSERT INTO mirror.roster SELECT n, 1 + n * 7 % 40000, 1 + n * 13 % ({ROSTERS} / 10), '2026-08-17',
    '{FIRST}'::date - 1 + ({ENDS}) FROM generate_series(1, {ROSTERS}) AS n;
UPDATE rosterline.clock SET ready = true, evaluated_on = '{FIRST}';
INSERT INTO rosterline.cursor (stream, created, sequence, position, loading, applied_at, epoch)
VALUES ('SIS', 'one', 1, '0/0', false, now(), 1)
"""
# As a load would have stored them, but for the documents: those are as long, and never read.
STORED = """
INSERT INTO {schema}.enrollments
    (sourced_id, status, date_last_modified, document, digest, sequence)
SELECT 'r' || roster_id, 'active', now(), repeat('x', 480), '', roster_id FROM mirror.roster;
INSERT INTO {schema}.demographics
    (sourced_id, status, date_last_modified, document, digest, sequence)
SELECT {sourced_id}, 'active', now(), repeat('x', 200), '', person_id FROM mirror.person;
INSERT INTO {schema}.users
    (sourced_id, status, date_last_modified, document, digest, sequence,
     is_student, is_teacher, is_agent)
SELECT {sourced_id}, 'active', now(), repeat('x', 700), '', person_id, true, false, false
FROM mirror.person
"""
SOURCED_IDS = {"v1p2": "person_guid::text", "v1p1": "'s' || person_id"}


async def fill(connection: asyncpg.Connection) -> None:
    """A mirror and read models of a million rosters."""
    await connection.execute(FILL)
    for schema, sourced_id in SOURCED_IDS.items():
        await connection.execute(STORED.format(schema=schema, sourced_id=sourced_id))
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


async def measure_search(projection: Projection, day: date) -> float:
    """Seconds to find the rows of a day, and what they concern."""
    began = time.perf_counter()
    connection, size = projection.connection, projection.load_people
    async with connection.transaction():
        async for _ in due(connection, projection.day, day, size):
            continue
    return time.perf_counter() - began


async def measure_day(projection: Projection, number: int) -> Row:
    """One day after the one before."""
    day = FIRST + timedelta(days=number)
    projection.today = lambda: day
    searching = await measure_search(projection, day)
    before = projection.clock.last_sequence
    began = time.perf_counter()
    await turn_day(projection)
    seconds = time.perf_counter() - began
    records = projection.clock.last_sequence - before
    rate = f"{records:,} records, {records / seconds:,.0f}/s; " if records else ""
    found = f"{rate}rows found in {searching * 1000:,.0f} ms"
    return DAYS[number], f"{seconds:.3f} s", found


async def measure_days(dsn: str, numbers: list[int]) -> list[Row]:
    """Every day, one after the other."""
    connection = await asyncpg.connect(dsn, command_timeout=None)
    try:
        await fill(connection)
        projection = await make_projection(connection, today=FIRST)
        rows = [await measure_day(projection, number) for number in numbers]
    finally:
        await connection.close()
    memory = f"{peak_memory(os.getpid()):.0f} MB"
    return [*rows, ("memory of the projector's process, most", memory, "≤ 500 MB")]


def measure(*, term_end: bool) -> list[Row]:
    """The figures, on a server of their own that syncs to disk."""
    numbers = [1, 2, 3, 4, 5, 6] if term_end else [1, 2, 3, 4, 5]
    with tempfile.TemporaryDirectory(prefix="rosterline-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "servers")
        server.start()
        try:
            with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
                admin.execute("CREATE DATABASE rosterline")
            migrate_rosterline(server.dsn("rosterline"), "rosterline_records")
            return asyncio.run(measure_days(server.dsn("rosterline"), numbers))
        finally:
            server.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.days", description=__doc__)
    parser.add_argument("--term-end", action="store_true")
    options = parser.parse_args()
    table = Table("figure", "measured", "beside", title=f"A new day at {ROSTERS:,} rosters")
    for row in measure(term_end=options.term_end):
        table.add_row(*row)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
