"""How a table is read for a snapshot: whole, in key order, bounded, and from any place on."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import pairwise

import asyncpg
import pytest

from rosterline.capture.parts import Limits
from rosterline.capture.snapshot import SnapshotPlace, read_table, remaining
from rosterline.capture.source import TableShape, fetch_primary_keys, fetch_shape, prepare_reading
from rosterline.events.source import SnapshotRows
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.servers import Databases, fresh_databases

HEADER = (1, "0/64")
ROOMY = Limits(1000, 400_000)
KEYED = {
    "int": ("id int PRIMARY KEY", "SELECT (n - 6) * 7 FROM n"),
    "bigint": ("id bigint PRIMARY KEY", "SELECT n * 4611686018427387 FROM n"),
    "uuid": ("id uuid PRIMARY KEY", "SELECT md5(n::text)::uuid FROM n"),
    "text": (
        "id text PRIMARY KEY",
        "SELECT (ARRAY['a','B','ä','Z','z','', ' '])[n] FROM n LIMIT 7",
    ),
    "text of a language": (
        'id text COLLATE "pg_unicode_fast" PRIMARY KEY',
        "SELECT (ARRAY['a','B','ä','Z','z','a-b','ab'])[n] FROM n LIMIT 7",
    ),
    "composite": (
        "section int, period text, PRIMARY KEY (section, period)",
        "SELECT n / 3, (ARRAY['A ''q''','b, c','10','9'])[n % 4 + 1] FROM n",
    ),
    "composite in another order": (
        "period text, section int, day date, PRIMARY KEY (day, section)",
        "SELECT 'p' || n, n % 4, date '2025-01-28' + n / 4 FROM n",
    ),
    "moments": (
        "id timestamptz PRIMARY KEY",
        "SELECT timestamptz '2025-03-09 06:30Z' + n * interval '20 minutes' FROM n",
    ),
    "numeric": ("id numeric(9, 2) PRIMARY KEY", "SELECT n * 1.5 FROM n"),
    "float": ("id float8 PRIMARY KEY", "SELECT n / 3.0 FROM n"),
    "included columns": (
        "id int, note text, PRIMARY KEY (id) INCLUDE (note)",
        "SELECT n, NULL FROM n",
    ),
}


@dataclass(frozen=True)
class Reading:
    """A database, and a second connection that reads it as capture does."""

    sis: asyncpg.Connection
    reader: asyncpg.Connection

    async def make_table(self, columns: str, rows: str) -> TableShape:
        """A table with the rows of a query over `n`, which counts to 11."""
        await self.sis.execute("DROP TABLE IF EXISTS sis.subject")
        await self.sis.execute(f"CREATE TABLE sis.subject ({columns})")
        await self.sis.execute(
            "INSERT INTO sis.subject WITH n AS (SELECT generate_series(1, 11) AS n) " + rows
        )
        keys = await fetch_primary_keys(self.sis, "sis")
        return await fetch_shape(self.sis, "sis", "subject", keys["subject"])

    async def read(
        self, shape: TableShape, limits: Limits, after: tuple[str, ...] | None = None
    ) -> list[SnapshotRows]:
        """All messages behind `after`."""
        async with self.sis.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await self.sis.fetchval("SELECT pg_export_snapshot()")
            async with self.reader.transaction(isolation="repeatable_read", readonly=True):
                await prepare_reading(self.reader, snapshot)
                found = read_table(self.reader, shape, after, limits, HEADER)
                return [body async for body in found]


@pytest.fixture(scope="module")
def one_pair(postgres_server: EmbeddedPostgres) -> Iterator[Databases]:
    """Databases for all tests of this module: each makes its table anew."""
    with fresh_databases(postgres_server) as made:
        yield made


@pytest.fixture
async def reading(one_pair: Databases) -> AsyncIterator[Reading]:
    """Two connections whose settings are none that we would choose."""
    connections = [await asyncpg.connect(one_pair.sis_dsn) for _ in range(2)]
    for connection in connections:
        await connection.execute(
            "SET datestyle = 'German'; SET timezone = 'America/New_York'; "
            "SET extra_float_digits = -3; SET bytea_output = 'escape'"
        )
    yield Reading(*connections)
    for connection in connections:
        await connection.close()


def rows_of(messages: list[SnapshotRows]) -> list[tuple[str | None, ...]]:
    """The rows of all messages."""
    return [row for message in messages for row in message.rows]


@pytest.mark.parametrize("kind", KEYED)
async def test_g1_a_reading_goes_on_behind_any_message_as_if_it_had_not_stopped(
    reading: Reading, kind: str
) -> None:
    shape = await reading.make_table(*KEYED[kind])
    whole = await reading.read(shape, ROOMY)
    messages = await reading.read(shape, Limits(3, 400_000))
    everything = rows_of(whole)
    assert len(everything) == await reading.sis.fetchval("SELECT count(*) FROM sis.subject")
    assert len(set(everything)) == len(everything)
    assert rows_of(messages) == everything
    for number, message in enumerate(messages):
        place = SnapshotPlace.from_message(message.model_dump_json().encode())
        rest = [
            found
            for _, after in remaining(("subject",), place)
            for found in await reading.read(shape, Limits(2, 400_000), after)
        ]
        assert rows_of(rest) == rows_of(messages[number + 1 :])


@pytest.mark.parametrize("kind", KEYED)
async def test_rows_come_in_the_order_of_the_key(reading: Reading, kind: str) -> None:
    shape = await reading.make_table(*KEYED[kind])
    key = ", ".join(shape.key)
    in_order = await reading.sis.fetch(f"SELECT {key} FROM sis.subject ORDER BY {key}")
    messages = await reading.read(shape, Limits(4, 400_000))
    places = [shape.columns.index(name) for name in shape.key]
    found = [tuple(row[place] for place in places) for row in rows_of(messages)]
    types = dict(zip(shape.columns, shape.types, strict=True))
    listed = ", ".join(
        f"${number}::text::{types[name]}" for number, name in enumerate(shape.key, start=1)
    )
    typed = [await reading.sis.fetch(f"SELECT {listed}", *keys) for keys in found]
    assert [tuple(row) for (row,) in typed] == [tuple(row) for row in in_order]


@pytest.mark.parametrize("size", [1, 3, 4, 11, 12])
async def test_only_the_last_message_says_that_the_table_is_done(
    reading: Reading, size: int
) -> None:
    shape = await reading.make_table(*KEYED["int"])
    messages = await reading.read(shape, Limits(size, 400_000))
    assert [message.done for message in messages] == [False] * (len(messages) - 1) + [True]
    # Each message begins where the one before it ended: together they leave no key out.
    assert messages[0].after is None
    for before, message in pairwise(messages):
        last = before.rows[-1] if before.rows else ()
        assert message.after == last[:1]


async def test_an_empty_table_is_one_message_that_says_so(reading: Reading) -> None:
    shape = await reading.make_table("id int PRIMARY KEY", "SELECT n FROM n WHERE false")
    (message,) = await reading.read(shape, ROOMY)
    assert message.rows == ()
    assert message.done
    assert message.after is None


@pytest.mark.parametrize("letter", ["x", "學"])
async def test_messages_are_bounded_in_bytes(reading: Reading, letter: str) -> None:
    shape = await reading.make_table(
        "id int PRIMARY KEY, note text",
        f"SELECT n * 100 + m, repeat('{letter}', 300) FROM n, generate_series(1, 50) m",
    )
    messages = await reading.read(shape, Limits(1000, 20_000))
    assert len(rows_of(messages)) == 550
    assert max(len(message.model_dump_json().encode()) for message in messages) < 22_000
    whole = SnapshotPlace.from_message(messages[3].model_dump_json().encode())
    assert whole is not None
    rest = await reading.read(shape, Limits(1000, 20_000), whole.after)
    assert rows_of(rest) == rows_of(messages[4:])


async def test_values_have_the_text_form_of_the_wal_whatever_the_session_prefers(
    reading: Reading,
) -> None:
    shape = await reading.make_table(
        "id int PRIMARY KEY, flag bool, day date, moment timestamptz, code char(4), address inet, "
        "data bytea, ratio float8, words text[], nothing bool",
        "SELECT n, true, date '2025-02-03', timestamptz '2025-02-03 12:00Z', 'ab', '10.0.0.1', "
        r"'\x00ff'::bytea, 0.1::float8 + 0.2::float8, ARRAY['a b', NULL], NULL "
        "FROM n WHERE n = 1",
    )
    ((_, *values),) = rows_of(await reading.read(shape, ROOMY))
    assert values == [
        "t",
        "2025-02-03",
        "2025-02-03 12:00:00+00",
        "ab  ",
        "10.0.0.1",
        r"\x00ff",
        "0.30000000000000004",
        '{"a b",NULL}',
        None,
    ]
