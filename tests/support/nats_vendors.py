"""The vendors' door to NATS, open for a test, and vendors who come in by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from rosterline.api.access import connections
from rosterline.api.access.throttle import Throttle
from rosterline.api.nats.door import admit_vendors
from rosterline.bus.connection import connect
from rosterline.bus.topology import VERDICTS_CONSUMER, ensure_streams, verdict_stream
from rosterline.bus.vendors import DOMAIN, DOOR_SUBJECT, inbox_prefix
from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection, open_pool
from rosterline.launch.embedded import EmbeddedNats
from tests.support.running import until

WRITING = ("assessment.readonly", "assessment.createput", "assessment.delete")
STREAMS = ("INGEST", "ONEROSTER", "SIS", "RECORDS", "POSITIONS")


@dataclass
class NatsVendor:
    """A connection's credentials, and its program on NATS; `refused` is what NATS forbade it."""

    app: str
    client_id: str
    secret: str
    url: str
    refused: list[str] = field(default_factory=list)

    async def open(self, **changes: Any) -> Client:
        """A connection as the documents tell vendors to make one."""

        async def note(error: Exception) -> None:
            self.refused.append(str(error))

        options: dict[str, Any] = {
            "user": self.client_id,
            "password": self.secret,
            "inbox_prefix": inbox_prefix(self.client_id).encode(),
            "allow_reconnect": False,
            "connect_timeout": 10,
            "error_cb": note,
        }
        client = Client()
        try:
            await client.connect(self.url, **options | changes)
        except BaseException:
            # An attempt that failed leaves its socket open.
            transport: Any = client._transport
            if transport is not None:
                transport.close()
                with suppress(OSError):
                    await transport.wait_closed()
            raise
        return client

    @asynccontextmanager
    async def connected(self, **changes: Any) -> AsyncIterator[Client]:
        """The same for the length of a block."""
        client = await self.open(**changes)
        try:
            yield client
        finally:
            await client.close()

    async def is_admitted(self) -> bool:
        """Whether NATS lets it in."""
        try:
            async with self.connected():
                return True
        except nats.errors.Error as error:
            if "Authorization Violation" in str(error):
                return False
            raise


async def verdicts_of(client: Client, app: str) -> JetStreamContext.PullSubscription:
    """How a vendor reads its verdicts."""
    jetstream = client.jetstream(domain=DOMAIN)
    return await jetstream.pull_subscribe_bind(VERDICTS_CONSUMER, verdict_stream(app))


@dataclass
class OpenDoor:
    """The services' side: the database with the connections, and a client of their account."""

    settings: Settings
    database: asyncpg.Connection
    services: Client
    url: str

    async def add(self, app: str, *scopes: str) -> NatsVendor:
        """A connection, by default with scopes for assessments."""
        made = await connections.add(self.database, app, scopes=scopes or WRITING)
        return NatsVendor(app, made.client_id, made.client_secret, self.url)

    async def tell(self, app: str, *verdicts: bytes) -> None:
        """Verdicts, as ingest publishes them."""
        for verdict in verdicts:
            await self.services.jetstream().publish(f"verdict.{app}.stored", verdict)


@asynccontextmanager
async def keeping_door(settings: Settings, seed: str) -> AsyncIterator[None]:
    """The API's door as a task."""
    settings = settings.model_copy(update={"nats_issuer_seed": seed})
    async with open_pool(settings.dsn, "test", size=4) as pool:
        keeping = asyncio.create_task(admit_vendors(settings, pool, Throttle(settings)))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


@asynccontextmanager
async def open_door(settings: Settings, server: EmbeddedNats) -> AsyncIterator[OpenDoor]:
    """The API's door when it is open, the streams, and nothing else."""
    async with (
        open_connection(settings.dsn, "test") as database,
        connect(settings.nats_url, "test") as services,
        keeping_door(settings, server.issuer_seed),
    ):
        await ensure_streams(services.jetstream(), STREAMS)
        await until(lambda: is_open(services))
        yield OpenDoor(settings, database, services, settings.vendors_nats_url)


async def is_open(services: Client) -> bool:
    """Whether anybody could be admitted."""
    try:
        await services.request(DOOR_SUBJECT, b"", timeout=2)
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
        return False
    return True
