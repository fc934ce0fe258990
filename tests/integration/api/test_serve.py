"""The service as it runs: a port of its own, real HTTP, and a stop that waits for nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from rosterline.api import service
from rosterline.api.access import connections
from rosterline.api.service import PortTakenError, bind, serve
from rosterline.config.settings import Settings
from rosterline.db.pools import DatabaseUnreachableError
from rosterline.oneroster.v1p2 import ROSTERING_PATH
from tests.support.api import ReadModel
from tests.support.locks import until_waited_for
from tests.support.servers import Databases

# Less than a request may hang: the API stops a query after 30 seconds.
STOP_SECONDS = 10


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Task[None]]]:
    """The service on a free port; address, stop, and task."""
    with bind("127.0.0.1", 0) as free:
        settings = Settings(dsn=dsn, port=free.getsockname()[1])
    stop = asyncio.Event()
    task = asyncio.create_task(serve(settings, stop))
    async with asyncio.timeout(20), httpx.AsyncClient() as http:
        while not task.done():
            try:
                await http.get(f"{settings.base_url}/health/live")
                break
            except httpx.TransportError:
                await asyncio.wait([task], timeout=0.05)
    try:
        yield settings.base_url, stop, task
    finally:
        stop.set()
        await task


async def test_the_stop_closes_idle_connections_at_once(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who waited for an idle connection would wait for as long as this.
    monkeypatch.setattr(service, "DRAIN_SECONDS", 60)
    async with running(databases.dsn) as (address, stop, task):
        url = httpx.URL(address)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await reader.readuntil(b"}")
        # A blank line begins no request; without it, idle connections end after 5 seconds anyhow.
        writer.write(b"\r\n")
        async with asyncio.timeout(STOP_SECONDS):
            stop.set()
            await task
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_the_stop_does_not_wait_for_a_request_that_hangs(databases: Databases) -> None:
    blocker = await asyncpg.connect(databases.dsn)
    async with running(databases.dsn) as (address, stop, task), httpx.AsyncClient() as http:
        made = await connections.add(blocker, "acme")
        await ReadModel(blocker).become_ready()
        token = await http.post(
            f"{address}/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE v1p2.users")
            headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
            hanging = asyncio.create_task(
                http.get(f"{address}{ROSTERING_PATH}/users", headers=headers, timeout=30)
            )
            await until_waited_for(blocker, databases.dsn)
            async with asyncio.timeout(STOP_SECONDS):
                stop.set()
                await task
            assert (await hanging).status_code == 503
    await blocker.close()


async def test_answers_carry_the_date(databases: Databases) -> None:
    async with running(databases.dsn) as (address, _, _), httpx.AsyncClient() as http:
        answer = await http.get(f"{address}/health/live")
        assert answer.headers["Date"].endswith("GMT")


async def test_ids_and_queries_arrive_as_they_were_sent(databases: Databases) -> None:
    async with running(databases.dsn) as (address, _, _), httpx.AsyncClient() as http:
        for path in ("/ims/oneroster/rostering/v1p2/users/a%2Fb", "/%FF%00", "/a?b=%FF"):
            answer = await http.get(f"{address}{path}")
            assert answer.status_code in {401, 404}
            assert answer.headers["content-type"] == "application/json"


async def test_raw_quotes_and_comparisons_in_a_query_get_through(databases: Databases) -> None:
    async with running(databases.dsn) as (address, _, _):
        url = httpx.URL(address)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        target = f"{ROSTERING_PATH}/users?filter=dateLastModified>='2026-01-01'+AND+status!='x'"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    # 401, not 400: the request reached the application, which misses a token.
    assert answer.startswith(b"HTTP/1.1 401")


async def test_a_taken_port_is_named(databases: Databases) -> None:
    async with running(databases.dsn) as (address, _, _):
        port = httpx.URL(address).port
        assert port is not None
        with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}") as caught:
            await serve(Settings(dsn=databases.dsn, port=port), asyncio.Event())
        assert "ROSTERLINE_PORT" in caught.value.message


async def test_an_address_of_another_machine_is_named(databases: Databases) -> None:
    settings = Settings(dsn=databases.dsn, host="192.0.2.1", port=0)
    with pytest.raises(PortTakenError, match=r"192\.0\.2\.1"):
        await serve(settings, asyncio.Event())


async def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dsn = f"postgresql://me:hidden@127.0.0.1:{free.getsockname()[1]}/none"
    with pytest.raises(DatabaseUnreachableError) as caught:
        await serve(Settings(dsn=dsn, port=0), asyncio.Event())
    assert "hidden" not in str(caught.value)
