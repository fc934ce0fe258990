"""G1, G4, G7: the projector is killed at each of its fault points while documents come."""

from pathlib import Path

import pytest

from rosterline.launch.embedded import EmbeddedNats
from rosterline.sample.generate import generate
from rosterline.telemetry import failpoints
from tests.support.chain import SERVICES, Chain
from tests.support.gradebooks import put
from tests.support.ledger import connected, is_ready
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all
from tests.support.written_documents import CATEGORY

pytestmark = pytest.mark.faults
PROJECTOR = "projector"
# Each is reached by every unit of documents; fetched are also the messages of the load before.
POINTS = {
    failpoints.PROJECTOR_AFTER_FETCH: 12,
    failpoints.PROJECTOR_AFTER_MIRROR: 3,
    failpoints.PROJECTOR_BEFORE_COMMIT: 3,
    failpoints.PROJECTOR_AFTER_COMMIT: 3,
}
TRANSACTIONS = 30
SHOWN = """
SELECT (SELECT max(revision) FROM records.document)
    = (SELECT revision FROM rosterline.cursor WHERE stream = 'RECORDS')
"""
STORED = "SELECT sourced_id, document::json ->> 'title' FROM v1p2.categories ORDER BY 1"


@pytest.mark.parametrize("point", POINTS)
async def test_g4_a_kill_loses_no_document_and_tells_none_twice(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path, point: str
) -> None:
    settings = settings_for(databases, nats_server, part_rows=3)
    await generate(databases.sis_dsn, students=8, seed=7, progress=lambda *_: None)
    expected: dict[str, str] = {}
    async with Chain(settings, tmp_path) as chain, connected(databases.dsn) as connection:
        for service in SERVICES:
            chain.start(service, f"{point}:{POINTS[point]}" if service == PROJECTOR else "")
        await chain.until(lambda: is_ready(databases.dsn), seconds=60)

        async def is_shown() -> bool:
            return bool(await connection.fetchval(SHOWN))

        for number in range(TRANSACTIONS):
            ids = [f"category-{number % 7}", f"one-{number}", f"two-{number}", f"three-{number}"]
            size = 1 + number % 4
            documents = [CATEGORY.but(sourcedId=each, title=f"{number}") for each in ids[:size]]
            await put(connection, *documents)
            expected |= dict.fromkeys(ids[:size], f"{number}")
            if number % 2:
                await chain.until(is_shown, seconds=30)
        assert chain.deaths[PROJECTOR][0] == -9, chain.logs()
        assert {row[0]: row[1] for row in await connection.fetch(STORED)} == expected
        told = int(await connection.fetchval("SELECT last_sequence FROM rosterline.clock"))
        async with client_of(nats_server.url) as client:

            async def has_all() -> bool:
                events = await read_all(client, "ONEROSTER")
                return len(events) >= told

            await chain.until(has_all, seconds=30)
            events = await read_all(client, "ONEROSTER")
    assert [int(headers["ce-sequence"]) for _, headers, _ in events] == [*range(1, told + 1)]
