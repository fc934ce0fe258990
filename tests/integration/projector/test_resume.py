"""G1: a cursor that does not fit the stream leads to a whole snapshot, never past a message."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from rosterline.bus.reader import StreamGapError
from rosterline.capture.service import serve_records, serve_sis
from rosterline.db.tables import sis
from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector.resume import Finder
from rosterline.projector.service import serve
from rosterline.projector.store import fetch_clock, outbox_has_reader, settle_epoch
from rosterline.projector.streams import SIS
from rosterline.sample.generate import generate
from tests.support.ledger import connected, differing_tables, is_ready
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence

CURSOR = "FROM rosterline.cursor WHERE stream = 'SIS'"
SLOT = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'slow'"


async def is_equal(databases: Databases) -> bool:
    """Whether the mirror is an exact copy of the SIS."""
    return not await differing_tables(databases.sis_dsn, databases.dsn)


async def is_loaded(databases: Databases) -> bool:
    """Whether no snapshot is under way, and nothing differs."""
    async with connected(databases.dsn) as connection:
        loading = await connection.fetchval(f"SELECT loading {CURSOR}")
    return not loading and await is_equal(databases)


async def rename(databases: Databases, count: int, name: str) -> None:
    """So many transactions."""
    async with connected(databases.sis_dsn) as connection:
        for number in range(count):
            await connection.execute("UPDATE sis.district SET name = $1", f"{name} {number}")


async def test_g1_a_stream_that_lost_its_tail_and_grew_beyond_the_cursor_skips_nothing(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    settings = settings_for(databases, nats_server, snapshot_rows=10)
    store = nats_server.streams / "SIS"
    await generate(databases.sis_dsn, students=15, seed=2, progress=lambda *_: None)
    async with running(serve_records, settings):
        async with running(serve_sis, settings), running(serve, settings):
            await until(lambda: is_ready(databases.dsn))
        await asyncio.to_thread(nats_server.stop)
        shutil.copytree(store, tmp_path / "kept")
        await asyncio.to_thread(nats_server.start)
        async with running(serve_sis, settings), running(serve, settings):
            await rename(databases, 30, "Forgotten")
            await until(lambda: is_loaded(databases))
        await asyncio.to_thread(nats_server.stop)
        shutil.rmtree(store)
        shutil.copytree(tmp_path / "kept", store)
        await asyncio.to_thread(nats_server.start)
        # What changed in the meantime stands only in the new snapshot, which passes the old cursor.
        async with connected(databases.sis_dsn) as connection:
            await connection.execute("UPDATE sis.person SET given_name = given_name || ' II'")
        async with client_of(nats_server.url) as client, connected(databases.dsn) as connection:
            applied = await connection.fetchval(f"SELECT sequence {CURSOR}")

            async def has_passed() -> bool:
                return bool(await last_sequence(client, "SIS") > applied + 5)

            async with running(serve_sis, settings):
                await until(has_passed)
                async with running(serve, settings):
                    await until(lambda: is_loaded(databases))


async def test_g1_a_new_database_begins_at_a_whole_snapshot_or_says_what_to_do(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server)
    async with (
        client_of(nats_server.url) as client,
        connected(databases.dsn) as connection,
    ):
        async with running(serve_sis, settings):
            await until(lambda: holds(client, 1))
        jetstream = client.jetstream()
        last = await last_sequence(client, "SIS")
        await jetstream.purge_stream("SIS", seq=last)
        with pytest.raises(StreamGapError, match="--snapshot"):
            await Finder(connection, jetstream, SIS, settings.district).find_cursor()

        async def serve_anew(*arguments: object) -> None:
            await serve_sis(settings, arguments[1], sis.TABLES)  # type: ignore[arg-type]  # the stop

        async with running(serve_anew, settings):
            await until(lambda: holds(client, last + len(sis.TABLES)))
        found = await Finder(connection, jetstream, SIS, settings.district).find_cursor()
    assert found is not None
    assert found.sequence == last
    assert found.loading


async def holds(client: object, sequence: int) -> bool:
    """Whether the stream has grown so far."""
    return await last_sequence(client, "SIS") >= sequence  # type: ignore[arg-type]  # a NATS client


async def test_g1_a_slot_in_the_making_does_not_count_as_a_reader(databases: Databases) -> None:
    blocker = await asyncpg.connect(databases.dsn)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("CREATE TABLE public.unfinished ()")
    maker = await asyncpg.connect(databases.dsn)
    making = asyncio.create_task(
        maker.execute("SELECT pg_create_logical_replication_slot('slow', 'pgoutput')")
    )
    async with connected(databases.dsn) as connection:
        await until(lambda: connection.fetchval(SLOT))
        assert not await outbox_has_reader(connection, "slow")
        await transaction.rollback()
        await making
        assert await outbox_has_reader(connection, "slow")
        await connection.execute("SELECT pg_drop_replication_slot('slow')")
    await maker.close()
    await blocker.close()


async def test_g4_a_database_that_is_another_one_counts_under_another_name(
    databases: Databases,
) -> None:
    async with connected(databases.dsn) as connection:
        first = await fetch_clock(connection)
        for _ in range(2):
            await settle_epoch(connection)
            assert await fetch_clock(connection) == first
        await connection.execute("UPDATE rosterline.clock SET server = 'another/00000001'")
        await settle_epoch(connection)
        renamed = await fetch_clock(connection)
        await settle_epoch(connection)
        assert await fetch_clock(connection) == renamed
    assert renamed.epoch != first.epoch
    assert renamed.last_sequence == first.last_sequence
