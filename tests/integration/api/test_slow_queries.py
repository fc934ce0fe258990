"""A query that takes too long is stopped by the database and answered; nothing waits behind it."""

import asyncpg
import httpx
import pytest

from rosterline.api.access import connections
from rosterline.api.app import create_app
from rosterline.config.settings import Settings
from rosterline.db.pools import open_pool
from tests.support.api import BASE_URL, ReadModel, client_for, user
from tests.support.servers import Databases


@pytest.fixture
def settings(databases: Databases) -> Settings:
    return Settings(dsn=databases.dsn, public_url=BASE_URL)


async def test_a_slow_query_is_cancelled_and_answered(
    databases: Databases, settings: Settings
) -> None:
    holder = await asyncpg.connect(databases.dsn)
    vendor = await connections.add(holder, "acme")
    read_model = ReadModel(holder)
    await read_model.write(user("u1"))
    await read_model.become_ready()
    async with open_pool(databases.dsn, "api", size=2, statement_seconds=0.5) as pool:
        http = await client_for(httpx.ASGITransport(create_app(settings, pool)), vendor)
        path = "/ims/oneroster/rostering/v1p2/users"
        assert (await http.get(path)).status_code == 200
        # A lock stands for work: the statement cannot end in its time.
        async with holder.transaction():
            await holder.execute("LOCK TABLE v1p2.users")
            answer = await http.get(path)
        assert answer.status_code == 503
        assert "took too long" in answer.json()["imsx_description"]
        assert answer.headers["Retry-After"]
        assert (await http.get(path)).status_code == 200
        await http.aclose()
    await holder.close()
