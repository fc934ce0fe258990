"""G1, G4: services killed at random, NATS and PostgreSQL restarted and killed, connections cut."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import asyncpg
import pytest
from nats.aio.client import Client

from rosterline.capture.service import AnotherCaptureError, serve_sis
from rosterline.db.migrate import migrate_rosterline, migrate_sis
from rosterline.db.pools import LOST_CONNECTION
from rosterline.events.source import SnapshotEnd
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.sample.changes import one_change
from rosterline.sample.generate import generate
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import (
    Ledger,
    State,
    Writer,
    check_streams,
    connected,
    differing_tables,
    is_ready,
    settle,
    state_of_read_model,
    state_of_stream,
    visible_people,
    without_stamps,
)
from tests.support.running import pause, settings_for, until
from tests.support.servers import Databases, fresh_databases, kill
from tests.support.streams import client_of, last_sequence, read_source

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

BASE_URL = "http://rosterline.test"
ROUNDS = 12
ROUND_SECONDS = 0.8


async def cut_connections(server: EmbeddedPostgres) -> None:
    """End every connection to PostgreSQL, replication too."""
    async with connected(server.dsn("postgres")) as admin:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')"
        )


async def office_work(dsn: str, stop: asyncio.Event) -> None:
    """Ordinary changes until `stop`, whatever happens to the connection."""
    rng = Random(31)
    while not stop.is_set():
        try:
            async with connected(dsn) as sis:
                while not stop.is_set():
                    await one_change(sis, rng)
                    await pause(0.02)
        except (*LOST_CONNECTION, asyncpg.PostgresError):
            await pause(0.1)


async def write_until(writer: Writer, stop: asyncio.Event) -> None:
    """Commit transactions until `stop`."""
    while not stop.is_set():
        await writer.write(5)
        await pause(0.02)


async def disturb(
    seed: int, chain: Chain, nats: EmbeddedNats, server: EmbeddedPostgres
) -> list[str]:
    """Random trouble, in rounds; what was done."""

    async def kill_service() -> None:
        chain.kill(rng.choice(SERVICES))

    async def restart_nats() -> None:
        await asyncio.to_thread(nats.stop)
        await asyncio.to_thread(nats.start)

    async def kill_nats() -> None:
        kill(nats)
        await asyncio.to_thread(nats.start)

    async def restart_postgres() -> None:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)

    async def kill_postgres() -> None:
        kill(server)
        await asyncio.to_thread(server.start)

    async def cut() -> None:
        await cut_connections(server)

    rng = Random(seed)
    troubles: list[Callable[[], Awaitable[None]]] = [
        kill_service, kill_service, restart_nats, kill_nats, restart_postgres, kill_postgres, cut,
    ]  # fmt: skip
    done = [*troubles, *rng.choices(troubles, k=ROUNDS - len(troubles))]
    rng.shuffle(done)
    for trouble in done:
        await pause(rng.uniform(0.2, ROUND_SECONDS))
        await trouble()
    return [trouble.__name__ for trouble in done]


async def state_of_new_installation(server: EmbeddedPostgres, sis_dsn: str, folder: Path) -> State:
    """What an installation that begins now makes of the same SIS."""
    folder.mkdir()
    nats = EmbeddedNats(folder / "nats", sync_interval="2m")
    nats.start()
    try:
        with fresh_databases(server) as fresh:
            migrate_sis(sis_dsn, "fresh_sis")
            migrate_rosterline(fresh.dsn, "fresh_records")
            own = Databases(sis_dsn, fresh.dsn)
            async with Chain(settings_for(own, nats, slot_prefix="fresh"), folder) as chain:
                for service in SERVICES:
                    chain.start(service)
                await chain.until(lambda: is_ready(fresh.dsn), 60)
            return await state_of_read_model(fresh.dsn, BASE_URL)
    finally:
        nats.stop()


@pytest.mark.parametrize("seed", [1, 2])
async def test_g1_g4_random_trouble_loses_and_repeats_nothing(
    own_server: EmbeddedPostgres, tmp_path: Path, seed: int
) -> None:
    nats = EmbeddedNats(tmp_path / "nats", sync_interval="always")
    nats.start()
    ledger, stop = Ledger(), asyncio.Event()
    try:
        with fresh_databases(own_server) as databases:
            settings = settings_for(databases, nats, part_rows=5, snapshot_rows=60)
            await generate(databases.sis_dsn, students=30, seed=seed, progress=lambda *_: None)
            async with Chain(settings, tmp_path) as chain:
                for service in SERVICES:
                    chain.start(service)
                await chain.until(lambda: is_ready(databases.dsn), 60)
                people = await visible_people(databases.dsn, databases.sis_dsn)
                writers = [
                    Writer(name, databases.sis_dsn, people, ledger, Random(name))
                    for name in range(3)
                ]
                working = asyncio.gather(
                    *(write_until(writer, stop) for writer in writers),
                    office_work(databases.sis_dsn, stop),
                )
                done = await disturb(seed, chain, nats, own_server)
                stop.set()
                await working
                async with client_of(nats.url) as client:
                    last = Writer(9, databases.sis_dsn, people, ledger, Random(9))
                    await settle(ledger, last, client, chain)
                    await check_streams(ledger, client, databases.sis_dsn, others_write=True)
                    stream = await state_of_stream(client)
                model = await state_of_read_model(databases.dsn, BASE_URL)
                assert stream == {entity: records for entity, records in model.items() if records}
                assert await differing_tables(databases.sis_dsn, databases.dsn) == []
            fresh = await state_of_new_installation(
                own_server, databases.sis_dsn, tmp_path / "fresh"
            )
            assert without_stamps(model, active_only=True) == without_stamps(
                fresh, active_only=True
            )
            assert len(ledger.committed) > 50, done
    finally:
        nats.stop()


async def has_whole_snapshot(client: Client) -> bool:
    """Whether the stream ends with the end of a snapshot."""
    if not await last_sequence(client, "SIS"):
        return False
    return isinstance((await read_source(client))[-1], SnapshotEnd)


async def test_g4_of_two_captures_started_at_once_one_works_and_nothing_is_doubled(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server)
    await generate(databases.sis_dsn, students=10, seed=1, progress=lambda *_: None)
    stop = asyncio.Event()
    both = [asyncio.create_task(serve_sis(settings, stop)) for _ in range(2)]
    done, working = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED, timeout=30)
    assert [type(task.exception()) for task in done] == [AnotherCaptureError]
    async with client_of(nats_server.url) as client, connected(databases.sis_dsn) as sis:
        await until(lambda: has_whole_snapshot(client))
        before = await last_sequence(client, "SIS")
        await sis.execute("UPDATE sis.district SET name = 'Twice?'")

        async def grown() -> bool:
            return await last_sequence(client, "SIS") > before

        await until(grown)
        stop.set()
        await asyncio.gather(*working)
        assert await last_sequence(client, "SIS") == before + 1
