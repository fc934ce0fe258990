"""G1, G4: whatever is killed, wherever, every committed change stands once in the streams."""

from pathlib import Path
from random import Random

import pytest
from nats.aio.client import Client

from rosterline.launch.embedded import EmbeddedNats
from rosterline.sample.generate import generate
from rosterline.telemetry import failpoints
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import (
    Ledger,
    Writer,
    check_streams,
    connected,
    differing_tables,
    gathered,
    is_ready,
    settle,
    state_of_read_model,
    state_of_stream,
    visible_people,
)
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.streams import client_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

BASE_URL = "http://rosterline.test"
STUDENTS = 25
# Points that are passed once, before anything is readable.
AT_START = {
    failpoints.CAPTURE_AFTER_SLOT,
    failpoints.CAPTURE_DURING_SNAPSHOT,
    failpoints.CAPTURE_AFTER_SNAPSHOT,
    failpoints.PROJECTOR_DURING_LOAD,
}
# How often a point is passed before the kill, where neither the first nor the second time is meant.
HITS = {
    ("capture sis", failpoints.CAPTURE_DURING_SNAPSHOT): 9,
    ("capture sis", failpoints.CAPTURE_AFTER_CONFIRM): 1,
    ("capture records", failpoints.CAPTURE_AFTER_CONFIRM): 1,
    ("capture sis", failpoints.CAPTURE_BETWEEN_PARTS): 1,
}
# See test_kill_at_midnight and test_hold.
ELSEWHERE = {failpoints.PROJECTOR_DURING_DAY, failpoints.PROJECTOR_DURING_REBUILD}
SCENES = [
    (service, point)
    for point in failpoints.ALL
    for service in SERVICES
    if service.split()[0] == point.split(".")[0]
    and (service, point) != ("capture records", failpoints.CAPTURE_BETWEEN_PARTS)
    and point not in ELSEWHERE
]


async def first_load(databases: Databases, chain: Chain, start: dict[str, str]) -> None:
    """A generated district, loaded by services of which some have a failpoint armed."""
    await generate(databases.sis_dsn, students=STUDENTS, seed=7, progress=lambda *_: None)
    for service in SERVICES:
        chain.start(service, start.get(service, ""))
    await chain.until(lambda: is_ready(databases.dsn), seconds=60)


async def check(ledger: Ledger, client: Client, databases: Databases) -> None:
    """Streams hold what was committed; stream, read model and source say the same."""
    await check_streams(ledger, client, databases.sis_dsn)
    stream = await state_of_stream(client)
    model = await state_of_read_model(databases.dsn, BASE_URL)
    assert stream == {entity: records for entity, records in model.items() if records}
    assert await differing_tables(databases.sis_dsn, databases.dsn) == []


@pytest.mark.parametrize(("service", "point"), SCENES)
async def test_g1_g4_a_kill_at_a_fault_point_loses_and_repeats_nothing(
    databases: Databases,
    nats_server: EmbeddedNats,
    tmp_path: Path,
    service: str,
    point: str,
) -> None:
    settings = settings_for(databases, nats_server, part_rows=4, snapshot_rows=50, load_people=20)
    armed = f"{point}:{HITS.get((service, point), 1 if point in AT_START else 2)}"
    ledger = Ledger()
    async with Chain(settings, tmp_path) as chain, client_of(nats_server.url) as client:
        await first_load(databases, chain, {service: armed})
        people = await visible_people(databases.dsn, databases.sis_dsn)
        writers = [
            Writer(name, databases.sis_dsn, people, ledger, Random(name)) for name in range(3)
        ]
        await gathered(*writers, transactions=25)
        if point == failpoints.CAPTURE_BETWEEN_PARTS:
            await write_large_transaction(databases.sis_dsn)
        await chain.until(lambda: died(chain, service), seconds=30)
        await gathered(*writers, transactions=10)
        last = Writer(9, databases.sis_dsn, people, ledger, Random(9))
        await settle(ledger, last, client, chain)
        assert chain.deaths[service][0] == -9, chain.logs()
        await check(ledger, client, databases)


async def write_large_transaction(dsn: str) -> None:
    """A transaction of many parts, which vendors see nothing of."""
    async with connected(dsn) as sis:
        await sis.execute(
            "INSERT INTO sis.person (person_id, person_guid, given_name, family_name) "
            "SELECT number, gen_random_uuid(), 'Given', 'Family' "
            "FROM generate_series(900001, 903000) AS number"
        )


async def died(chain: Chain, service: str) -> bool:
    """Whether the service has been killed."""
    return bool(chain.deaths.get(service))
