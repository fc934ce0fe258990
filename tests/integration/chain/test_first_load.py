"""G9: never half a roster. Until the first load is whole, the API answers 503 and nothing else."""

from pathlib import Path

import httpx

from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats
from rosterline.sample.generate import generate
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import state_of_read_model
from tests.support.pollers import ROSTERING, active
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.vendors import is_answering, vendor


async def test_g9_pulls_during_the_first_load_get_503_and_then_everything(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    port = free_port()
    settings = settings_for(
        databases,
        nats_server,
        public_url=f"http://127.0.0.1:{port}",
        port=port,
        load_people=40,
        snapshot_rows=100,
    )
    await generate(databases.sis_dsn, students=150, seed=2, progress=lambda *_: None)
    refused: list[httpx.Response] = []
    async with Chain(settings, tmp_path) as chain:
        chain.start("api")
        async with vendor(settings, chain) as client:
            for service in SERVICES:
                chain.start(service)
            while (answer := await client.get(f"{ROSTERING}/users?limit=10000")).status_code != 200:
                refused.append(answer)
        first = {record["sourcedId"]: record for record in answer.json()["users"]}
        model = await state_of_read_model(databases.dsn, settings.base_url)
    assert {response.status_code for response in refused} == {503}
    assert all(int(response.headers["Retry-After"]) > 0 for response in refused)
    assert len(refused) > 10
    assert first == active(model["v1p2.users"])
    assert len(first) > 150


async def test_g9_a_token_is_given_while_the_first_load_runs(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    port = free_port()
    settings = settings_for(
        databases, nats_server, public_url=f"http://127.0.0.1:{port}", port=port
    )
    async with Chain(settings, tmp_path) as chain:
        chain.start("api")
        async with vendor(settings, chain) as client:
            assert client.headers["Authorization"].startswith("Bearer ")
            assert not await is_answering(client)
