"""The parts around a running projector, with a stream SIS that a test fills by hand."""

from collections.abc import Iterable

import asyncpg
from nats.aio.client import Client

from rosterline.bus.topology import SIS
from rosterline.config.settings import Settings
from rosterline.projector.batch import Received
from tests.support.projection import Source
from tests.support.servers import Databases
from tests.support.streams import last_sequence

SLOT = "SELECT pg_create_logical_replication_slot('rosterline_records', 'pgoutput')"
INSERT = """
INSERT INTO sis.district (district_guid, name) VALUES (gen_random_uuid(), 'A district');
INSERT INTO sis.school (school_guid, district_guid, name)
SELECT gen_random_uuid(), district_guid, 'School ' || number
FROM sis.district, generate_series(1, 5) AS number
"""


class Bench:
    """The parts around a projector: a SIS, what capture would publish of it, and both servers."""

    def __init__(
        self, databases: Databases, settings: Settings, client: Client, source: Source
    ) -> None:
        self.databases = databases
        self.settings = settings
        self.client = client
        self.source = source

    async def publish(self, messages: Iterable[Received]) -> None:
        """Put messages into stream SIS."""
        for received in messages:
            data = received.message.model_dump_json().encode()
            await self.client.jetstream().publish("sis.district.any", data, stream=SIS)

    async def change(self, statement: str) -> None:
        """Change the SIS, and publish what capture would."""
        await self.source.wal.admin.execute(statement)
        await self.publish(await self.source.drain())

    async def value(self, query: str) -> object:
        """One value of the Rosterline database."""
        connection = await asyncpg.connect(self.databases.dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def has_applied(self) -> bool:
        """Whether the cursor stands at the stream's end, and the first load is whole."""
        end = await last_sequence(self.client, SIS)
        stands = await self.value(
            "SELECT sequence FROM rosterline.cursor WHERE stream = 'SIS' AND NOT loading"
        )
        return stands == end

    async def has_slot(self) -> None:
        """Let the outbox be read."""
        await self.value(SLOT)
