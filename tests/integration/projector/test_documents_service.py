"""The running projector beside `capture records`: what is written is shown at once, and kept."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from rosterline.bus.topology import RECORDS, SIS
from rosterline.capture.service import serve_records, serve_sis
from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector.holds import fetch_waiting, release
from rosterline.projector.service import serve
from rosterline.sample.generate import generate
from tests.support.gradebooks import put
from tests.support.ledger import connected, is_ready
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence
from tests.support.written_documents import CATEGORY

WIPE = "DELETE FROM sis.roster"
HELD = "SELECT count(*) FROM rosterline.hold WHERE ended_at IS NULL"
SHOWN = "SELECT revision FROM rosterline.cursor WHERE stream = 'RECORDS'"
CATEGORIES = "SELECT count(*) FROM v1p2.categories WHERE status = 'active'"


@dataclass
class Office:
    """A district whose captures run; of the projector a test decides."""

    databases: Databases
    settings: Settings
    nats: EmbeddedNats
    captures: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def value(self, query: str) -> object:
        """One value of the Rosterline database."""
        async with connected(self.databases.dsn) as connection:
            return await connection.fetchval(query)

    async def put(self, number: int) -> int:
        """Write a category; its revision."""
        async with connected(self.databases.dsn) as connection:
            return await put(connection, CATEGORY.but(sourcedId=f"category-{number}"))

    async def shows(self, revision: int) -> bool:
        """Whether the projector says that it shows a revision."""
        return await self.value(SHOWN) == revision


@pytest.fixture
async def office(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Office]:
    """A small district."""
    settings = settings_for(databases, nats_server, guard_records=5)
    await generate(databases.sis_dsn, students=8, seed=2, progress=lambda *_: None)
    made = Office(databases, settings, nats_server)
    async with running(serve_records, settings), running(serve_sis, settings):
        yield made


async def test_g7_what_was_written_before_the_first_load_is_shown_with_it(office: Office) -> None:
    revision = await office.put(1)
    assert await office.value(CATEGORIES) == 0
    async with running(serve, office.settings):
        await until(lambda: is_ready(office.databases.dsn))
        await until(lambda: office.shows(revision))
        assert await office.value(CATEGORIES) == 1


async def test_g7_scores_go_on_while_a_transaction_of_the_sis_is_held(office: Office) -> None:
    async with running(serve, office.settings):
        await until(lambda: is_ready(office.databases.dsn))
        async with connected(office.databases.sis_dsn) as sis:
            await sis.execute(WIPE)
        await until(lambda: office.value(HELD))
        for number in range(3):
            revision = await office.put(number)
            await until(lambda: office.shows(revision))  # noqa: B023 - called before the next one
        assert await office.value(CATEGORIES) == 3
        async with connected(office.databases.dsn) as connection:
            (hold,) = await fetch_waiting(connection)
            await release(connection, hold.hold_id)
        await until(lambda: has_ended(office))
        assert await office.value("SELECT count(*) FROM mirror.roster") == 0


async def has_ended(office: Office) -> bool:
    """Whether nothing is held."""
    return await office.value(HELD) == 0


async def test_g1_a_stream_of_documents_that_was_made_anew_is_read_from_its_beginning(
    office: Office,
) -> None:
    async with client_of(office.nats.url) as client:
        async with running(serve, office.settings):
            await until(lambda: is_ready(office.databases.dsn))
            revision = await office.put(1)
            await until(lambda: office.shows(revision))
        assert await last_sequence(client, RECORDS) > 3
        assert await last_sequence(client, SIS) > 0
