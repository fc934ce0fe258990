"""A desk on servers of the test's own."""

from collections.abc import AsyncIterator

import pytest

from rosterline.launch.embedded import EmbeddedNats
from tests.integration.ingest.desk import Desk, open_desk
from tests.support.servers import Databases


@pytest.fixture
async def desk(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Desk]:
    """A desk with a student, and a connection that may write everything."""
    async with open_desk(databases, nats_server) as opened:
        yield opened
