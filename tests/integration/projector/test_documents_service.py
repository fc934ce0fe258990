"""The running projector beside `capture records`: what is written is shown at once, and kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from rosterline.bus.topology import RECORDS
from rosterline.capture.parts import Limits
from rosterline.capture.service import serve_records, serve_sis
from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector import turns
from rosterline.projector.batch import Received
from rosterline.projector.holds import fetch_waiting, release
from rosterline.projector.service import serve
from rosterline.sample.generate import generate
from tests.integration.projector.bench import Bench
from tests.support.gradebooks import put
from tests.support.ledger import connected, is_ready
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence
from tests.support.written_documents import CATEGORY

WIPE = "DELETE FROM sis.roster"
HELD = "SELECT count(*) FROM rosterline.hold WHERE ended_at IS NULL"
SHOWN = "SELECT revision FROM rosterline.cursor WHERE stream = 'RECORDS'"
IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rosterline projector'
    AND datname = current_database() AND state = 'idle in transaction'
"""
APPLIED = "SELECT stream, applied_at FROM rosterline.cursor"
CATEGORIES = "SELECT count(*) FROM v1p2.categories WHERE status = 'active'"


@dataclass
class Office:
    """A district; which services run a test decides."""

    databases: Databases
    settings: Settings
    nats: EmbeddedNats

    async def value(self, query: str) -> object:
        """One value of the Rosterline database."""
        async with connected(self.databases.dsn) as connection:
            return await connection.fetchval(query)

    async def put(self, number: int) -> int:
        """Write a category; its revision."""
        async with connected(self.databases.dsn) as connection:
            return await put(connection, CATEGORY.but(sourcedId=f"category-{number}"))

    async def shows(self, revision: int) -> bool:
        """Whether the projector says that it shows a revision."""
        return await self.value(SHOWN) == revision


@pytest.fixture
async def office(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Office]:
    """A small district."""
    settings = settings_for(databases, nats_server, guard_records=5)
    await generate(databases.sis_dsn, students=8, seed=2, progress=lambda *_: None)
    made = Office(databases, settings, nats_server)
    async with running(serve_records, settings), running(serve_sis, settings):
        yield made


async def test_g7_what_was_written_before_the_first_load_is_shown_with_it(office: Office) -> None:
    revision = await office.put(1)
    assert await office.value(CATEGORIES) == 0
    async with running(serve, office.settings):
        await until(lambda: is_ready(office.databases.dsn))
        await until(lambda: office.shows(revision))
        assert await office.value(CATEGORIES) == 1


async def test_g7_scores_go_on_while_a_transaction_of_the_sis_is_held(office: Office) -> None:
    async with running(serve, office.settings):
        await until(lambda: is_ready(office.databases.dsn))
        async with connected(office.databases.sis_dsn) as sis:
            await sis.execute(WIPE)
        await until(lambda: office.value(HELD))
        for number in range(3):
            revision = await office.put(number)
            await until(lambda: office.shows(revision))  # noqa: B023 - called before the next one
        assert await office.value(CATEGORIES) == 3
        async with connected(office.databases.dsn) as connection:
            (hold,) = await fetch_waiting(connection)
            await release(connection, hold.hold_id)
        await until(lambda: has_ended(office))
        assert await office.value("SELECT count(*) FROM mirror.roster") == 0


async def has_ended(office: Office) -> bool:
    """Whether nothing is held."""
    return await office.value(HELD) == 0


async def test_g1_a_stream_of_documents_that_was_made_anew_brings_what_was_lost(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server)
    await generate(databases.sis_dsn, students=8, seed=2, progress=lambda *_: None)
    office = Office(databases, settings, nats_server)
    async with client_of(nats_server.url) as client, running(serve_sis, settings):
        async with running(serve_records, settings), running(serve, settings):
            await until(lambda: is_ready(databases.dsn))
            await office.put(1)
            revision = await office.put(2)
            await until(lambda: office.shows(revision))
        await client.jetstream().delete_stream(RECORDS)
        async with connected(databases.dsn) as connection:
            await connection.execute("DELETE FROM records.document WHERE sourced_id = 'category-1'")
        revision = await office.put(3)
        async with running(serve_records, settings), running(serve, settings):
            await until(lambda: office.shows(revision))
            assert await office.value(CATEGORIES) == 2


async def is_in_transaction(bench: Bench) -> bool:
    """Whether the projector has taken a part, and waits for the next one."""
    return bool(await bench.value(IN_TRANSACTION))


@asynccontextmanager
async def half_a_transaction(bench: Bench) -> AsyncIterator[list[Received]]:
    """A loaded district, and a transaction of which the first part has come; the other parts."""
    bench.source.assembler.limits = Limits(2, 400_000)
    async with running(serve_records, bench.settings), running(serve, bench.settings):
        await until(bench.has_applied)
        await bench.source.wal.admin.execute("UPDATE sis.school SET name = 'Renamed'")
        first, *others = await bench.source.drain()
        await bench.publish([first])
        await until(lambda: is_in_transaction(bench))
        yield others


async def test_g2_documents_wait_while_a_large_transaction_of_the_sis_is_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PART_SECONDS", 120)
    async with half_a_transaction(bench) as others, connected(bench.databases.dsn) as connection:
        revision = await put(connection, CATEGORY)

        async def is_shown() -> bool:
            return bool(await connection.fetchval(SHOWN) == revision)

        with pytest.raises(TimeoutError):
            await until(is_shown, seconds=0.5)
        await bench.publish(others)
        await until(is_shown)
        renamed = "SELECT count(*) FROM v1p2.orgs WHERE document LIKE '%Renamed%'"
        assert await connection.fetchval(renamed) == 5


async def test_g7_documents_do_not_wait_for_parts_that_do_not_come(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PART_SECONDS", 0.3)
    async with half_a_transaction(bench) as others, connected(bench.databases.dsn) as connection:
        revision = await put(connection, CATEGORY)

        async def is_shown() -> bool:
            return bool(await connection.fetchval(SHOWN) == revision)

        await until(is_shown)
        assert await connection.fetchval("SELECT count(*) FROM mirror.school") == 5
        await bench.publish(others)
        await until(bench.has_applied)
        renamed = "SELECT count(*) FROM v1p2.orgs WHERE document LIKE '%Renamed%'"
        assert await connection.fetchval(renamed) == 5


async def test_documents_have_their_turn_in_a_backlog_of_the_sis(bench: Bench) -> None:
    async with running(serve_records, bench.settings), client_of(bench.settings.nats_url) as client:
        async with running(serve, bench.settings):
            await until(bench.has_applied)
        await bench.publish(await bench.source.snapshot(rows=1))
        before = await last_sequence(client, RECORDS)
        async with connected(bench.databases.dsn) as connection:
            revision = await put(connection, CATEGORY)

            async def has_come() -> bool:
                return await last_sequence(client, RECORDS) > before

            async def is_shown() -> bool:
                return bool(await connection.fetchval(SHOWN) == revision)

            await until(has_come)
            async with running(serve, bench.settings):
                await until(is_shown)
                await until(bench.has_applied)
            applied = {row[0]: row[1] for row in await connection.fetch(APPLIED)}
    assert applied["RECORDS"] < applied["SIS"]


async def test_g7_documents_go_on_while_the_sis_waits_for_a_snapshot(bench: Bench) -> None:
    async with running(serve_records, bench.settings):
        async with running(serve, bench.settings):
            await until(bench.has_applied)
        ahead = "UPDATE rosterline.cursor SET sequence = sequence + 9 WHERE stream = 'SIS'"
        await bench.value(ahead)
        async with connected(bench.databases.dsn) as connection:
            revision = await put(connection, CATEGORY)

            async def is_shown() -> bool:
                return bool(await connection.fetchval(SHOWN) == revision)

            async with running(serve, bench.settings):
                await until(is_shown)
        assert not await bench.has_applied()
