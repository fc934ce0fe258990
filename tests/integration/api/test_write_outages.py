"""What a writer is told when NATS, ingest, the projector or the database is away."""

import time
from collections.abc import Awaitable, Callable

import orjson
import pytest

from rosterline.config.settings import Settings
from rosterline.events.commands import ANSWER_HEADER, COMMAND_HEADER, NO_ANSWER
from rosterline.events.subjects import batch_subject
from rosterline.launch.embedded import EmbeddedNats
from tests.support.api import BASE_URL, ONE_OF_EACH, Served, is_connected, serving
from tests.support.office import Office
from tests.support.running import until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence
from tests.support.writing import told_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
CATEGORIES = "/ims/oneroster/gradebook/v1p2/categories"
USERS = "/ims/oneroster/rostering/v1p2/users"
BODY = {"category": {"title": "Homework"}}
NDJSON = {"Content-Type": "application/x-ndjson"}
SCOPES = ["roster.readonly", "gradebook.createput"]
# Far below the 30 seconds for which somebody would wait who is not refused at once.
AT_ONCE_SECONDS = 5.0
# Publishing must still succeed within this, on a slow machine too.
SHORT_SECONDS = 4.0
LISTENER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'rosterline api revisions'"
MINE = f"{LISTENER} AND datname = current_database()"


def is_away(served: Served) -> Callable[[], Awaitable[bool]]:
    """Whether the API has seen that NATS is away."""

    async def ask() -> bool:
        return not served.writer.bus.is_connected

    return ask


async def test_without_nats_writes_are_refused_at_once_and_reads_go_on(office: Office) -> None:
    served, client = office.served, office.client
    path = f"{CATEGORIES}/{office.new_id()}"
    office.nats.stop()
    try:
        await until(is_away(served))
        begun = time.monotonic()
        refused = await client.put(path, json=BODY)
        batch = await client.post("/ingest/batch", content=b"{}", headers=NDJSON)
        assert time.monotonic() - begun < AT_ONCE_SECONDS
        for answer in (refused, batch):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "not kept" in answer.json()["imsx_description"]
        assert (await client.get(USERS)).status_code == 200
        assert (await client.get(path)).status_code == 404
    finally:
        office.nats.start()
    await until(is_connected(served.writer))
    again = await client.put(path, json=BODY)
    assert again.status_code in (201, 202), again.text
    if again.status_code == 202:
        assert (await told_of(client, again.headers["Location"]))["status"] == 201


async def test_an_api_without_the_address_of_nats_reads_and_refuses_writes(
    databases: Databases,
) -> None:
    async with serving(databases.dsn) as served:
        await served.read_model.write(*ONE_OF_EACH)
        client = await served.connect("writer", scopes=SCOPES)
        assert (await client.get(USERS)).status_code == 200
        assert (await client.put(f"{CATEGORIES}/c1", json=BODY)).status_code == 503
        await client.aclose()


async def test_an_api_that_started_before_nats_writes_once_it_is_there(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    nats_server.stop()
    settings = Settings(dsn=databases.dsn, nats_url=nats_server.url, public_url=BASE_URL)
    later = {"Prefer": "respond-async"}
    async with serving(databases.dsn, settings=settings, waits=False) as served:
        client = await served.connect("writer", scopes=SCOPES)
        assert (await client.put(f"{CATEGORIES}/c1", json=BODY)).status_code == 503
        nats_server.start()
        await until(is_connected(served.writer))
        answer = await client.put(f"{CATEGORIES}/c1", json=BODY, headers=later)
        assert answer.status_code == 202
        async with client_of(nats_server.url) as nats:
            assert await last_sequence(nats, "INGEST") == 1
            await nats.jetstream().delete_stream("INGEST")
            answer = await client.put(f"{CATEGORIES}/c1", json=BODY, headers=later)
            assert answer.status_code == 202, "a stream that was removed is made again"
            assert await last_sequence(nats, "INGEST") == 1
        await client.aclose()


async def test_a_write_that_takes_too_long_is_kept_and_can_be_asked_for(office: Office) -> None:
    path = f"{CATEGORIES}/{office.new_id()}"
    async with office.without("ingest"):
        with office.answering_within(SHORT_SECONDS):
            answer = await office.client.put(path, json=BODY)
        assert answer.status_code == 202
        assert "Preference-Applied" not in answer.headers
        place = answer.headers["Location"]
        assert (await office.client.get(place)).json()["state"] == "queued"
    assert (await told_of(office.client, place))["status"] == 201


async def test_a_write_that_cannot_be_read_yet_is_answered_so(office: Office) -> None:
    path = f"{CATEGORIES}/{office.new_id()}"
    async with office.without("projector"):
        with office.answering_within(SHORT_SECONDS):
            answer = await office.client.put(path, json=BODY)
        assert answer.status_code == 202
        place = answer.headers["Location"]
        stored = "SELECT EXISTS (SELECT FROM rosterline.command WHERE revision IS NOT NULL AND "
        await until(
            lambda: office.served.connection.fetchval(
                f"{stored} command_id = $1)", place.removeprefix("/ingest/")
            )
        )
        told = (await office.client.get(place)).json()
        assert (told["state"], "status" in told) == ("queued", False)
        assert (await office.client.get(path)).status_code == 404
    told = await told_of(office.client, place)
    assert (told["state"], told["status"]) == ("stored", 201)
    assert (await office.client.put(path, json=BODY)).status_code == 200
    assert (await office.client.get(path)).status_code == 200


async def test_a_verdict_that_was_lost_on_its_way_is_found_where_it_is_kept(
    office: Office,
) -> None:
    bus = office.served.writer.bus
    listened = bus.token
    bus.token = "nobody"
    try:
        path = f"{CATEGORIES}/{office.new_id()}"
        assert (await office.client.put(path, json=BODY)).status_code == 201
        assert (await office.client.get(path)).status_code == 200
        refused = await office.client.put(path, json={"category": {}})
        assert refused.status_code == 422
    finally:
        bus.token = listened


async def test_a_lost_notification_is_made_up_for(office: Office) -> None:
    path, connection = f"{CATEGORIES}/{office.new_id()}", office.served.connection
    for title in ("One", "Two"):
        listener = await connection.fetchval(MINE)
        await connection.fetchval("SELECT pg_terminate_backend($1)", listener)
        answer = await office.client.put(path, json={"category": {"title": title}})
        assert answer.status_code in (200, 201)
        await until(has_another_listener(office.served, listener))


def has_another_listener(served: Served, pid: int) -> Callable[[], Awaitable[bool]]:
    """Whether the API follows the read model on another connection."""

    async def ask() -> bool:
        found = await served.connection.fetch(MINE)
        return [row["pid"] for row in found] not in ([], [pid])

    return ask


async def test_a_command_that_is_sent_twice_is_done_once(office: Office) -> None:
    """Who learns nothing of an acknowledgement sends again, by the same name."""
    sourced_id = office.new_id()
    path = f"{CATEGORIES}/{sourced_id}"
    line = orjson.dumps({"category": {"sourcedId": sourced_id, "title": "Homework"}})
    headers = {COMMAND_HEADER: "once", ANSWER_HEADER: NO_ANSWER}
    subject = batch_subject("district", "writer-v1p2")
    bus = office.served.writer.bus
    await bus.publish(subject, line, headers, seconds=3)
    assert (await office.client.put(path, json=BODY)).status_code == 200
    assert (await office.client.get("/ingest/once")).json()["status"] == 201
    assert (await office.client.delete(path)).status_code == 204
    await bus.publish(subject, line, headers, seconds=3)
    assert (await office.client.put(f"{CATEGORIES}/later", json=BODY)).status_code == 201
    assert (await office.client.get(path)).json()["category"]["status"] == "tobedeleted"
