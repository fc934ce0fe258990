"""What a writer is told when NATS, ingest, the projector or the database is away."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest_asyncio

from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedNats
from tests.support.api import BASE_URL, ONE_OF_EACH, Served, is_connected, serving
from tests.support.running import until
from tests.support.scripted_ingest import scripted
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence, read_all
from tests.support.writing import told_of

CATEGORY = "/ims/oneroster/gradebook/v1p2/categories/c1"
USERS = "/ims/oneroster/rostering/v1p2/users"
BODY = {"category": {"title": "Homework"}}
NDJSON = {"Content-Type": "application/x-ndjson"}
SCOPES = ["roster.readonly", "gradebook.readonly", "gradebook.createput"]
# Far below the time for which somebody would wait who is not refused at once.
AT_ONCE_SECONDS = 1.0
LISTENER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'rosterline api revisions'"


@pytest_asyncio.fixture
async def served(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Served]:
    settings = Settings(
        dsn=databases.dsn, nats_url=nats_server.url, public_url=BASE_URL, write_seconds=3
    )
    async with serving(databases.dsn, settings=settings) as served:
        await served.read_model.write(*ONE_OF_EACH)
        yield served


@pytest_asyncio.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    client = await served.connect("writer", scopes=SCOPES)
    yield client
    await client.aclose()


def is_away(served: Served) -> Callable[[], Awaitable[bool]]:
    """Whether the API has seen that NATS is away."""

    async def ask() -> bool:
        return not served.writer.bus.is_connected

    return ask


async def test_without_nats_writes_are_refused_at_once_and_reads_go_on(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    nats_server.stop()
    await until(is_away(served))
    begun = time.monotonic()
    refused = await client.put(CATEGORY, json=BODY)
    batch = await client.post("/ingest/batch", content=b"{}", headers=NDJSON)
    assert time.monotonic() - begun < AT_ONCE_SECONDS
    for answer in (refused, batch):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "not kept" in answer.json()["imsx_description"]
    assert (await client.get(USERS)).status_code == 200
    nats_server.start()
    await until(is_connected(served.writer))
    async with scripted(served, nats_server.url):
        assert (await client.put(CATEGORY, json=BODY)).status_code == 201


async def test_an_api_without_the_address_of_nats_reads_and_refuses_writes(
    databases: Databases,
) -> None:
    async with serving(databases.dsn) as served:
        await served.read_model.write(*ONE_OF_EACH)
        client = await served.connect("writer", scopes=SCOPES)
        assert (await client.get(USERS)).status_code == 200
        assert (await client.put(CATEGORY, json=BODY)).status_code == 503
        await client.aclose()


async def test_an_api_that_started_before_nats_writes_once_it_is_there(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    nats_server.stop()
    settings = Settings(dsn=databases.dsn, nats_url=nats_server.url, public_url=BASE_URL)
    async with serving(databases.dsn, settings=settings, waits=False) as served:
        client = await served.connect("writer", scopes=SCOPES)
        assert (await client.put(CATEGORY, json=BODY)).status_code == 503
        nats_server.start()
        await until(is_connected(served.writer))
        async with scripted(served, nats_server.url):
            assert (await client.put(CATEGORY, json=BODY)).status_code == 201
        await client.aclose()


async def test_a_stream_that_was_removed_is_made_again(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    async with client_of(nats_server.url) as nats:
        await nats.jetstream().delete_stream("INGEST")
        answer = await client.put(CATEGORY, json=BODY, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202
        assert await last_sequence(nats, "INGEST") == 1
    assert served.writer.bus.is_connected


async def test_a_write_that_takes_too_long_is_kept_and_can_be_asked_for(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    async with scripted(served, nats_server.url) as script:
        script.shows.clear()
        answer = await client.put(CATEGORY, json=BODY)
        assert answer.status_code == 202
        assert "Preference-Applied" not in answer.headers
        place = answer.headers["Location"]
        assert (await client.get(place)).json()["state"] == "queued"
        script.shows.set()
        assert (await told_of(client, place))["status"] == 201


async def test_a_verdict_that_was_lost_on_its_way_is_found_where_it_is_kept(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    async with scripted(served, nats_server.url) as script:
        script.is_silent = True
        assert (await client.put(CATEGORY, json=BODY)).status_code == 201
        assert (await client.get(CATEGORY)).status_code == 200


async def test_a_read_model_that_is_behind_keeps_a_writer_waiting(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    async with scripted(served, nats_server.url) as script:
        script.lag = 1
        assert (await client.put(CATEGORY, json=BODY)).status_code == 202
        script.lag = 0
        assert (await client.put(CATEGORY, json=BODY)).status_code == 200


async def test_a_lost_notification_is_made_up_for(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    async with scripted(served, nats_server.url):
        assert (await client.put(CATEGORY, json=BODY)).status_code == 201
        for title in ("One", "Two"):
            listener = await served.connection.fetchval(LISTENER)
            await served.connection.fetchval("SELECT pg_terminate_backend($1)", listener)
            answer = await client.put(CATEGORY, json={"category": {"title": title}})
            assert answer.status_code == 200
            await until(has_another_listener(served, listener))


def has_another_listener(served: Served, pid: int) -> Callable[[], Awaitable[bool]]:
    """Whether the API follows the read model on another connection."""

    async def ask() -> bool:
        found = await served.connection.fetch(LISTENER)
        return [row["pid"] for row in found] not in ([], [pid])

    return ask


async def test_a_command_that_is_sent_twice_is_kept_once(
    served: Served, client: httpx.AsyncClient, nats_server: EmbeddedNats
) -> None:
    async with client_of(nats_server.url) as nats:
        for _ in range(2):
            await served.writer.bus.publish(
                "ingest.district.writer.batch", b"{}", {"Nats-Msg-Id": "once"}, seconds=3
            )
        assert len(await read_all(nats, "INGEST")) == 1
    assert (await client.get(USERS)).status_code == 200
