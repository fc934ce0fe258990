"""A new day costs what flips: in a mirror of a million rosters its rows are found by indexes."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest

from rosterline.projector.due import due_statement
from rosterline.projector.flips import FLIPS, Flip
from tests.support.servers import Databases

ROSTERS = 1_000_000
OTHERS = 100_000
DAY = date(2027, 1, 15)
# Half of the rosters are open, as in a year; the rest end on many days, some on each of them.
FILL = f"""
INSERT INTO mirror.roster (roster_id, section_id, person_id, end_date)
SELECT n, n % 40000, n / 10, CASE WHEN n % 2 = 0 THEN $1::date - 150 + n / 7 % 300 END
FROM generate_series(1, {ROSTERS}) AS n;
INSERT INTO mirror.enrollment (enrollment_id, person_id, calendar_id, end_date)
SELECT n, n, n % 40, CASE WHEN n % 20 = 0 THEN $1::date - 150 + n / 7 % 300 END
FROM generate_series(1, {OTHERS}) AS n;
INSERT INTO mirror.district_assignment (assignment_id, person_id, end_date)
SELECT n, n, CASE WHEN n % 2 = 0 THEN $1::date - 150 + n / 7 % 300 END
FROM generate_series(1, {OTHERS}) AS n;
INSERT INTO mirror.relationship
    (relationship_id, student_person_id, related_person_id, start_date, end_date)
SELECT n, n, n + 1, CASE WHEN n % 3 = 0 THEN $1::date - 150 + n / 7 % 300 END,
       CASE WHEN n % 10 = 0 THEN $1::date - 150 + n / 7 % 300 END
FROM generate_series(1, {OTHERS}) AS n;
INSERT INTO mirror.section_staff (section_staff_id, section_id, person_id, end_date)
SELECT n, n, n, CASE WHEN n % 2 = 0 THEN $1::date - 150 + n / 7 % 300 END
FROM generate_series(1, {OTHERS}) AS n;
INSERT INTO mirror.calendar (calendar_id, end_date)
SELECT n, $1::date + 147 FROM generate_series(0, 39) AS n
"""


@pytest.fixture
async def connection(databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    """A filled mirror."""
    opened = await asyncpg.connect(databases.dsn)
    for statement in FILL.split(";"):
        await opened.execute(statement, DAY)
    for table in {flip.table for flip in FLIPS}:
        await opened.execute(f"ANALYZE mirror.{table}")
    yield opened
    await opened.close()


async def explain(connection: asyncpg.Connection, statement: str, *arguments: object) -> str:
    """How the server goes about it."""
    lines = await connection.fetch(f"EXPLAIN (COSTS OFF) {statement}", *arguments)
    return "\n".join(str(line[0]) for line in lines)


def is_by_index(flip: Flip, plan: str) -> bool:
    """Whether the rows of a flip are found by their date."""
    by_index = f"ix_mirror_{flip.table}_{flip.column}" in plan
    return by_index and f"Seq Scan on {flip.table}" not in plan


async def test_what_a_day_flips_is_found_through_indexes_and_by_an_old_plan_too(
    connection: asyncpg.Connection,
) -> None:
    for flip in FLIPS:
        for days in (1, 3):
            dates = flip.dates(DAY - timedelta(days=days), DAY)
            plan = await explain(connection, due_statement(flip), *dates)
            assert is_by_index(flip, plan), plan
    # A projector runs for months, and the server may settle on one plan for all days.
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    for flip in FLIPS:
        await connection.execute(f"PREPARE due (date, date) AS {due_statement(flip)}")
        plan = await explain(connection, f"EXECUTE due ('{DAY}', '{DAY}')")
        assert is_by_index(flip, plan), plan
        await connection.execute("DEALLOCATE due")
