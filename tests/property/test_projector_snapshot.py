"""Chunks of a snapshot make any mirror table what the source table is, whatever its kind of key."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosterline.events.source import SnapshotRows
from rosterline.projector.mirror import TABLES, MirrorTable, apply_snapshot
from tests.support.servers import Databases

Row = tuple[str | None, ...]
NUMBERS = st.integers(-20, 20).map(str)
GUIDS = st.integers(0, 30).map(lambda number: str(UUID(int=number << 60, version=4)))
TEXTS = st.text(st.sampled_from("aAbB1 -é'\\"), max_size=3)
NAMES = st.none() | TEXTS


@dataclass(frozen=True)
class Kind:
    """A mirror table by its kind of key, with the columns that the test fills."""

    table: str
    columns: tuple[str, ...]
    values: tuple[st.SearchStrategy[str | None], ...]


KINDS = (
    Kind("term", ("term_id", "name"), (NUMBERS, NAMES)),
    Kind("person", ("person_id", "given_name"), (NUMBERS, NAMES)),
    Kind("school", ("school_guid", "name"), (GUIDS, NAMES)),
    Kind(
        "section_term",
        ("section_id", "term_id", "period"),
        (st.sampled_from("12"), st.sampled_from("12"), TEXTS),
    ),
)


def key_of(table: MirrorTable, kind: Kind, row: Row) -> Row:
    """The row's key."""
    return tuple(row[kind.columns.index(name)] for name in table.key)


@st.composite
def tables(draw: st.DrawFn, kind: Kind) -> list[Row]:
    """Rows of which no two have the same key."""
    table = TABLES[kind.table]
    rows = draw(st.lists(st.tuples(*kind.values), max_size=12))
    return list({key_of(table, kind, row): row for row in rows}.values())


async def fill(connection: asyncpg.Connection, kind: Kind, rows: list[Row]) -> None:
    """Put rows into the mirror."""
    table = TABLES[kind.table]
    arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in kind.columns]
    await connection.execute(table.upsert(kind.columns), *arrays)


async def contents(connection: asyncpg.Connection, kind: Kind) -> list[Row]:
    """The mirror's rows in the order of their keys, as texts."""
    table = TABLES[kind.table]
    listed = ", ".join(f"whole.{name}::text" for name in kind.columns)
    keys = ", ".join(f"whole.{name}" for name in table.key)
    query = f"SELECT {listed} FROM mirror.{kind.table} AS whole ORDER BY {keys}"
    return [tuple(row) for row in await connection.fetch(query)]


def chunks(kind: Kind, rows: list[Row], size: int) -> list[SnapshotRows]:
    """A table's rows, in key order, as capture sends them."""
    table = TABLES[kind.table]
    starts = range(0, len(rows), size) if rows else [0]
    return [
        SnapshotRows(
            epoch=1,
            position="0/0",
            table=kind.table,
            key=table.key,
            columns=kind.columns,
            after=tuple(map(str, key_of(table, kind, rows[start - 1]))) if start else None,
            rows=tuple(rows[start : start + size]),
            done=start + size >= len(rows),
        )
        for start in starts
    ]


async def check(
    connection: asyncpg.Connection, kind: Kind, before: list[Row], after: list[Row], size: int
) -> None:
    """Apply the chunks of one state over another, and compare."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await fill(connection, kind, after)
        expected = await contents(connection, kind)
        await connection.execute(f"DELETE FROM mirror.{kind.table}")
        await fill(connection, kind, before)
        for message in chunks(kind, expected, size):
            await apply_snapshot(connection, message)
        assert await contents(connection, kind) == expected
    finally:
        await transaction.rollback()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table)
def test_chunks_over_any_mirror_give_the_source(databases: Databases, kind: Kind) -> None:
    with asyncio.Runner() as runner:
        connection: Any = runner.run(asyncpg.connect(databases.dsn))

        @settings(max_examples=60, suppress_health_check=list(HealthCheck))
        @given(before=tables(kind), after=tables(kind), size=st.integers(1, 5))
        def examples(before: list[Row], after: list[Row], size: int) -> None:
            runner.run(check(connection, kind, before, after, size))

        try:
            examples()
        finally:
            runner.run(connection.close())
