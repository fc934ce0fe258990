"""A district in a real database: whole, repeatable, and with every case that the rules treat."""

from datetime import date

import psycopg
import pytest

from rosterline.db.tables.sis import SIS, TABLES
from rosterline.sample.generate import SampleError, Summary, generate
from tests.support.servers import Databases

TODAY = date(2025, 10, 15)
YEAR_STARTS = date(2025, 7, 1)


async def fill(dsn: str, *, students: int = 200, seed: int = 1) -> Summary:
    """Generate without watching."""
    return await generate(dsn, students=students, seed=seed, progress=lambda *_: None, today=TODAY)


def number(dsn: str, query: str) -> int:
    """The single number that a query answers."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0] or 0)


def fingerprints(dsn: str) -> dict[str, str]:
    """A hash of each table's rows."""
    with psycopg.connect(dsn) as connection:
        return {
            table: connection.execute(
                f"SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM sis.{table} t"
            ).fetchall()[0][0]
            for table in TABLES
        }


async def test_the_same_seed_and_size_give_the_same_tables(databases: Databases) -> None:
    await fill(databases.sis_dsn, students=300, seed=7)
    first = fingerprints(databases.sis_dsn)
    with psycopg.connect(databases.sis_dsn) as connection:
        connection.execute(f"TRUNCATE {', '.join(f'sis.{table}' for table in TABLES)}")
    await fill(databases.sis_dsn, students=300, seed=7)
    assert fingerprints(databases.sis_dsn) == first
    assert all(first.values())


async def test_the_summary_counts_the_stored_rows(databases: Databases) -> None:
    summary = await fill(databases.sis_dsn)
    assert summary.rows == {
        table: number(databases.sis_dsn, f"SELECT count(*) FROM sis.{table}") for table in TABLES
    }
    assert summary.total == sum(summary.rows.values())


async def test_progress_only_grows_and_reaches_its_totals(databases: Databases) -> None:
    seen: list[tuple[str, int, int]] = []
    await generate(
        databases.sis_dsn,
        students=200,
        seed=1,
        progress=lambda *step: seen.append(step),
        today=TODAY,
    )
    for step, total in (("students", 200), ("statistics", len(TABLES))):
        done = [count for name, count, of in seen if name == step and of == total]
        assert done == sorted(done)
        assert done[0] == 0
        assert done[-1] == total


async def test_a_sis_that_holds_a_row_is_refused_and_left_alone(databases: Databases) -> None:
    with psycopg.connect(databases.sis_dsn) as connection:
        connection.execute("INSERT INTO sis.school_year (start_year, end_year) VALUES (2025, 2026)")
    with pytest.raises(SampleError, match=r"sis\.school_year has rows"):
        await fill(databases.sis_dsn)
    assert number(databases.sis_dsn, "SELECT count(*) FROM sis.person") == 0


async def test_a_second_district_is_refused(databases: Databases) -> None:
    await fill(databases.sis_dsn)
    with pytest.raises(SampleError, match="already holds data"):
        await fill(databases.sis_dsn)


async def test_a_database_without_the_sis_is_refused_with_the_remedy(databases: Databases) -> None:
    with pytest.raises(SampleError, match="rosterline migrate"):
        await fill(databases.dsn)


async def test_an_interrupted_run_leaves_nothing(databases: Databases) -> None:
    def interrupt(_step: str, done: int, _total: int) -> None:
        if done > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await generate(databases.sis_dsn, students=200, seed=1, progress=interrupt, today=TODAY)
    assert number(databases.sis_dsn, "SELECT count(*) FROM sis.district") == 0


async def test_a_district_needs_a_student(databases: Databases) -> None:
    with pytest.raises(SampleError, match="1 or more"):
        await fill(databases.sis_dsn, students=0)


async def test_new_ids_follow_the_generated_ones(databases: Databases) -> None:
    await fill(databases.sis_dsn)
    largest = number(databases.sis_dsn, "SELECT max(person_id) FROM sis.person")
    with psycopg.connect(databases.sis_dsn) as connection:
        new = connection.execute(
            "INSERT INTO sis.person (person_guid, given_name, family_name) "
            "VALUES (gen_random_uuid(), 'A', 'B') RETURNING person_id"
        ).fetchone()
    assert new == (largest + 1,)


async def test_every_column_is_used_somewhere(databases: Databases) -> None:
    await fill(databases.sis_dsn, students=500)
    for table in SIS.sorted_tables:
        for column in table.columns:
            query = f"SELECT count({column.name}) FROM sis.{table.name}"
            assert number(databases.sis_dsn, query) > 0, f"{table.name}.{column.name}"


async def test_every_optional_column_is_empty_somewhere(databases: Databases) -> None:
    await fill(databases.sis_dsn, students=500)
    never_empty = {"district.state_number"}
    for table in SIS.sorted_tables:
        for column in table.columns:
            name = f"{table.name}.{column.name}"
            if not column.nullable or name in never_empty:
                continue
            query = f"SELECT count(*) FROM sis.{table.name} WHERE {column.name} IS NULL"
            assert number(databases.sis_dsn, query) > 0, name
