"""Any filter survives its text, and selects in SQL just what a naive reading selects in Python."""

import asyncio
import operator
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosterline.api.errors import ApiError
from rosterline.api.filters import (
    Attribute,
    Clause,
    Filter,
    Predicate,
    format_filter,
    parse_filter,
)
from rosterline.api.operations import ROSTERING_V1P2 as ENDPOINTS
from rosterline.api.query import Query
from rosterline.api.store import Totals, read_page
from rosterline.api.viewers import Viewer
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.api import stamp
from tests.support.servers import fresh_databases

USERS = next(row for row in ENDPOINTS if row.operation_id == "getAllUsers")
COMPARE: dict[Predicate, Callable[[Any, Any], bool]] = {
    Predicate.EQUAL: operator.eq,
    Predicate.NOT_EQUAL: operator.ne,
    Predicate.GREATER: operator.gt,
    Predicate.GREATER_OR_EQUAL: operator.ge,
    Predicate.LESS: operator.lt,
    Predicate.LESS_OR_EQUAL: operator.le,
}

# Few values, so that filters meet records; characters that order differently by locale.
IDS = st.text(st.sampled_from("aBb-_Zz.é漢𝄞'\\ "), min_size=1, max_size=3)
STATUS = st.sampled_from(["active", "tobedeleted"])
STAMPS = st.integers(0, 6).map(stamp)


def clauses(ids: st.SearchStrategy[str], moments: st.SearchStrategy[datetime]) -> Any:
    predicates = st.sampled_from(list(Predicate))
    return st.one_of(
        st.builds(Clause, st.just(Attribute.SOURCED_ID), predicates, ids),
        st.builds(Clause, st.just(Attribute.STATUS), predicates, STATUS | ids),
        st.builds(Clause, st.just(Attribute.DATE_LAST_MODIFIED), predicates, moments),
    )


def filters(ids: st.SearchStrategy[str], moments: st.SearchStrategy[datetime]) -> Any:
    one = clauses(ids, moments)
    return st.builds(Filter, st.tuples(one)) | st.builds(Filter, st.tuples(one, one), st.booleans())


ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ANY_MOMENT = st.datetimes(timezones=st.just(UTC))


@given(filters(ANY_TEXT, ANY_MOMENT))
def test_a_filter_is_read_as_it_was_written(filtered: Filter) -> None:
    assert parse_filter(format_filter(filtered)) == filtered


@given(st.text() | st.text(st.sampled_from("statu sourcedId='\\<>!~ANDOR2026-:T.Z")))
def test_any_text_is_a_filter_or_a_clear_refusal(text: str) -> None:
    with suppress(ApiError):
        read = parse_filter(text)
        assert parse_filter(format_filter(read)) == read


@dataclass(frozen=True)
class Row:
    """A record's own values, under the names of the standard."""

    sourcedId: str  # noqa: N815 - looked up by the standard's name
    status: str
    dateLastModified: datetime  # noqa: N815 - as above


def expected(rows: dict[str, Row], query: Query) -> list[str]:
    """The naive reading: every record, clause by clause, sorted by code point."""
    filtered = query.filter
    selected = []
    for row in rows.values():
        verdicts = [
            COMPARE[clause.predicate](getattr(row, clause.attribute), clause.value)
            for clause in (filtered.clauses if filtered else ())
        ]
        is_shown = row.status == "active" or (filtered is not None and filtered.shows_deleted)
        joined = any(verdicts) if filtered and filtered.either else all(verdicts)
        if is_shown and joined:
            selected.append(row)
    selected.sort(key=lambda row: (getattr(row, query.sort), row.sourcedId))
    if query.descending:
        selected.reverse()
    return [row.sourcedId for row in selected]


@dataclass
class Database:
    """A migrated database, a pool, and the loop that they live in."""

    runner: asyncio.Runner
    pool: asyncpg.Pool

    async def read(self, rows: dict[str, Row], query: Query) -> tuple[list[str], int, bool]:
        """Ids, total and whether more follow, of a page of just these records."""
        columns = "sourced_id, status, date_last_modified, document, digest, sequence"
        async with self.pool.acquire() as connection:
            await connection.execute("TRUNCATE v1p2.users")
            await connection.executemany(
                f"INSERT INTO v1p2.users ({columns}, is_student, is_teacher, is_agent) "
                "VALUES ($1, $2, $3, $1, '', 0, true, false, false)",
                [(row.sourcedId, row.status, row.dateLastModified) for row in rows.values()],
            )
        page = await read_page(
            self.pool, Totals(), USERS, query, viewer=Viewer("acme"), continuation=None
        )
        ids = page.records.split(",") if page.records else []
        assert page.count == len(ids)
        return ids, page.total, page.has_more


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    with fresh_databases(postgres_server) as databases, asyncio.Runner() as runner:
        opened = asyncpg.create_pool(databases.dsn, min_size=1, max_size=2)
        pool = runner.run(_entered(opened))
        yield Database(runner, pool)
        runner.run(pool.close())


async def _entered(pool: asyncpg.Pool) -> asyncpg.Pool:
    return await pool


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    rows=st.lists(st.builds(Row, IDS, STATUS, STAMPS), max_size=12),
    filtered=st.none() | filters(IDS, STAMPS),
    sort=st.sampled_from(list(Attribute)),
    descending=st.booleans(),
    limit=st.integers(1, 4),
    offset=st.integers(0, 5),
)
def test_sql_selects_what_a_naive_reading_selects(
    database: Database,
    *,
    rows: list[Row],
    filtered: Filter | None,
    sort: Attribute,
    descending: bool,
    limit: int,
    offset: int,
) -> None:
    held = {row.sourcedId: row for row in rows}
    query = Query(limit, offset, sort, descending, filtered)
    whole = expected(held, query)
    ids, total, has_more = database.runner.run(database.read(held, query))
    assert ids == whole[offset : offset + limit]
    assert total == len(whole)
    assert has_more == (len(whole) > offset + limit)
