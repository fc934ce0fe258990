"""Connections, servers, slots, streams are lost: no change is, in silence; and none comes twice."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from rosterline.capture.plan import SlotState
from rosterline.capture.service import AnotherCaptureError, serve_sis
from rosterline.capture.source import fetch_slot
from rosterline.db.migrate import migrate_sis
from rosterline.db.pools import LOST_CONNECTION
from rosterline.events.source import Gap, SnapshotBegin, SnapshotEnd, TransactionPart
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.integration.capture.scenes import (
    Replica,
    Scene,
    check_whole,
    freed,
    open_scene,
    random_writers,
)
from tests.support.running import running, until
from tests.support.servers import FAST, SIS_PUBLICATION, Databases, kill
from tests.support.streams import Message

CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE $1
"""


async def slot_of(sis: asyncpg.Connection) -> SlotState:
    """Capture's slot."""
    slot = await fetch_slot(sis, SIS_PUBLICATION)
    assert slot is not None
    return slot


async def active_slot(sis: asyncpg.Connection) -> SlotState:
    """Capture's slot, once it is streamed."""

    async def active() -> SlotState | None:
        slot = await slot_of(sis)
        return None if slot.active_pid is None else slot

    found: SlotState = await until(active)
    return found


async def check_equal(scene: Scene) -> list[Message]:
    """A reader of the stream ends with what the SIS holds, and nothing stands twice."""
    messages = await scene.settled()
    check_whole(messages)
    tables = Replica().apply(messages).tables
    assert tables["person"] == await scene.table("person", "person_id")
    assert tables["district"] == await scene.table("district", "district_guid")
    return messages


async def waited(sis: asyncpg.Connection, seconds: float) -> None:
    """So many seconds by the server's clock."""
    since = await sis.fetchval("SELECT clock_timestamp()")

    async def over() -> bool:
        return bool(
            await sis.fetchval(
                "SELECT clock_timestamp() - $1 > make_interval(secs => $2)", since, seconds
            )
        )

    await until(over)


async def test_g1_an_outage_of_nats_neither_cuts_the_replication_nor_loses_a_change(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene:
        name = databases.sis_dsn.rpartition("/")[2]
        await scene.sis.execute(f"ALTER DATABASE {name} SET wal_sender_timeout = '2s'")
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            before = await active_slot(scene.sis)
            # Beside the loop, in which capture is to say all the while that it lives.
            await asyncio.to_thread(nats_server.stop)
            # More than waits between reading and publishing, so that reading stops as well.
            await scene.people(1, 40_000)
            await waited(scene.sis, 4.5)
            during = await slot_of(scene.sis)
            nats_server.start()
            await check_equal(scene)
    assert during.active_pid == before.active_pid


@pytest.mark.parametrize("abruptly", [False, True])
async def test_g1_g4_restarts_of_nats_lose_and_repeat_nothing(
    databases: Databases, nats_server: EmbeddedNats, *, abruptly: bool
) -> None:
    async with open_scene(databases, nats_server, part_rows=3) as scene:
        await scene.people(1, 400)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            async with random_writers(databases.sis_dsn):
                for _ in range(2):
                    await scene.grown_by(20)
                    if abruptly:
                        kill(nats_server)
                    nats_server.stop()
                    nats_server.start()
                    await scene.grown_by(5)
            await check_equal(scene)


async def cut(sis: asyncpg.Connection, whose: str) -> None:
    """Cut connections of that name, as soon as there are some."""

    async def done() -> bool:
        return bool(await sis.fetchval(CUT, whose))

    await until(done)


@pytest.mark.parametrize("whose", ["rosterline capture sis%", "rosterline capture sis"])
async def test_g1_g4_cut_connections_to_postgresql_lose_and_repeat_nothing(
    databases: Databases, nats_server: EmbeddedNats, whose: str
) -> None:
    async with open_scene(databases, nats_server, part_rows=3, snapshot_rows=5) as scene:
        await scene.people(1, 1000)
        async with random_writers(databases.sis_dsn), running(serve_sis, scene.settings):
            for length in (3, 60):
                await scene.grown_by(length)
                await cut(scene.sis, whose)
            await scene.snapshots_ended()
            for _ in range(2):
                await scene.grown_by(20)
                await cut(scene.sis, whose)
        async with running(serve_sis, scene.settings):
            messages = await check_equal(scene)
    assert {message.epoch for message in messages} == {1}


async def test_g4_a_life_ends_with_the_connection_that_holds_its_lock(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene, running(serve_sis, scene.settings):
        await scene.snapshots_ended()
        before = await active_slot(scene.sis)
        # The replication connection has a name of its own only while a snapshot is resumed.
        cut = await scene.sis.fetchval(
            CUT.replace("application_name LIKE $1", "pid <> $2 AND application_name LIKE $1"),
            "rosterline capture sis",
            before.active_pid,
        )
        assert cut == 1

        async def replaced() -> bool:
            return (await slot_of(scene.sis)).active_pid not in {None, before.active_pid}

        await until(replaced)
        await check_equal(scene)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, with a migrated SIS in database `postgres`."""
    tmp_path.chmod(0o755)
    server = EmbeddedPostgres(tmp_path / "own", options=dict(FAST))
    server.start()
    migrate_sis(server.dsn("postgres"), SIS_PUBLICATION)
    yield server
    server.stop()


async def connected_again(scene: Scene) -> None:
    """Give the scene a new connection to its SIS."""

    async def connected() -> asyncpg.Connection | None:
        try:
            return await asyncpg.connect(scene.databases.sis_dsn, timeout=5)
        except LOST_CONNECTION:
            return None

    scene.sis.terminate()
    scene.sis = await until(connected)


async def test_g1_g4_restarts_of_postgresql_lose_and_repeat_nothing(
    own_postgres: EmbeddedPostgres, nats_server: EmbeddedNats
) -> None:
    dsn = own_postgres.dsn("postgres")
    async with open_scene(Databases(dsn, dsn), nats_server, idle_confirm_seconds=600.0) as scene:
        await scene.people(1, 300)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            async with random_writers(dsn):
                for stop in (own_postgres.stop, lambda: kill(own_postgres)):
                    await scene.grown_by(20)
                    await asyncio.to_thread(stop)
                    own_postgres.start()
                    await connected_again(scene)
                    await scene.grown_by(5)
            messages = await check_equal(scene)
    assert {message.epoch for message in messages} == {1}


async def test_g6_an_idle_capture_does_not_hold_up_the_servers_shutdown(
    own_postgres: EmbeddedPostgres, nats_server: EmbeddedNats
) -> None:
    dsn = own_postgres.dsn("postgres")
    async with (
        open_scene(Databases(dsn, dsn), nats_server, idle_confirm_seconds=600.0) as scene,
        running(serve_sis, scene.settings),
    ):
        await scene.snapshots_ended()
        # WAL that is not ours, and that the idle capture would confirm in ten minutes only.
        await scene.sis.execute("CREATE TABLE public.not_ours AS SELECT generate_series(1, 9)")
        process = own_postgres.process
        assert process is not None
        process.send_signal(own_postgres.stop_signals[0])
        # Asked so, it waits for its readers until they have confirmed everything.
        await asyncio.to_thread(process.wait, 20)
        own_postgres.start()
        await connected_again(scene)
        await check_equal(scene)


async def drop_slot(scene: Scene) -> None:
    """Somebody drops the slot."""
    await freed(scene.sis, SIS_PUBLICATION)
    await scene.sis.execute("SELECT pg_drop_replication_slot($1)", SIS_PUBLICATION)


async def advance_slot(scene: Scene) -> None:
    """Somebody advances the slot."""
    await freed(scene.sis, SIS_PUBLICATION)
    await scene.sis.execute(
        "SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())", SIS_PUBLICATION
    )


async def replace_slot(scene: Scene) -> None:
    """Somebody makes the slot anew."""
    await drop_slot(scene)
    await scene.sis.execute(
        "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", SIS_PUBLICATION
    )


async def delete_stream(scene: Scene) -> None:
    """Somebody deletes the stream."""
    await scene.client.jetstream().delete_stream("SIS")
    scene.seen.clear()


async def delete_positions(scene: Scene) -> None:
    """Somebody deletes what capture wrote down for itself."""
    await scene.client.jetstream().delete_stream("POSITIONS")


async def lose_wal(scene: Scene) -> None:
    """The server gives up the slot's WAL, for there is too much of it."""

    async def lost() -> bool:
        await scene.sis.execute("SELECT pg_switch_wal()")
        await scene.sis.execute("CHECKPOINT")
        return (await slot_of(scene.sis)).lost

    await until(lost)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (drop_slot, "no longer exists"),
        (replace_slot, "ahead"),
        (advance_slot, "ahead"),
        (delete_stream, "stream is another"),
        (delete_positions, "not known"),
    ],
)
async def test_g1_what_was_lost_while_capture_was_down_is_told_and_sent_anew(
    databases: Databases,
    nats_server: EmbeddedNats,
    happens: Callable[[Scene], Awaitable[None]],
    reason: str,
) -> None:
    async with open_scene(databases, nats_server) as scene:
        await scene.people(1, 20)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            await scene.settled("the first word")
        await scene.rename(3, "Meanwhile")
        await scene.sis.execute("DELETE FROM sis.person WHERE person_id = 4")
        await happens(scene)
        fresh = happens is delete_stream
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended(1 if fresh else 2)
            messages = await check_equal(scene)
    check_gap(messages, reason, epoch=1 if fresh else 2)


def check_gap(messages: list[Message], reason: str, *, epoch: int) -> None:
    """One gap of that reason, and then a whole snapshot of that epoch."""
    (number,) = (n for n, message in enumerate(messages) if isinstance(message, Gap))
    gap, begin = messages[number : number + 2]
    assert isinstance(gap, Gap)
    assert reason in gap.reason
    assert gap.epoch == epoch
    assert isinstance(begin, SnapshotBegin)
    assert begin.reason == gap.reason
    rest = messages[number + 1 :]
    assert {message.epoch for message in rest} == {epoch}
    assert [type(message) for message in rest].count(SnapshotEnd) == 1


async def test_g1_a_slot_whose_wal_the_server_removed_is_told_and_replaced(
    own_postgres: EmbeddedPostgres, nats_server: EmbeddedNats
) -> None:
    own_postgres.stop()
    own_postgres.options |= {"max_wal_size": "32MB", "min_wal_size": "32MB"}
    own_postgres.start()
    dsn = own_postgres.dsn("postgres")
    async with open_scene(Databases(dsn, dsn), nats_server) as scene:
        await scene.people(1, 20)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
        await scene.rename(3, "Meanwhile")
        own_postgres.stop()
        own_postgres.options["max_slot_wal_keep_size"] = "1MB"
        own_postgres.start()
        await connected_again(scene)
        await lose_wal(scene)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended(2)
            messages = await check_equal(scene)
    check_gap(messages, "lost WAL", epoch=2)


async def test_g1_a_stream_deleted_under_a_running_capture_is_filled_anew(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene, running(serve_sis, scene.settings):
        await scene.people(1, 20)
        await scene.snapshots_ended()
        await delete_stream(scene)
        await scene.rename(3, "Meanwhile")
        await scene.snapshots_ended()
        messages = await check_equal(scene)
    check_gap(messages, "stream is another", epoch=1)


async def test_g1_a_stream_that_lost_its_newest_messages_is_told_and_filled_anew(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    store = nats_server.streams / "SIS"
    kept = nats_server.folder / "kept"
    async with open_scene(databases, nats_server) as scene:
        await scene.people(1, 20)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
        nats_server.stop()
        shutil.copytree(store, kept)
        nats_server.start()
        async with running(serve_sis, scene.settings):
            await scene.rename(3, "Forgotten")
            await scene.settled("forgotten too")
        nats_server.stop()
        # As after a power cut, when the server acknowledged what it had not yet synced.
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        nats_server.start()
        scene.seen.clear()
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended(2)
            messages = await check_equal(scene)
    check_gap(messages, "lost messages", epoch=2)


async def test_g1_a_database_set_back_is_told_and_read_anew(
    own_postgres: EmbeddedPostgres, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    dsn = own_postgres.dsn("postgres")
    async with open_scene(Databases(dsn, dsn), nats_server) as scene:
        await scene.people(1, 20)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
        own_postgres.stop()
        shutil.copytree(own_postgres.cluster, tmp_path / "kept")
        own_postgres.start()
        await connected_again(scene)
        async with running(serve_sis, scene.settings):
            await scene.people(21, 2000)
            await scene.settled("never to be heard again")
        own_postgres.stop()
        owner = own_postgres.cluster.stat()
        shutil.rmtree(own_postgres.cluster)
        shutil.copytree(tmp_path / "kept", own_postgres.cluster)
        for path in [own_postgres.cluster, *own_postgres.cluster.rglob("*")]:
            shutil.chown(path, owner.st_uid, owner.st_gid)
        own_postgres.start()
        await connected_again(scene)
        await scene.rename(5, "Once more")
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended(2)
            messages = await check_equal(scene)
    check_gap(messages, "set back", epoch=2)


async def test_g4_of_two_captures_one_works_and_the_other_is_refused(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene:
        await scene.people(1, 50)
        stop = asyncio.Event()
        both = [asyncio.create_task(serve_sis(scene.settings, stop)) for _ in range(2)]
        async with random_writers(databases.sis_dsn):
            await scene.snapshots_ended()
            done, working = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        with pytest.raises(AnotherCaptureError, match=SIS_PUBLICATION):
            await refused
        messages = await check_equal(scene)
        stop.set()
        await asyncio.gather(*working)
    assert len([message for message in messages if isinstance(message, SnapshotBegin)]) == 1
    places = [(m.position, m.part) for m in messages if isinstance(m, TransactionPart)]
    assert len(places) == len(set(places))
