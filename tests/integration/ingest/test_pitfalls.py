"""What FastStream and nats-py do by default, and we do not: each test loses something if we did."""

import asyncio
from typing import Any

import orjson
import pytest
from nats.js.api import ConsumerConfig

from rosterline.bus.topology import INGEST, INGEST_CONSUMER, resume_ingest_consumer
from rosterline.ingest import upkeep as upkeep_module
from rosterline.ingest.service import serve
from rosterline.launch.embedded import EmbeddedNats
from tests.integration.ingest.desk import Desk, guid, line_item
from tests.support.locks import until_waited_for
from tests.support.running import running, until
from tests.support.streams import last_sequence, speak

TITLE = "SELECT body ->> 'title' FROM records.document WHERE sourced_id = $1"
FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'this record cannot be stored'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON records.document
FOR EACH ROW WHEN (NEW.sourced_id = '{sourced_id}') EXECUTE FUNCTION fail()
"""


def titled(number: int, title: object) -> dict[str, Any]:
    """A line item of which only the title changes."""
    return line_item(number, title=str(title))


async def steal(desk: Desk, count: int) -> list[int]:
    """Let messages be delivered to somebody who does nothing with them; their sequences."""
    subscription = await desk.client.jetstream().pull_subscribe_bind(INGEST_CONSUMER, INGEST)
    messages = await subscription.fetch(count, timeout=5)
    return [message.metadata.sequence.stream for message in messages]


async def test_an_exception_loses_no_message_and_holds_up_no_other(desk: Desk) -> None:
    await desk.connection.execute(FAIL.format(sourced_id=guid(2)))
    commands = [await desk.put(line_item(number)) for number in (1, 2, 3)]
    async with running(serve, desk.settings):
        await desk.decided(commands[2])
        await desk.in_state(commands[1], "held")
        await until(desk.is_empty)
    assert await desk.stored() == {guid(1), guid(3)}
    assert await desk.value("SELECT count(*) FROM rosterline.dead_letter") == 1


@pytest.mark.parametrize("count", [1, 40, 700])
async def test_commands_on_a_record_are_worked_off_in_the_order_of_the_stream(
    desk: Desk, count: int
) -> None:
    for number in range(count):
        await desk.put(titled(1, number))
    async with running(serve, desk.settings):
        await desk.decided(f"command-{count}")
        # While it runs, too: each comes alone.
        for number in range(count, count + 20):
            await desk.put(titled(1, number))
        await desk.decided(f"command-{count + 20}")
        await until(desk.is_empty)
    assert await desk.value(TITLE, guid(1)) == str(count + 19)
    told = await desk.told()
    assert [(number, verdict.command) for number, verdict in told] == [
        (number, f"command-{number}") for number in range(1, count + 21)
    ]


async def test_a_lone_message_does_not_wait_for_others(desk: Desk) -> None:
    async with running(serve, desk.settings), desk.listening("me") as answers:
        await desk.decided(await desk.put(line_item(1)))
        for number in range(2, 7):
            await desk.put(line_item(number), answer="me")
            # FastStream would wait 5 seconds for more.
            async with asyncio.timeout(3):
                assert (await answers.get()).status == 201


async def test_a_message_that_is_no_json_is_answered_and_the_others_are_stored(desk: Desk) -> None:
    subject = "ingest.district.vendor.assessmentLineItems.put"
    await desk.put(line_item(1))
    await desk.publish(subject, b"\xff\x00{", "broken", {})
    await desk.put(line_item(2))
    async with running(serve, desk.settings):
        await until(desk.is_empty)
        row = await desk.decided("broken")
    assert (row["state"], row["status"]) == ("rejected", 422)
    assert row["rejections"][0]["description"].startswith("This is not JSON")
    assert await desk.stored() == {guid(1), guid(2)}


async def test_headers_make_it_neither_answer_nor_decode(desk: Desk) -> None:
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await desk.client.subscribe("spy", cb=hear)
    subject = "ingest.district.vendor.assessmentLineItems.put"
    headers = {
        "reply_to": "spy",
        "correlation_id": "x",
        "content-type": "text/plain",
        "Rosterline-Command": "odd",
    }
    body = b'{"assessmentLineItem": {"sourcedId": "%s", "title": "x"}}' % guid(1).encode()
    await desk.client.jetstream().publish(subject, body, headers=headers)
    async with running(serve, desk.settings):
        await desk.decided("odd")
        await until(desk.is_empty)
    await desk.client.flush()
    assert heard == []
    assert await desk.stored() == {guid(1)}


async def test_a_stream_that_is_there_stays_as_its_operator_configured_it(desk: Desk) -> None:
    jetstream = desk.client.jetstream()
    config = (await jetstream.stream_info(INGEST)).config
    config.description, config.max_msgs = "Mine", 12345
    await jetstream.update_stream(config)
    before = (await jetstream.stream_info(INGEST)).config
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
    assert (await jetstream.stream_info(INGEST)).config == before


async def test_it_goes_on_when_nats_was_started_again(
    desk: Desk, nats_server: EmbeddedNats
) -> None:
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        for number in (2, 3):
            await asyncio.to_thread(nats_server.stop)
            await asyncio.to_thread(nats_server.start)
            await desk.put(line_item(number))
            await desk.decided(f"command-{number}")
        await until(desk.is_empty)
    assert [number for number, _ in await desk.told()] == [1, 2, 3]


async def test_it_connects_again_when_its_session_was_ended(desk: Desk) -> None:
    async with running(serve, desk.settings):
        for number in range(1, 4):
            await desk.decided(await desk.put(line_item(number)))
            ended = await desk.value(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE application_name = 'rosterline ingest' AND datname = current_database()"
            )
            assert ended == 1
        await desk.decided(await desk.put(line_item(4)))
    assert await desk.stored() == {guid(number) for number in range(1, 5)}
    assert await desk.value("SELECT count(*) FROM rosterline.dead_letter") == 0


async def test_a_second_delivery_has_the_same_verdict_and_changes_nothing(desk: Desk) -> None:
    async with running(serve, desk.settings), desk.listening("me") as answers:
        await desk.put(titled(1, "first"), command="once", answer="me")
        first = await answers.get()
        await desk.decided(await desk.put(titled(1, "later")))

        async def is_sent_again() -> bool:
            # JetStream's own window of duplicates is short, and no promise of ours rests on it.
            await desk.put(titled(1, "first"), command="once", answer="me")
            return not answers.empty()

        await until(is_sent_again)
        assert await answers.get() == first
        await until(desk.is_empty)
    assert await desk.value(TITLE, guid(1)) == "later"
    assert len(await desk.told()) == 1


async def test_what_a_dead_worker_had_comes_before_what_is_newer(desk: Desk) -> None:
    await resume_ingest_consumer(desk.client.jetstream())
    for number in range(5):
        await desk.put(titled(1, number))
    assert await steal(desk, 3) == [1, 2, 3]
    async with running(serve, desk.settings):
        # Otherwise these three would come again in half a minute, behind the others.
        async with asyncio.timeout(10):
            await desk.decided("command-1")
            await desk.decided("command-5")
    assert await desk.value(TITLE, guid(1)) == "4"
    assert [verdict.command for _, verdict in await desk.told()] == [
        f"command-{number}" for number in range(1, 6)
    ]


async def test_what_was_lost_on_the_way_comes_before_what_is_newer(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(titled(1, "first")))
        async with desk.connection.transaction():
            await desk.connection.execute("LOCK TABLE records.document")
            await desk.put(titled(1, "being worked off"))
            await until_waited_for(desk.connection, desk.settings.dsn)
            await desk.put(titled(1, "lost"))
            await desk.put(titled(1, "last"))
            assert await steal(desk, 1) == [3]
        async with asyncio.timeout(10):
            await desk.decided("command-3")
            await desk.decided("command-4")
    assert await desk.value(TITLE, guid(1)) == "last"


async def test_a_message_that_was_removed_is_not_waited_for(desk: Desk) -> None:
    for number in range(1, 4):
        await desk.put(line_item(number))
    await desk.client.jetstream().delete_msg(INGEST, 2)
    async with running(serve, desk.settings):
        await desk.decided("command-3")
        await until(desk.is_empty)
    assert await desk.stored() == {guid(1), guid(3)}


async def test_a_consumer_that_was_deleted_is_made_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep_module, "PULSE_SECONDS", 0.2)
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(titled(1, "first")))
        await desk.client.jetstream().delete_consumer(INGEST, INGEST_CONSUMER)
        last = await desk.put(titled(1, "last"))
        await desk.decided(last)
    assert await desk.value(TITLE, guid(1)) == "last"
    assert [verdict.command for _, verdict in await desk.told()] == ["command-1", "command-2"]


async def test_the_consumer_acknowledges_explicitly_and_gives_nothing_up(desk: Desk) -> None:
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        info = await desk.client.jetstream().consumer_info(INGEST, INGEST_CONSUMER)
    config: ConsumerConfig = info.config
    assert (config.ack_policy, config.max_deliver, config.durable_name) == (
        "explicit",
        -1,
        INGEST_CONSUMER,
    )


async def test_it_stops_though_a_wait_loses_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "END_SECONDS", 0.01)
    lost = 0

    async def go_on() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    work = asyncio.ensure_future(go_on())
    await asyncio.wait([work], timeout=0.01)
    async with asyncio.timeout(5):
        await upkeep_module.end([work])
    assert (lost, work.cancelled()) == (3, True)


async def test_it_stops_at_once_in_the_middle_of_a_unit(desk: Desk) -> None:
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(desk.settings, stop))
    await desk.decided(await desk.put(line_item(1)))
    async with desk.connection.transaction():
        await desk.connection.execute("LOCK TABLE records.document")
        await desk.put(line_item(2))
        await until_waited_for(desk.connection, desk.settings.dsn)
        stop.set()
        # FastStream would give the unit 15 seconds.
        async with asyncio.timeout(10):
            await serving
        assert await desk.row("command-2") is None
    async with running(serve, desk.settings):
        await desk.decided("command-2")
    assert [number for number, _ in await desk.told()] == [1, 2]


@pytest.mark.parametrize("status", ["503", "100", "x"])
@pytest.mark.parametrize("behind", [0, 2])
async def test_g7_a_message_that_the_client_takes_for_the_servers_word_gets_its_verdict(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, status: str, behind: int
) -> None:
    monkeypatch.setattr(upkeep_module, "PULSE_SECONDS", 0.3)
    subject = "ingest.district.vendor.assessmentLineItems.put"
    headers = {"Status": status, "Rosterline-Command": "odd"}
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        await desk.client.jetstream().publish(subject, orjson.dumps(line_item(2)), headers=headers)
        for number in range(3, 3 + behind):
            await desk.put(line_item(number))
        row = await desk.decided("odd")
        await until(desk.is_empty)
    assert (row["state"], row["status"]) == ("stored", 201)
    assert await desk.stored() == {guid(number) for number in range(1, 3 + behind)}
    assert [number for number, _ in await desk.told()] == list(range(1, 3 + behind))


@pytest.mark.parametrize(
    "words",
    [
        b"PUB ingest.district.vendor.\xff\xfe.put 2\r\n{}\r\n",
        b"PUB ingest.district.vendor.a\x00b.put 2\r\n{}\r\n",
        b"HPUB ingest.district.vendor.batch 19 21\r\nNATS/1.0 \xff\xff\xff \xff\xff\r\n\r\n{}\r\n",
        b"HPUB ingest.district.vendor.batch 20 22\r\nNATS/1.0 503 \xff\xff\xff\r\n\r\n{}\r\n",
    ],
)
async def test_g7_what_is_no_text_gets_its_verdict_and_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(upkeep_module, "PULSE_SECONDS", 0.3)
    await speak(desk.settings.nats_url, words)
    assert await last_sequence(desk.client, INGEST) == 1
    async with running(serve, desk.settings):
        await desk.decided(await desk.put(line_item(1)))
        await until(desk.is_empty)
    states = await desk.connection.fetch("SELECT state FROM rosterline.command ORDER BY number")
    assert [row["state"] for row in states] == ["rejected", "stored"]
