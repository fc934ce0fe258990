"""Lines that wait for the roster: decided when it has caught up, when time is over, or before
somebody else writes the same record.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rosterline.api.access import connections
from rosterline.ingest import upkeep as upkeep_module
from rosterline.ingest.service import serve
from rosterline.ingest.work import Worker
from tests.integration.ingest.desk import APP, Desk, guid, line_item, result
from tests.support.api import user
from tests.support.running import running, until

WAITING = "SELECT count(*) FROM rosterline.waiting_line"
UNKNOWN = "No student record exists with the GUID late"
LAPSE = "UPDATE rosterline.waiting_line SET until = now() - interval '1 second'"


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "LOOK_SECONDS", 0.05)


def late(number: int, **members: Any) -> dict[str, Any]:
    """A result of a student whom the roster does not know yet."""
    return result(number, of=1, student="late", **members)


async def test_what_waits_is_stored_when_the_roster_knows_the_student(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.put(late(2), wait="3600")
        row = await desk.in_state(command, "waiting")
        assert (row["stored"], row["rejections"], row["number"], row["decided_at"]) == (
            0,
            [],
            None,
            None,
        )
        await until(desk.is_empty)
        await desk.roster.write(user("late"))
        row = await desk.decided(command)
    assert (row["state"], row["status"], row["stored"]) == ("stored", 201, 1)
    assert row["revision"] == await desk.value("SELECT max(revision) FROM records.document")
    assert await desk.value(WAITING) == 0
    assert [verdict.command for _, verdict in await desk.told()] == ["command-1", command]


async def test_without_a_wish_to_wait_an_unknown_student_is_refused(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        row = await desk.decided(await desk.put(late(2)))
    assert (row["state"], row["status"]) == ("rejected", 404)
    assert [each["description"] for each in row["rejections"]] == [UNKNOWN]


async def test_what_has_waited_long_enough_is_refused_with_the_same_words(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.put(late(2), wait="3600")
        await desk.in_state(command, "waiting")
        await desk.value(LAPSE)
        row = await desk.decided(command)
    assert (row["state"], row["status"]) == ("rejected", 404)
    assert [each["description"] for each in row["rejections"]] == [UNKNOWN]
    assert await desk.value(WAITING) == 0


async def test_whose_time_is_over_is_looked_at_before_others(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        commands = [await desk.put(late(number), wait="3600") for number in (2, 3, 4)]
        for command in commands:
            await desk.in_state(command, "waiting")
    await desk.value(f"{LAPSE} WHERE command_id = $1", commands[2])
    worker = Worker(desk.connection, nothing_told)
    await worker.look(1)
    assert (await worker.look(1)).kept == {}
    assert worker.looked_until > 0
    assert [await state_of(desk, command) for command in commands] == [
        *("waiting", "waiting"),
        "rejected",
    ]


async def nothing_told(_: str) -> int:
    """No verdict has a number yet."""
    return 0


async def state_of(desk: Desk, command: str) -> str:
    """How a command stands."""
    row = await desk.row(command)
    assert row is not None
    return str(row["state"])


async def test_a_wait_is_counted_from_when_the_command_came(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.put(late(2), wait="3600")
        await desk.in_state(command, "waiting")
    until_when = await desk.value("SELECT until FROM rosterline.waiting_line")
    left = until_when - datetime.now(UTC)
    assert timedelta(minutes=58) < left < timedelta(minutes=60)


async def test_a_later_command_on_the_record_ends_the_wait(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        first = await desk.put(late(2), wait="3600")
        await desk.in_state(first, "waiting")
        second = await desk.put(result(2, of=1, score=7))
        assert (await desk.decided(second))["status"] == 201
        row = await desk.decided(first)
    assert (row["state"], row["status"]) == ("rejected", 404)
    assert [verdict.command for _, verdict in await desk.told()] == ["command-1", first, second]
    assert (await desk.documents())["assessmentResults", guid(2)]["score"] == 7


@pytest.mark.parametrize("app", ["nobody", "reader"])
@pytest.mark.parametrize("together", [False, True])
async def test_who_may_not_write_a_record_ends_nobodys_wait(
    desk: Desk, app: str, together: bool
) -> None:
    await connections.add(desk.connection, "reader", scopes=["gradebook.createput"])
    await desk.put(line_item(1))
    waiting = await desk.put(late(2), wait="3600")
    if together:
        await desk.put(result(2, of=1), app=app, command="no")
    async with running(serve, desk.settings):
        await desk.in_state(waiting, "waiting")
        if not together:
            await desk.put(result(2, of=1), app=app, command="no")
        assert (await desk.decided("no", app))["status"] == 403
        row = await desk.row(waiting)
        assert row is not None
        assert row["state"] == "waiting"
        await desk.roster.write(user("late"))
        assert (await desk.decided(waiting))["status"] == 201


async def test_who_may_write_a_record_ends_anothers_wait(desk: Desk) -> None:
    await connections.add(desk.connection, "other", scopes=["gradebook.delete"])
    missing = {name: {"sourcedId": "missing"} for name in ("category", "class", "school")}
    days = {"assignDate": "2026-10-01", "dueDate": "2026-10-02"}
    item = {"sourcedId": "a", "title": "x", **days, **missing}
    async with running(serve, desk.settings):
        waiting = await desk.put({"lineItem": item}, wait="3600")
        await desk.in_state(waiting, "waiting")
        await desk.send("lineItems", "delete", {"sourcedId": "a"}, app="other", command="yes")
        assert (await desk.decided("yes", "other"))["status"] == 404
        assert (await desk.decided(waiting))["status"] == 422


async def test_of_two_lines_on_a_record_the_earlier_does_not_wait(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.batch(late(2, score=1), late(2, score=2), wait="3600")
        row = await desk.in_state(command, "waiting")
        assert [each["line"] for each in row["rejections"]] == [1]
        await desk.roster.write(user("late"))
        row = await desk.decided(command)
    assert (row["state"], row["stored"]) == ("mixed", 1)
    assert (await desk.documents())["assessmentResults", guid(2)]["score"] == 2


async def test_a_batch_is_told_when_its_last_line_is_decided(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.batch(
            result(2, of=1), late(3), b"nonsense", result(4, of=9), wait="3600"
        )
        row = await desk.in_state(command, "waiting")
        assert (row["lines"], row["stored"]) == (4, 1)
        assert [each["line"] for each in row["rejections"]] == [3]
        await desk.decided(await desk.put(line_item(5)))
        await desk.put(line_item(9))

        async def has_the_line_item() -> bool:
            return guid(4) in await desk.stored() or await desk.value(WAITING) == 1

        await until(has_the_line_item)
        await desk.value(LAPSE)
        row = await desk.decided(command)
    lines = [each["line"] for each in row["rejections"]]
    assert (row["state"], row["stored"], lines) == ("mixed", 2, [2, 3])
    told = [verdict.command for _, verdict in await desk.told()]
    assert told.index(command) > told.index("command-3")


async def test_what_waits_goes_on_when_the_record_comes_for_which_it_waits(desk: Desk) -> None:
    async with running(serve, desk.settings):
        child = await desk.put(line_item(2, parent=1), wait="3600")
        scored = await desk.put(result(3, of=2), wait="3600")
        await desk.in_state(scored, "waiting")
        await desk.put(line_item(1))
        assert (await desk.decided(child))["status"] == 201
        assert (await desk.decided(scored))["status"] == 201
    assert len(await desk.stored()) == 4


async def test_what_waits_survives_the_worker(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.put(late(2), wait="3600")
        await desk.in_state(command, "waiting")
    await desk.roster.write(user("late"))
    async with running(serve, desk.settings):
        assert (await desk.decided(command))["status"] == 201


async def test_what_waits_is_refused_when_its_connection_has_gone(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        command = await desk.put(late(2), wait="3600")
        await desk.in_state(command, "waiting")
    await desk.value("DELETE FROM rosterline.connection WHERE app = $1", APP)
    await desk.value(LAPSE)
    async with running(serve, desk.settings):
        row = await desk.decided(command)
    assert (row["status"], row["number"]) == (403, None)


async def test_a_line_that_cannot_be_decided_does_not_hold_up_the_others(desk: Desk) -> None:
    await desk.connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER fail BEFORE INSERT ON records.document "
        f"FOR EACH ROW WHEN (NEW.sourced_id = '{guid(2)}') EXECUTE FUNCTION fail()"
    )
    async with running(serve, desk.settings):
        await desk.put(line_item(1))
        poison = await desk.put(late(2), wait="3600")
        other = await desk.put(late(3, scoreDate="2026-10-02"), wait="3600")
        await desk.in_state(other, "waiting")
        await desk.roster.write(user("late"))
        assert (await desk.decided(other))["status"] == 201
        assert (await desk.decided(poison))["status"] == 500
        async with asyncio.timeout(10):
            await desk.decided(await desk.put(line_item(4)))
