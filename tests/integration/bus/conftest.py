"""An open door to NATS, and two vendors."""

from collections.abc import AsyncIterator

import pytest

from rosterline.launch.embedded import EmbeddedNats
from tests.support.nats_vendors import NatsVendor, OpenDoor, open_door
from tests.support.running import settings_for
from tests.support.servers import Databases


@pytest.fixture
async def door(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[OpenDoor]:
    """The door of the API."""
    async with open_door(settings_for(databases, nats_server), nats_server) as opened:
        yield opened


@pytest.fixture
async def acme(door: OpenDoor) -> NatsVendor:
    """A vendor that may write assessments."""
    return await door.add("acme")


@pytest.fixture
async def other(door: OpenDoor) -> NatsVendor:
    """Another such vendor."""
    return await door.add("other")
