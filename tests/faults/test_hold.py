"""G10: holds, rebuilds and turned switches survive whatever kills the projector."""

import json
from pathlib import Path

import pytest

from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector.holds import fetch_waiting, release
from rosterline.projector.requests import Kind, ask, fetch_outcome
from rosterline.sample.generate import generate
from rosterline.telemetry import failpoints
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import (
    connected,
    differing_tables,
    is_ready,
    state_of_read_model,
    state_of_stream,
)
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.streams import client_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

BASE_URL = "http://rosterline.test"
PROJECTOR = "projector"
KILLS = [
    f"{failpoints.PROJECTOR_AFTER_MIRROR}:1",
    f"{failpoints.PROJECTOR_AFTER_MIRROR}:2",
    f"{failpoints.PROJECTOR_BEFORE_COMMIT}:1",
    f"{failpoints.PROJECTOR_AFTER_COMMIT}:1",
]
MIDWAY = f"{failpoints.PROJECTOR_DURING_REBUILD}:2"


async def count(dsn: str, query: str) -> int:
    """A number of the Rosterline database."""
    async with connected(dsn) as connection:
        return int(await connection.fetchval(query))


async def start(databases: Databases, chain: Chain, failpoint: str) -> None:
    """A generated district, loaded; the projector dies at the failpoint."""
    await generate(databases.sis_dsn, students=25, seed=7, progress=lambda *_: None)
    for service in SERVICES:
        chain.start(service, failpoint if service == PROJECTOR else "")
    await chain.until(lambda: is_ready(databases.dsn), seconds=60)


async def is_held(databases: Databases) -> bool:
    """Whether something waits for an operator."""
    query = "SELECT count(*) FROM rosterline.hold WHERE released_at IS NULL"
    return await count(databases.dsn, query) == 1


async def check(databases: Databases, nats: EmbeddedNats, chain: Chain) -> None:
    """The mirror equals the SIS; in the end the stream says what the read model holds."""

    async def is_whole() -> bool:
        async with client_of(nats.url) as client:
            stream = await state_of_stream(client)
        model = await state_of_read_model(databases.dsn, BASE_URL)
        same = stream == {entity: records for entity, records in model.items() if records}
        return same and not await differing_tables(databases.sis_dsn, databases.dsn)

    await chain.until(is_whole, seconds=30)


async def died(chain: Chain) -> bool:
    """Whether the projector was killed."""
    return -9 in chain.deaths.get(PROJECTOR, [])


@pytest.mark.parametrize("failpoint", ["", *KILLS])
async def test_g10_a_hold_survives_kills_and_is_applied_once_when_it_is_released(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path, failpoint: str
) -> None:
    settings = settings_for(databases, nats_server, guard_records=5)
    async with Chain(settings, tmp_path) as chain:
        await start(databases, chain, failpoint)
        async with connected(databases.sis_dsn) as sis:
            await sis.execute("DELETE FROM sis.roster")
            await sis.execute("UPDATE sis.district SET name = 'after'")
        await chain.until(lambda: is_held(databases), seconds=30)
        if not failpoint:
            chain.kill(PROJECTOR)
            await chain.until(lambda: died(chain), seconds=10)
        async with connected(databases.dsn) as connection:
            (hold,) = await fetch_waiting(connection)
            assert await release(connection, hold.hold_id) is not None
        await check(databases, nats_server, chain)
        assert await died(chain), chain.logs()
    losses = {loss.collection: loss.losses for loss in hold.losses}
    deleted = "SELECT count(*) FROM v1p2.enrollments WHERE status = 'tobedeleted'"
    assert await count(databases.dsn, deleted) >= losses["v1p2.enrollments"]
    ended = "SELECT count(*) FROM rosterline.hold WHERE ended_at IS NOT NULL"
    assert await count(databases.dsn, ended) == 1
    assert await count(databases.dsn, "SELECT count(*) FROM rosterline.hold") == 1


async def test_a_rebuild_that_is_killed_leaves_nothing_half_done_and_is_done_again(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    settings = settings_for(databases, nats_server, load_people=10)
    async with Chain(settings, tmp_path) as chain:
        await start(databases, chain, MIDWAY)
        async with connected(databases.dsn) as connection:
            damage = "UPDATE v1p2.users SET digest = '' WHERE status = 'active'"
            damaged = int((await connection.execute(damage)).split()[1])
            number = await ask(connection, Kind.REBUILD)

            async def is_done() -> object:
                return await fetch_outcome(connection, number)

            await chain.until(lambda: died(chain), seconds=30)
            await chain.until(is_done, seconds=30)
            assert await fetch_outcome(connection, number) == {"records": damaged}
        await check(databases, nats_server, chain)
    assert await count(databases.dsn, "SELECT count(*) FROM rosterline.progress") == 0


async def test_a_switch_that_is_turned_through_a_kill_is_turned_once(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    settings = settings_for(databases, nats_server, load_people=5)
    async with Chain(settings, tmp_path) as chain:
        await start(databases, chain, "")
    before = await count(databases.dsn, "SELECT last_sequence FROM rosterline.clock")
    turned = settings.model_copy(update={"secondary_email_v1p1": True})
    switches = "SELECT switches::text FROM rosterline.clock"
    (tmp_path / "again").mkdir()
    async with Chain(turned, tmp_path / "again") as chain:
        for service in SERVICES:
            chain.start(service, MIDWAY if service == PROJECTOR else "")
        await chain.until(lambda: died(chain), seconds=30)

        async def is_turned() -> bool:
            async with connected(databases.dsn) as connection:
                found = json.loads(await connection.fetchval(switches))
            return bool(found["secondary_email_v1p1"])

        await chain.until(is_turned, seconds=30)
        await check(databases, nats_server, chain)
    async with connected(databases.dsn) as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT date_last_modified FROM v1p1.users WHERE sequence > $1", before
        )
    assert len(rows) == 1
