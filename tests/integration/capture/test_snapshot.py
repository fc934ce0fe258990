"""The first snapshot and the hand-over to the stream, beside writers who do not wait for it."""

import asyncio

import pytest

from rosterline.capture.service import serve_sis
from rosterline.db.tables import sis
from rosterline.events.source import (
    SnapshotBegin,
    SnapshotEnd,
    SnapshotRows,
    TransactionPart,
)
from rosterline.launch.embedded import EmbeddedNats
from tests.integration.capture.scenes import (
    Replica,
    Scene,
    check_whole,
    open_scene,
    random_writers,
    short_life,
)
from tests.support.running import running
from tests.support.servers import Databases


async def check_equal(scene: Scene) -> None:
    """A reader of the stream ends with what the SIS holds."""
    messages = await scene.settled()
    check_whole(messages)
    tables = Replica().apply(messages).tables
    assert tables["person"] == await scene.table("person", "person_id")
    assert tables["district"] == await scene.table("district", "district_guid")


async def test_snapshot_then_stream_without_a_seam(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server, snapshot_rows=7, part_rows=10) as scene:
        await scene.people(1, 20)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            await scene.people(21, 55)
            await scene.rename(3, "New")
            await scene.sis.execute("DELETE FROM sis.person WHERE person_id = 4")
            messages = await scene.settled()
    rows = [m for m in messages if isinstance(m, SnapshotRows) and m.table == "person"]
    numbers = [row[0] for message in rows for row in message.rows]
    assert numbers == [str(number) for number in range(1, 21)]
    assert [len(message.rows) for message in rows] == [7, 7, 6]
    assert [message.done for message in rows] == [False, False, True]
    parts = [message for message in messages if isinstance(message, TransactionPart)]
    assert [(part.part, part.last, len(part.changes)) for part in parts] == [
        (1, False, 10),
        (2, False, 10),
        (3, False, 10),
        (4, True, 5),
        (1, True, 1),
        (1, True, 1),
        (1, True, 1),
    ]
    assert parts[-2].changes[0].key == {"person_id": "4"}


async def test_a_snapshot_names_its_tables_and_sends_each_to_its_end(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene, running(serve_sis, scene.settings):
        await scene.snapshots_ended()
        messages = await scene.messages()
    assert isinstance(messages[0], SnapshotBegin)
    assert messages[0].tables == sis.TABLES
    assert messages[0].reason == "first start"
    rows = [message for message in messages if isinstance(message, SnapshotRows)]
    assert [(message.table, message.rows, message.done) for message in rows] == [
        (table, (), True) for table in sis.TABLES
    ]
    assert isinstance(messages[-1], SnapshotEnd)
    assert {message.epoch for message in messages} == {1}


async def test_g1_a_snapshot_beside_writers_ends_equal_to_the_source(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server, snapshot_rows=40, part_rows=5) as scene:
        await scene.people(1, 3000)
        async with random_writers(databases.sis_dsn), running(serve_sis, scene.settings):
            await scene.snapshots_ended()
        async with running(serve_sis, scene.settings):
            await check_equal(scene)


async def test_g1_a_snapshot_cut_again_and_again_ends_equal_to_the_source(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server, snapshot_rows=1, part_rows=5) as scene:
        await scene.people(1, 4000)
        cut = False
        async with random_writers(databases.sis_dsn):
            for length in (1, 1, 20, 50, 1, 100):
                async with short_life(serve_sis, scene.settings):
                    await scene.grown_by(length)
                cut = cut or not any(isinstance(m, SnapshotEnd) for m in await scene.messages())
            assert cut
            async with running(serve_sis, scene.settings):
                await scene.snapshots_ended()
        async with running(serve_sis, scene.settings):
            await check_equal(scene)
        messages = await scene.messages()
    # One that is cut before anything but its beginning is published may begin again.
    begun = [place for place, m in enumerate(messages) if isinstance(m, SnapshotBegin)]
    assert begun == list(range(len(begun)))
    sent = [message for message in messages if isinstance(message, SnapshotRows)]
    numbers = [int(row[0] or 0) for m in sent if m.table == "person" for row in m.rows]
    assert numbers == sorted(set(numbers)), "rows that had been sent were sent again"


async def test_a_stop_in_the_middle_of_a_snapshot_is_quick_and_loses_nothing(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server, snapshot_rows=1) as scene:
        await scene.people(1, 2000)
        stop = asyncio.Event()
        task = asyncio.create_task(serve_sis(scene.settings, stop))
        await scene.grown_by(5)
        async with scene.sis.transaction():
            # Nothing can be read of this table, so the snapshot cannot end by itself.
            await scene.sis.execute("LOCK TABLE sis.section_term")
            await scene.said('"section_staff"')
            stop.set()
            async with asyncio.timeout(15):
                await task
        assert not any(isinstance(m, SnapshotEnd) for m in await scene.messages())
        whole = scene.settings.model_copy(update={"snapshot_rows": 5000})
        async with running(serve_sis, whole):
            await scene.snapshots_ended()
            await check_equal(scene)


async def test_tables_asked_for_are_sent_again_and_the_snapshot_ends(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server, snapshot_rows=40) as scene:
        await scene.people(1, 100)
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
        before = len(await scene.messages())
        async with running(
            lambda settings, stop: serve_sis(settings, stop, ("person", "term")), scene.settings
        ):
            await scene.rename(1, "Meanwhile")
            await scene.snapshots_ended(2)
            # A lost connection is no reason to send them a third time.
            await scene.sis.execute(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots "
                "WHERE active AND database = current_database()"
            )
            await check_equal(scene)
        again = (await scene.messages())[before:]
    begin, *rest = [message for message in again if not isinstance(message, TransactionPart)]
    assert isinstance(begin, SnapshotBegin)
    assert begin.reason == "asked for"
    assert begin.tables == tuple(table for table in sis.TABLES if table in {"person", "term"})
    assert [type(message) for message in rest].count(SnapshotEnd) == 1
    rows = [message for message in rest if isinstance(message, SnapshotRows)]
    assert {message.table for message in rows} == {"person", "term"}
    assert sum(len(message.rows) for message in rows) == 100
    assert {message.epoch for message in again} == {1}


async def test_g1_tables_asked_for_do_not_replace_what_an_unfinished_snapshot_owes(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server, snapshot_rows=10) as scene:
        # So many that the first life is cut long before its end, however slow the test is.
        await scene.people(1, 4000)
        async with short_life(serve_sis, scene.settings):
            await scene.grown_by(12)
        async with running(
            lambda settings, stop: serve_sis(settings, stop, ("term",)), scene.settings
        ):
            await scene.snapshots_ended()
            await check_equal(scene)


async def test_a_table_that_the_sis_has_not_is_refused_by_name(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene:
        with pytest.raises(ValueError, match="unheard_of"):
            await serve_sis(scene.settings, asyncio.Event(), ("person", "unheard_of"))
