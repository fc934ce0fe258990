"""G8: an event's data is byte for byte what GET of that record answers at that stamp."""

from pathlib import Path
from random import Random

from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats
from rosterline.sample.changes import one_change
from rosterline.sample.generate import generate
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import Ledger, Writer, connected, is_ready, settle, visible_people
from tests.support.pollers import ROSTERING
from tests.support.running import settings_for
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all
from tests.support.vendors import is_answering, vendor

ENTITIES = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")


async def test_g8_the_last_event_of_a_record_is_what_a_get_answers(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    port = free_port()
    settings = settings_for(
        databases, nats_server, public_url=f"http://127.0.0.1:{port}", port=port
    )
    await generate(databases.sis_dsn, students=30, seed=8, progress=lambda *_: None)
    ledger = Ledger()
    async with Chain(settings, tmp_path) as chain, client_of(nats_server.url) as bus:
        for service in (*SERVICES, "api"):
            chain.start(service)
        await chain.until(lambda: is_ready(databases.dsn), 60)
        async with connected(databases.sis_dsn) as sis:
            rng = Random(8)
            for _ in range(60):
                await one_change(sis, rng)
        people = await visible_people(databases.dsn, databases.sis_dsn)
        await settle(ledger, Writer(9, databases.sis_dsn, people, ledger, rng), bus, chain)
        last: dict[tuple[str, str], tuple[str, bytes]] = {}
        for subject, headers, data in await read_all(bus, "ONEROSTER"):
            _, _, version, entity, operation = subject.split(".")
            if version == "v1p2":
                last[entity, headers["ce-subject"]] = operation, data
        async with vendor(settings, chain) as client:
            await chain.until(lambda: is_answering(client), 30)
            different = []
            for (entity, sourced_id), (operation, data) in last.items():
                if entity not in ENTITIES:
                    continue
                answer = await client.get(f"{ROSTERING}/{entity}/{sourced_id}")
                if answer.status_code != 200 or answer.content != data:
                    different.append((entity, sourced_id, operation, answer.content, data))
    assert different == []
    operations = {operation for operation, _ in last.values()}
    assert operations == {"created", "updated", "deleted"}
    assert {entity for entity, _ in last} >= set(ENTITIES)
