"""The running ingest: commands become documents and verdicts, and are told and acknowledged."""

import asyncio

import pytest

from rosterline.db import lives
from rosterline.ingest.service import AnotherIngestError, serve
from tests.integration.ingest.desk import APP, Desk, guid, line_item, result
from tests.support.running import running, until


async def test_a_put_is_stored_told_and_acknowledged(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.put(result(2, of=1))
        row = await desk.decided(command)
        await until(desk.is_empty)
    assert (row["state"], row["status"], row["stored"], row["rejections"]) == (
        "stored",
        201,
        1,
        [],
    )
    assert (await desk.documents())["assessmentResults", guid(2)]["score"] == 1
    assert [(number, verdict.command) for number, verdict in await desk.told()] == [
        (1, "command-1"),
        (2, "command-2"),
    ]


async def test_who_gives_a_token_is_answered_there_and_nowhere_else(desk: Desk) -> None:
    async with running(serve, desk.settings), desk.listening("me") as answers:
        command = await desk.put(line_item(1), answer="me")
        async with asyncio.timeout(10):
            verdict = await answers.get()
        assert (verdict.command, verdict.state, verdict.status) == (command, "stored", 201)
        await desk.put(line_item(2), answer="none")
        await desk.decided(await desk.put(line_item(3)))
        await until(desk.is_empty)
    assert [verdict.command for _, verdict in await desk.told()] == ["command-3"]


async def test_a_second_worker_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "LOCK_ATTEMPTS", 2)
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        with pytest.raises(AnotherIngestError, match="has an ingest worker already"):
            await serve(desk.settings, asyncio.Event())
        await desk.decided(await desk.put(line_item(2)))


async def test_an_unknown_connection_is_refused_in_the_database_alone(desk: Desk) -> None:
    async with running(serve, desk.settings):
        row = await desk.decided(await desk.put(line_item(1), app="nobody"), app="nobody")
        await desk.decided(await desk.put(line_item(2)))
    assert (row["state"], row["status"], row["number"]) == ("rejected", 403, None)
    assert row["rejections"][0]["codeMinor"] == "forbidden"
    assert await desk.stored() == {guid(2)}
    assert [verdict.app for _, verdict in await desk.told()] == [APP]
