"""Messages that cannot be worked off: put aside with a reason, and sent again by an operator."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rosterline.bus.topology import INGEST
from rosterline.ingest.dead_letters import Letter, fetch_letters
from rosterline.ingest.errors import SameFaultError
from rosterline.ingest.service import serve
from rosterline.launch.commands.ingest import drop, redrive
from rosterline.launch.errors import LaunchError
from rosterline.telemetry import failpoints
from tests.integration.ingest.desk import APP, Desk, guid, line_item
from tests.support.chain import Chain
from tests.support.running import running, until
from tests.support.streams import speak

FAIL = f"""
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'secret words'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON records.document
FOR EACH ROW WHEN (NEW.sourced_id = '{guid(1)}') EXECUTE FUNCTION fail()
"""
MEND = "DROP TRIGGER fail ON records.document"


@pytest.fixture
async def failing(desk: Desk) -> Desk:
    """A desk at which the first line item cannot be stored."""
    await desk.connection.execute(FAIL)
    return desk


async def letter_of(desk: Desk) -> Letter:
    """The one message that was put aside."""
    await desk.in_state("command-1", "held")
    (letter,) = await fetch_letters(desk.connection)
    return letter


async def test_what_was_put_aside_says_why_and_not_what(failing: Desk) -> None:
    async with running(serve, failing.settings):
        await failing.put(line_item(1))
        letter = await letter_of(failing)
    assert (letter.app, letter.command_id, letter.sent_again_at) == (APP, "command-1", None)
    assert letter.reason.startswith("RaiseError (SQLSTATE P0001)")
    assert "write_documents in ingest/store.py" in letter.reason
    assert "secret" not in letter.reason
    assert guid(1) in letter.data.decode()
    assert await failing.told_or_nothing() == []
    assert await failing.value("SELECT count(*) FROM rosterline.attempt") == 0


async def test_whatever_stands_in_its_headers_a_message_can_be_put_aside(desk: Desk) -> None:
    # No connection has such a name, and PostgreSQL knows no such text.
    command = b"Rosterline-Command: odd\r\nRosterline-Batch: a\x00b\r\nOther: \xff\x00\r\n"
    head = b"NATS/1.0\r\n" + command + b"\r\n"
    place = b"HPUB ingest.district.ven\x00dor.batch %d %d\r\n" % (len(head), len(head) + 2)
    await speak(desk.settings.nats_url, place + head + b"{}\r\n")
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
    (letter,) = await fetch_letters(desk.connection)
    assert (letter.app, letter.subject) == ("ven\ufffddor", "ingest.district.ven\ufffddor.batch")
    assert letter.headers == {"Rosterline-Command": "odd", "Rosterline-Batch": "a\ufffdb"}
    assert letter.data == b"{}"


async def test_a_batch_header_that_cannot_be_kept_is_answered(desk: Desk) -> None:
    head = b"NATS/1.0\r\nRosterline-Command: odd\r\nRosterline-Batch: a\x00b\r\n\r\n"
    place = b"HPUB ingest.district.vendor.batch %d %d\r\n" % (len(head), len(head) + 2)
    await speak(desk.settings.nats_url, place + head + b"{}\r\n")
    async with running(serve, desk.settings):
        row = await desk.decided("odd")
    assert (row["status"], row["batch_id"]) == (422, None)


async def test_what_was_put_aside_is_stored_when_it_is_sent_again(failing: Desk) -> None:
    async with running(serve, failing.settings), failing.listening("me") as answers:
        await failing.put(line_item(1), answer="me")
        letter = await letter_of(failing)
        await failing.connection.execute(MEND)
        assert await redrive(failing.settings, letter.letter_id) == 1
        async with asyncio.timeout(10):
            verdict = await answers.get()
        await until(failing.is_empty)
    assert (verdict.command, verdict.state, verdict.status) == ("command-1", "stored", 201)
    row = await failing.row("command-1")
    assert row is not None
    assert row["state"] == "stored"
    assert await fetch_letters(failing.connection) == []
    assert await failing.stored() == {guid(1)}


async def test_what_was_sent_again_does_not_undo_what_came_later(failing: Desk) -> None:
    async with running(serve, failing.settings):
        await failing.put(line_item(1, title="old"))
        letter = await letter_of(failing)
        await failing.connection.execute(MEND)
        await failing.decided(await failing.put(line_item(1, title="new")))
        await redrive(failing.settings, letter.letter_id)
        row = await failing.decided("command-1")
    assert (row["state"], row["status"]) == ("rejected", 422)
    assert row["rejections"][0]["description"] == "A later command on this record was stored."
    assert (await failing.documents())["assessmentLineItems", guid(1)]["title"] == "new"


async def test_what_fails_again_is_put_aside_again(failing: Desk) -> None:
    async with running(serve, failing.settings):
        await failing.put(line_item(1))
        letter = await letter_of(failing)
        await redrive(failing.settings, None)

        async def is_put_aside_again() -> bool:
            (again,) = await fetch_letters(failing.connection)
            return again.died_at > letter.died_at

        await until(is_put_aside_again)
        await until(failing.is_empty)
    (again,) = await fetch_letters(failing.connection)
    assert (again.letter_id, again.revision) == (letter.letter_id, letter.revision)
    row = await failing.row("command-1")
    assert row is not None
    assert row["state"] == "held"


async def test_who_sends_a_held_command_again_changes_nothing(failing: Desk) -> None:
    async with running(serve, failing.settings):
        await failing.put(line_item(1), command="command-1")
        await letter_of(failing)
        await failing.connection.execute(MEND)

        async def is_taken_again() -> bool:
            await failing.put(line_item(1), command="command-1")
            return (await failing.client.jetstream().stream_info("INGEST")).state.last_seq > 1

        await until(is_taken_again)
        await until(failing.is_empty)
    assert await failing.stored() == set()
    assert len(await fetch_letters(failing.connection)) == 1


async def test_a_forged_word_of_another_connections_letter_is_no_more_than_a_command(
    failing: Desk,
) -> None:
    async with running(serve, failing.settings):
        await failing.put(line_item(1))
        letter = await letter_of(failing)
        command = await failing.put(line_item(2), app="other", redriven=str(letter.letter_id))
        row = await failing.decided(command, "other")
    assert row["status"] == 403
    assert len(await fetch_letters(failing.connection)) == 1


ANOTHERS = """
INSERT INTO rosterline.dead_letter
    (app, command_id, subject, headers, data, received_at, reason, revision, sent_again_at)
VALUES ($1, 'another', 'ingest.district.vendor.batch', '{"Nats-Rollup": "all"}', '{}', now(),
    'its own', 0, now())
RETURNING letter_id
"""


@pytest.mark.parametrize("app", ["other", APP])
async def test_g7_a_command_that_names_anothers_letter_is_put_aside_itself(
    failing: Desk, app: str
) -> None:
    letter_id = await failing.value(ANOTHERS, app)
    async with running(serve, failing.settings):
        await failing.put(line_item(1), redriven=str(letter_id))
        await failing.in_state("command-1", "held")
    another, own = await fetch_letters(failing.connection)
    assert (another.reason, another.sent_again_at is None) == ("its own", False)
    assert (own.app, own.command_id) == (APP, "command-1")
    assert guid(1) in own.data.decode()


async def test_g7_a_command_that_names_a_letter_that_is_not_there_is_put_aside(
    failing: Desk,
) -> None:
    async with running(serve, failing.settings):
        await failing.put(line_item(1), redriven="77")
        assert (await letter_of(failing)).command_id == "command-1"


async def test_no_header_is_sent_again_that_directs_the_server(desk: Desk) -> None:
    # Such a letter may stand there from before they were left out.
    letter_id = await desk.value(ANOTHERS, APP)
    await desk.connection.execute("UPDATE rosterline.dead_letter SET sent_again_at = NULL")
    assert await redrive(desk.settings, letter_id) == 1
    message = await desk.client.jetstream().get_msg(INGEST, seq=1)
    assert message.headers == {
        "Nats-Expected-Stream": INGEST,
        "Rosterline-Command": "another",
        "Rosterline-Redriven": str(letter_id),
    }


@pytest.mark.parametrize("answer", [{}, {"answer": "me"}])
async def test_g7_who_sent_what_is_dropped_is_told_so(
    failing: Desk, answer: dict[str, str]
) -> None:
    async with running(serve, failing.settings), failing.listening("me") as answers:
        await failing.batch(line_item(1), line_item(2), **answer)
        letter = await letter_of(failing)
        dropped = await drop(failing.settings, letter.letter_id)
        assert (dropped.app, dropped.command_id) == (APP, "command-1")
        row = await failing.decided("command-1")
        if answer:
            async with asyncio.timeout(10):
                told = await answers.get()
        else:
            ((_, told),) = await until(failing.told_or_nothing)
        await until(failing.is_empty)
    assert (row["state"], row["stored"]) == ("rejected", 0)
    assert [(each["line"], each["status"]) for each in row["rejections"]] == [(1, 500), (2, 500)]
    assert (told.command, told.state, len(told.rejections)) == ("command-1", "rejected", 2)
    assert await failing.stored() == set()
    assert await fetch_letters(failing.connection) == []
    with pytest.raises(LaunchError, match="there is no dead letter"):
        await drop(failing.settings, letter.letter_id)
    with pytest.raises(LaunchError, match="there is no dead letter"):
        await redrive(failing.settings, letter.letter_id)


async def test_a_letter_on_which_nobody_waits_is_forgotten(desk: Desk) -> None:
    await drop(desk.settings, await desk.value(ANOTHERS, APP))
    assert await fetch_letters(desk.connection) == []
    assert (await desk.client.jetstream().stream_info(INGEST)).state.messages == 0


async def test_what_is_another_districts_is_put_aside_and_not_sent_again(desk: Desk) -> None:
    for number in range(7):
        await desk.publish("ingest.elsewhere.vendor.batch", b"{}", f"stray-{number}", {})
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        await until(desk.is_empty)
    letters = await fetch_letters(desk.connection)
    assert {(letter.app, letter.subject) for letter in letters} == {
        ("", "ingest.elsewhere.vendor.batch")
    }
    assert [letter.command_id for letter in letters] == [f"stray-{number}" for number in range(7)]
    assert letters[0].reason.startswith("NoSenderError")
    assert await desk.value("SELECT count(*) FROM rosterline.command") == 1
    assert await redrive(desk.settings, None) == 0
    await drop(desk.settings, letters[0].letter_id)
    assert len(await fetch_letters(desk.connection)) == 6


async def test_who_says_of_itself_that_it_was_dropped_is_a_command_like_others(desk: Desk) -> None:
    async with running(serve, desk.settings):
        row = await desk.decided(await desk.put(line_item(1), redriven="77", dropped="true"))
    assert row["status"] == 201


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (
            "ALTER TABLE rosterline.command RENAME COLUMN rejections TO other",
            "ALTER TABLE rosterline.command RENAME COLUMN other TO rejections",
        ),
        (
            "ALTER TABLE records.document RENAME COLUMN minute TO other",
            "ALTER TABLE records.document RENAME COLUMN other TO minute",
        ),
    ],
)
async def test_g7_what_is_the_databases_fault_puts_nothing_aside_and_is_waited_out(
    desk: Desk, spoil: str, mend: str
) -> None:
    await desk.connection.execute(spoil)
    for number in range(1, 21):
        await desk.put(line_item(number))
    with capture_logs() as logs:
        async with running(serve, desk.settings):

            async def is_reported_twice() -> bool:
                events = [entry for entry in logs if entry["event"] == "ingest.interrupted"]
                assert all("UndefinedColumnError" in entry["error"] for entry in events)
                assert all(entry["log_level"] == "error" for entry in events)
                return len(events) > 1

            await until(is_reported_twice)
            await desk.connection.execute(mend)
            await desk.decided("command-20")
    assert await fetch_letters(desk.connection) == []
    assert len(await desk.stored()) == 20


async def test_g7_a_fault_of_ours_in_every_message_does_not_put_all_aside(desk: Desk) -> None:
    await desk.connection.execute(FAIL.replace(f"WHEN (NEW.sourced_id = '{guid(1)}')", ""))
    for number in range(1, 9):
        await desk.put(line_item(number))
    for letters in (5, 8):
        if letters == 5:
            with pytest.raises(SameFaultError, match="redrive --all"):
                await serve(desk.settings, asyncio.Event())
        else:
            async with running(serve, desk.settings):
                await until(desk.is_empty)
        found = await fetch_letters(desk.connection)
        assert len(found) == letters
        assert {letter.reason.split()[0] for letter in found} == {"RaiseError"}


async def die_at(chain: Chain, failpoint: str) -> None:
    """Run ingest until it dies there."""
    chain.start("ingest", f"{failpoint}:1")
    process = chain.processes["ingest"]
    try:
        code = await asyncio.to_thread(process.wait, 30)
    finally:
        process.kill()
        process.wait()
    assert code == -signal.SIGKILL, chain.logs()


async def test_a_message_of_which_a_worker_dies_is_put_aside_and_the_others_go_on(
    desk: Desk, tmp_path: Path
) -> None:
    for number in (1, 2):
        await desk.put(line_item(number))
    chain = Chain(desk.settings, tmp_path)
    # It is not known which of both it was: the first time they were begun together.
    for _ in range(4):
        await die_at(chain, failpoints.INGEST_BEFORE_COMMIT)
    async with running(serve, desk.settings):
        await desk.in_state("command-1", "held")
        await desk.decided("command-2")
        await until(desk.is_empty)
    (letter,) = await fetch_letters(desk.connection)
    assert letter.reason == "the process died while it was worked off"
    assert await desk.stored() == {guid(2)}


async def test_one_death_puts_nothing_aside(desk: Desk, tmp_path: Path) -> None:
    for number in range(1, 30):
        await desk.put(line_item(number))
    chain = Chain(desk.settings, tmp_path)
    await die_at(chain, failpoints.INGEST_BEFORE_COMMIT)
    async with running(serve, desk.settings):
        await desk.decided("command-29")
        await until(desk.is_empty)
    assert await desk.stored() == {guid(number) for number in range(1, 30)}
    assert await desk.value("SELECT count(*) FROM rosterline.attempt") == 0


@pytest.mark.parametrize("failpoint", [name for name in failpoints.ALL if "ingest." in name])
async def test_g7_every_command_is_told_once_wherever_a_worker_dies(
    desk: Desk, tmp_path: Path, failpoint: str
) -> None:
    commands = [await desk.put(line_item(number)) for number in range(1, 20)]
    chain = Chain(desk.settings, tmp_path)
    await die_at(chain, failpoint)
    commands.append(await desk.put(line_item(20)))
    async with running(serve, desk.settings):
        await desk.decided(commands[-1])
        await until(desk.is_empty)
    assert await desk.stored() == {guid(number) for number in range(1, 21)}
    told: list[Any] = [(number, verdict.command) for number, verdict in await desk.told()]
    assert told == list(enumerate(commands, start=1))
