"""A small district in the SIS and its projection, loaded."""

from collections.abc import AsyncIterator

import pytest

from rosterline.sample.generate import generate
from tests.support.projection import TODAY, Chain, open_chain
from tests.support.servers import Databases


@pytest.fixture
async def chain(databases: Databases) -> AsyncIterator[Chain]:
    """A district of a few students, whose first load is done."""
    await generate(databases.sis_dsn, students=8, seed=7, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases) as opened:
        await opened.load()
        yield opened
