"""A connection that is removed leaves its records, and nothing to one made later of its name."""

import pytest

from rosterline.api.access import connections
from rosterline.bus.topology import verdict_stream
from rosterline.ingest import connections as connections_module
from rosterline.ingest.service import serve
from rosterline.ingest.waiting import fetch_next
from rosterline.ingest.work import Worker
from rosterline.launch.commands.connection import forget_verdicts
from tests.integration.ingest.desk import APP, SCOPES, Desk, guid, line_item, result
from tests.support.running import running, until

WAITING = "SELECT count(*) FROM rosterline.waiting_line"


@pytest.fixture(autouse=True)
def _looked_up_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "SENDER_SECONDS", 0)


async def remove_and_add_again(desk: Desk) -> None:
    """As an operator does."""
    await connections.remove(desk.connection, APP)
    assert await forget_verdicts(desk.settings, APP)
    await connections.add(desk.connection, APP, scopes=list(SCOPES))


async def test_g7_a_connection_made_anew_inherits_no_verdict_of_its_name(desk: Desk) -> None:
    async with running(serve, desk.settings):
        for number in (1, 2):
            await desk.decided(await desk.put(line_item(number), command=f"{number}"))

        async def is_seen_through() -> bool:
            return len(await desk.told_or_nothing()) == 2 and await desk.is_empty()

        await until(is_seen_through)
        await remove_and_add_again(desk)
        assert await desk.row("1") is None
        await desk.put(line_item(5), command="1")
        await desk.decided("1")
        await until(desk.told_or_nothing)
        told = await desk.told()
    assert [(number, verdict.command) for number, verdict in told] == [(1, "1")]
    assert await desk.stored() == {guid(1), guid(2), guid(5)}


async def test_what_waits_goes_with_its_connection(desk: Desk) -> None:
    await connections.add(desk.connection, "other", scopes=list(SCOPES))
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        waiting = await desk.put(result(2, of=1, student="late"), wait="3600")
        await desk.in_state(waiting, "waiting")
        await connections.remove(desk.connection, APP)
        assert await desk.value(WAITING) == 0
        command = await desk.put(result(2, of=1), app="other")
        assert (await desk.decided(command, "other"))["status"] == 201


async def test_who_goes_while_its_line_is_looked_at_stops_nobody(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        waiting = await desk.put(result(2, of=1, student="late"), wait="3600")
        await desk.in_state(waiting, "waiting")
    (found,) = await fetch_next(desk.connection, 0, 10)
    await connections.remove(desk.connection, APP)
    settled = await Worker(desk.connection, no_number).settle_waiting(
        [found], False, given_up=False
    )
    assert settled.kept == {}


async def no_number(_: str) -> int:
    """Nothing was told."""
    return 0


async def test_without_nats_its_verdicts_are_said_to_be_left(desk: Desk) -> None:
    away = desk.settings.model_copy(update={"nats_url": "nats://127.0.0.1:1"})
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        await until(desk.told_or_nothing)
    assert not await forget_verdicts(away, APP)
    await desk.client.jetstream().stream_info(verdict_stream(APP))
