"""The running projector: it is alone, reads from its cursor, and refuses what it cannot repair."""

import asyncio

import pytest

from rosterline.bus.reader import StreamGapError
from rosterline.bus.topology import ONEROSTER, SIS, ensure_streams
from rosterline.capture.service import serve_records
from rosterline.db import lives
from rosterline.projector.service import serve
from rosterline.projector.store import AnotherProjectorError
from tests.integration.projector.bench import Bench
from tests.support.running import running, until
from tests.support.streams import last_sequence, read_all

SCHOOLS = "SELECT count(*) FROM v1p2.orgs WHERE type = 'school' AND status = 'active'"


async def test_it_loads_and_follows(bench: Bench) -> None:
    await bench.has_slot()
    async with running(serve, bench.settings):
        await until(bench.has_applied)
        assert await bench.value(SCHOOLS) == 5
        await bench.change("UPDATE sis.school SET lms_exclude = true WHERE name = 'School 1'")
        await until(bench.has_applied)
        assert await bench.value(SCHOOLS) == 4


async def test_it_goes_on_where_another_one_ended(bench: Bench) -> None:
    await bench.has_slot()
    async with running(serve, bench.settings):
        await until(bench.has_applied)
    before = await bench.value("SELECT last_sequence FROM rosterline.clock")
    await bench.change("UPDATE sis.school SET name = name || '!' WHERE name = 'School 1'")
    async with running(serve, bench.settings):
        await until(bench.has_applied)
    assert await bench.value("SELECT last_sequence FROM rosterline.clock") == before + 2  # type: ignore[operator]  # a number


@pytest.mark.parametrize("lost", ["deleted", "purged"])
async def test_a_message_that_is_missing_stops_it(bench: Bench, lost: str) -> None:
    await bench.has_slot()
    async with running(serve, bench.settings):
        await until(bench.has_applied)
    stands = await last_sequence(bench.client, SIS)
    for number in range(3):
        await bench.change(f"UPDATE sis.school SET state_number = '{number}'")
    jetstream = bench.client.jetstream()
    if lost == "deleted":
        await jetstream.delete_msg(SIS, stands + 2)
    else:
        await jetstream.purge_stream(SIS, seq=stands + 3)
    missing = stands + (2 if lost == "deleted" else 1)
    with pytest.raises(StreamGapError, match=f"message {missing} is|but {missing} is next"):
        async with asyncio.timeout(10):
            await serve(bench.settings, asyncio.Event())


async def test_a_stream_made_anew_is_read_from_its_beginning(bench: Bench) -> None:
    await bench.has_slot()
    async with running(serve, bench.settings):
        await until(bench.has_applied)
        epoch = await bench.value("SELECT created FROM rosterline.cursor WHERE stream = 'SIS'")
        told = await bench.value("SELECT last_sequence FROM rosterline.clock")
        jetstream = bench.client.jetstream()
        await jetstream.delete_stream(SIS)
        await ensure_streams(jetstream, [SIS])
        await bench.source.wal.admin.execute("DELETE FROM sis.school WHERE name = 'School 1'")
        snapshot = await bench.source.snapshot()
        await bench.publish(snapshot)

        async def is_another() -> bool:
            stands = await bench.value(
                "SELECT created FROM rosterline.cursor WHERE stream = 'SIS' AND NOT loading"
            )
            return stands not in {None, epoch} and await bench.has_applied()

        await until(is_another)
    assert await bench.value(SCHOOLS) == 4
    assert await bench.value("SELECT last_sequence FROM rosterline.clock") == told + 4  # type: ignore[operator]  # a number
    assert await bench.value("SELECT ready FROM rosterline.clock")


async def test_a_second_projector_is_refused_and_the_first_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "LOCK_ATTEMPTS", 2)
    await bench.has_slot()
    async with running(serve, bench.settings):
        await until(bench.has_applied)
        with pytest.raises(AnotherProjectorError, match="has a projector already"):
            await serve(bench.settings, asyncio.Event())
        await bench.change("UPDATE sis.school SET name = 'still'")
        await until(bench.has_applied)
    assert await bench.value("SELECT last_sequence FROM rosterline.clock") == 22


async def test_a_projector_whose_clock_was_moved_writes_nothing(bench: Bench) -> None:
    """The lock is the database's; should it fail, the clock's row still tells two writers apart."""
    await bench.has_slot()
    serving = asyncio.create_task(serve(bench.settings, asyncio.Event()))
    await until(bench.has_applied)
    before = await bench.value("SELECT sequence FROM rosterline.cursor WHERE stream = 'SIS'")
    await bench.value("UPDATE rosterline.clock SET last_sequence = last_sequence + 1")
    await bench.change("UPDATE sis.school SET name = 'late'")
    with pytest.raises(AnotherProjectorError, match="the clock was moved"):
        async with asyncio.timeout(15):
            await serving
    assert (
        await bench.value("SELECT sequence FROM rosterline.cursor WHERE stream = 'SIS'") == before
    )
    assert not await bench.value("SELECT count(*) FROM mirror.school WHERE name = 'late'")


async def test_without_a_reader_of_the_outbox_it_waits_and_then_loses_nothing(
    bench: Bench,
) -> None:
    async with running(serve, bench.settings) as projector:
        done, _ = await asyncio.wait({projector}, timeout=0.5)
        assert not done
        assert await bench.value("SELECT count(*) FROM rosterline.cursor") == 0
        async with running(serve_records, bench.settings):
            await until(bench.has_applied)

            async def has_all() -> bool:
                told = await bench.value("SELECT last_sequence FROM rosterline.clock")
                return bool(await last_sequence(bench.client, ONEROSTER) == told)

            await until(has_all)
            events = await read_all(bench.client, ONEROSTER)
    assert [int(headers["ce-sequence"]) for _, headers, _ in events] == [*range(1, 13)]


async def test_it_stops_while_it_waits_for_a_reader_of_the_outbox(bench: Bench) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(bench.settings, stop))
    done, _ = await asyncio.wait({serving}, timeout=0.3)
    assert not done
    stop.set()
    async with asyncio.timeout(15):
        await serving


async def test_it_connects_again_when_its_session_was_ended(bench: Bench) -> None:
    await bench.has_slot()
    async with running(serve, bench.settings):
        await until(bench.has_applied)
        for number in range(3):
            ended = await bench.value(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE application_name = 'rosterline projector' AND datname = current_database()"
            )
            assert ended == 1
            await bench.change(f"UPDATE sis.school SET state_number = '{number}'")
            await until(bench.has_applied)
    assert await bench.value("SELECT last_sequence FROM rosterline.clock") == 42
