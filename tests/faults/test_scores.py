"""G7: whatever is killed while scores are pushed, each ends stored or refused, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest

from rosterline.events.subjects import batch_subject
from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.sample.generate import generate
from rosterline.telemetry import failpoints
from tests.support.chain import Chain
from tests.support.ledger import connected, is_ready
from tests.support.running import pause, settings_for
from tests.support.scores import (
    are_told,
    check_blanks,
    check_scores,
    check_verdicts,
    senders_of,
)
from tests.support.senders import (
    ASSESSMENT_SCOPES,
    DISTRICT,
    HttpSender,
    NatsSender,
    Sender,
    Tree,
    grow,
)
from tests.support.servers import Databases, fresh_databases, kill
from tests.support.streams import client_of
from tests.support.vendors import vendor

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

SERVICES = ("capture sis", "capture records", "projector", "ingest", "api")
STUDENTS = "SELECT sourced_id FROM v1p2.users WHERE is_student AND status = 'active' ORDER BY 1"
ROUNDS = 9
ROUND_SECONDS = 0.8
APP = "acme"


@dataclass(slots=True)
class Scene:
    """A loaded district with a connection that pushes scores."""

    chain: Chain
    client: httpx.AsyncClient
    nats: EmbeddedNats
    tree: Tree
    nats_senders: list[NatsSender]
    senders: list[Sender]

    async def settle(self) -> None:
        """Return when every command has its verdict, and what was stored is shown."""
        dsn = self.chain.settings.dsn
        async with client_of(self.nats.url) as client:
            await self.chain.until(
                lambda: are_told(client, dsn, APP, self.nats_senders), seconds=60
            )

    async def check(self) -> None:
        """Compare verdicts, records, events and blank results with what was acknowledged."""
        dsn, base_url = self.chain.settings.dsn, self.chain.settings.base_url
        async with client_of(self.nats.url) as client:
            await check_verdicts(client, APP, self.nats_senders)
            await check_scores(client, dsn, base_url, self.senders)
        await check_blanks(dsn, base_url, self.tree, self.senders)


@asynccontextmanager
async def scene(
    databases: Databases, nats: EmbeddedNats, folder: Path, *, seed: int, start: dict[str, str]
) -> AsyncIterator[Scene]:
    """The district, its services, and a tree of assessments that senders may score."""
    port = free_port()
    settings = settings_for(databases, nats, port=port, public_url=f"http://127.0.0.1:{port}")
    await generate(databases.sis_dsn, students=25, seed=seed, progress=lambda *_: None)
    async with Chain(settings, folder) as chain, AsyncExitStack() as stack:
        for service in SERVICES:
            chain.start(service, start.get(service, ""))
        await chain.until(lambda: is_ready(databases.dsn), 60)
        client = await stack.enter_async_context(vendor(settings, chain, APP, ASSESSMENT_SCOPES))
        async with connected(databases.dsn) as connection:
            students = [row[0] for row in await connection.fetch(STUDENTS)]
        tree = grow(Random(seed))
        over_nats, over_http = senders_of(tree, students, seed)
        planter = over_nats[0]
        async with client_of(nats.url) as bus:
            data = b"\n".join(map(orjson.dumps, tree.bodies()))
            await planter.publish(bus, batch_subject(DISTRICT, APP), data, "tree")
        planter.commands.append("tree")
        yield Scene(chain, client, nats, tree, over_nats, [*over_nats, *over_http])


async def push(scene: Scene, stop: asyncio.Event) -> None:
    """Let all senders push until `stop`."""
    async with asyncio.TaskGroup() as group:
        for sender in scene.senders:
            if isinstance(sender, NatsSender):
                group.create_task(sender.push_until(stop, scene.nats.url))
            elif isinstance(sender, HttpSender):
                group.create_task(sender.push_until(stop, scene.client))


POINTS = [point for point in failpoints.ALL if point.startswith("ingest.")]


@pytest.mark.parametrize("point", POINTS)
async def test_g7_a_kill_of_ingest_at_a_fault_point_loses_and_repeats_no_score(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path, point: str
) -> None:
    start = {"ingest": f"{point}:3"}
    async with scene(databases, nats_server, tmp_path, seed=3, start=start) as pushed:
        stop = asyncio.Event()
        pushing = asyncio.create_task(push(pushed, stop))

        async def has_died() -> bool:
            return bool(pushed.chain.deaths.get("ingest"))

        await pushed.chain.until(has_died, seconds=30)
        await pause(1.0)
        stop.set()
        await pushing
        await pushed.settle()
        assert pushed.chain.deaths["ingest"][0] == -9, pushed.chain.logs()
        await pushed.check()


async def disturb(seed: int, chain: Chain, nats: EmbeddedNats, server: EmbeddedPostgres) -> None:
    """Kill ingest, API, capture, projector, NATS and PostgreSQL, each at least once."""
    rng = Random(seed)
    troubles = ["ingest", "ingest", "api", "capture records", "projector", "nats", "postgres"]
    troubles += rng.choices(troubles, k=ROUNDS - len(troubles))
    rng.shuffle(troubles)
    for trouble in troubles:
        await pause(rng.uniform(0.2, ROUND_SECONDS))
        if trouble in SERVICES:
            chain.kill(trouble)
            continue
        killed = nats if trouble == "nats" else server
        kill(killed)
        await asyncio.to_thread(killed.start)


@pytest.mark.parametrize("seed", [1, 2])
async def test_g7_random_trouble_loses_and_repeats_no_score(
    own_server: EmbeddedPostgres, tmp_path: Path, seed: int
) -> None:
    nats = EmbeddedNats(tmp_path / "nats", sync_interval="always")
    nats.start()
    try:
        with fresh_databases(own_server) as databases:
            async with scene(databases, nats, tmp_path, seed=seed, start={}) as pushed:
                stop = asyncio.Event()
                pushing = asyncio.create_task(push(pushed, stop))
                await disturb(seed, pushed.chain, nats, own_server)
                stop.set()
                await pushing
                await pushed.settle()
                await pushed.check()
                stored = sum(len(sender.scores) for sender in pushed.senders)
                assert stored > 30
    finally:
        nats.stop()
