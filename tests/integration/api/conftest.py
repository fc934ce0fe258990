"""A family before the API, and all that takes writes: one of each for the tests of a module."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from rosterline.config.settings import Settings
from rosterline.ingest import upkeep
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.support.api import BASE_URL, Served, serving
from tests.support.families import Hall, family_hall
from tests.support.office import Office, open_office
from tests.support.servers import fresh_databases


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(postgres_server: EmbeddedPostgres) -> AsyncIterator[tuple[Served, Settings]]:
    """An application before an empty read model, and its settings."""
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            yield served, Settings(dsn=databases.dsn, public_url=BASE_URL)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(bare: tuple[Served, Settings]) -> tuple[Served, Settings]:
    """The same with a token."""
    await bare[0].authorize()
    return bare


@pytest_asyncio.fixture(loop_scope="module")
async def hall(house: tuple[Served, Settings]) -> AsyncIterator[Hall]:
    """The family, before a vendor without switches."""
    async with family_hall(*house) as made:
        yield made


@pytest.fixture
def needing(house: tuple[Served, Settings]) -> Settings:
    """The settings of an installation where agents need gradebook sync."""
    return house[1].model_copy(update={"agents_need_gradebook_sync": True})


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    """A NATS server to which writes go."""
    server = EmbeddedNats(tmp_path_factory.mktemp("nats"), sync_interval="2m")
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(postgres_server: EmbeddedPostgres, bus: EmbeddedNats) -> AsyncIterator[Office]:
    """The whole way of a write, in a district of a few students."""
    with pytest.MonkeyPatch.context() as monkeypatch, fresh_databases(postgres_server) as databases:
        # Tests read in the stream what they have sent: ingest shall not take it out meanwhile.
        monkeypatch.setattr(upkeep, "PURGE_SECONDS", 3600)
        # Far more than the way takes: only what is away is answered 202.
        async with open_office(databases, bus, write_seconds=30) as office:
            yield office
