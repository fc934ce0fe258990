"""G3: a poller ends equal to the source, however it asks, whatever the writers do meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import asyncpg
from nats.aio.client import Client

from rosterline.capture.service import serve_records, serve_sis
from rosterline.config.settings import Settings
from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats
from rosterline.projector.service import serve as serve_projector
from rosterline.sample.changes import one_change
from rosterline.sample.generate import generate
from tests.support.chain import SERVICES, Chain
from tests.support.ledger import (
    Ledger,
    Writer,
    connected,
    is_ready,
    settle,
    state_of_read_model,
    visible_people,
)
from tests.support.pollers import (
    FullThenDeltaPoller,
    LargestStampPoller,
    Poller,
    RequestTimePoller,
    active,
    poll_until,
)
from tests.support.running import running, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all
from tests.support.vendors import is_answering, vendor

COLLECTIONS = ("users", "enrollments")


async def office_work(dsn: str, seed: int, count: int) -> None:
    """Ordinary changes by one more connection."""
    rng = Random(seed)
    async with connected(dsn) as sis:
        for _ in range(count):
            try:
                await one_change(sis, rng)
            except (asyncpg.TransactionRollbackError, asyncpg.ForeignKeyViolationError):
                continue


async def test_g3_three_kinds_of_pollers_end_equal_to_the_source_under_churn(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    port = free_port()
    settings = settings_for(
        databases, nats_server, public_url=f"http://127.0.0.1:{port}", port=port
    )
    await generate(databases.sis_dsn, students=60, seed=11, progress=lambda *_: None)
    ledger, stop = Ledger(), asyncio.Event()
    async with Chain(settings, tmp_path) as chain, client_of(nats_server.url) as bus:
        for service in (*SERVICES, "api"):
            chain.start(service)
        await chain.until(lambda: is_ready(databases.dsn), 60)
        people = await visible_people(databases.dsn, databases.sis_dsn)
        writers = [Writer(n, databases.sis_dsn, people, ledger, Random(n)) for n in range(2)]
        async with vendor(settings, chain) as client:
            await chain.until(lambda: is_answering(client), 30)
            pollers: list[Poller] = [
                kind(client, collection, limit)
                for collection in COLLECTIONS
                for kind, limit in (
                    (LargestStampPoller, 7),
                    (RequestTimePoller, 11),
                    (FullThenDeltaPoller, 13),
                )
            ]
            polling = asyncio.gather(*(poll_until(poller, stop) for poller in pollers))
            # Groups of up to forty people share a stamp, far more than a page holds.
            await asyncio.gather(
                *(writer.write(60, largest=40) for writer in writers),
                office_work(databases.sis_dsn, 5, 80),
                office_work(databases.sis_dsn, 6, 80),
            )
            last = Writer(9, databases.sis_dsn, people, ledger, Random(9))
            await settle(ledger, last, bus, chain)
            stop.set()
            await polling
        model = await state_of_read_model(databases.dsn, settings.base_url)
    for poller in pollers:
        expected = model[f"v1p2.{poller.collection}"]
        assert active(poller.records) == active(expected), type(poller).__name__
        assert poller.requests > 20


async def test_g3_a_clock_set_back_an_hour_hides_nothing(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    shift = timedelta()

    def now() -> datetime:
        return datetime.now(UTC) + shift

    async def serve_with_clock(settings: Settings, stop: asyncio.Event) -> None:
        await serve_projector(settings, stop, now=now)

    settings = settings_for(databases, nats_server)
    await generate(databases.sis_dsn, students=20, seed=3, progress=lambda *_: None)
    async with (
        running(serve_sis, settings),
        running(serve_records, settings),
        running(serve_with_clock, settings),
        connected(databases.dsn) as model,
        connected(databases.sis_dsn) as sis,
    ):
        await until(lambda: is_ready(databases.dsn))
        student = await model.fetchrow(
            "SELECT sourced_id FROM v1p2.users WHERE status = 'active' AND is_student LIMIT 1"
        )
        assert student is not None
        stamps: list[datetime] = []
        for step, back in enumerate((0, 0, 1, 1, 0)):
            shift = timedelta(hours=-back)
            address = f"step{step}@clock.test"
            await sis.execute(
                "UPDATE sis.person SET email = $1 WHERE person_guid::text = $2",
                address,
                student["sourced_id"],
            )

            async def stored(address: str = address) -> datetime | None:
                found: datetime | None = await model.fetchval(
                    "SELECT date_last_modified FROM v1p2.users WHERE document LIKE $1",
                    f"%{address}%",
                )
                return found

            stamps.append(await until(stored))
    assert stamps == sorted(set(stamps))


async def test_g2_no_read_shows_a_part_of_a_transaction(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    settings = settings_for(databases, nats_server, part_rows=3)
    await generate(databases.sis_dsn, students=30, seed=4, progress=lambda *_: None)
    torn: list[int] = []
    reads = 0
    stop = asyncio.Event()
    async with (
        running(serve_sis, settings),
        running(serve_records, settings),
        running(serve_projector, settings),
        connected(databases.dsn) as model,
    ):
        await until(lambda: is_ready(databases.dsn))
        people = await visible_people(databases.dsn, databases.sis_dsn)

        async def write() -> None:
            async with connected(databases.sis_dsn) as sis:
                for number in range(60):
                    await sis.execute(
                        "UPDATE sis.person SET email = $1 WHERE person_id = ANY($2::bigint[])",
                        f"whole{number}@g2.test",
                        people,
                    )
            stop.set()

        async def read() -> None:
            nonlocal reads
            while not stop.is_set():
                different: int = await model.fetchval(
                    "SELECT count(DISTINCT (document::json ->> 'email', date_last_modified)) "
                    "FROM v1p2.users WHERE document LIKE '%@g2.test%'"
                )
                reads += 1
                if different > 1:
                    torn.append(different)

        await asyncio.gather(write(), read())
        async with client_of(nats_server.url) as client:
            await until(lambda: told(client, b"whole59@g2.test", len(people)))
            runs = await transactions_of(client)
    assert reads > 20
    assert torn == []
    assert [run for run in runs if not is_whole(run)] == []
    assert sum(len(run) >= len(people) for run in runs) >= 60


Place = tuple[str, int, bool]


async def told(client: Client, text: bytes, times: int) -> bool:
    """Whether the text stands in so many events of 1.2, and the last event ends a transaction."""
    events = await read_all(client, "ONEROSTER")
    found = sum(text in data for subject, _, data in events if ".v1p2." in subject)
    return found >= times and events[-1][1]["ce-transactionlast"] == "true"


async def transactions_of(client: Client) -> list[list[Place]]:
    """The feed's stretches of one transaction id each, in stream order."""
    stretches: list[list[Place]] = []
    for _, headers, _ in await read_all(client, "ONEROSTER"):
        place = (
            headers["ce-transactionid"],
            int(headers["ce-transactionindex"]),
            headers["ce-transactionlast"] == "true",
        )
        if not stretches or stretches[-1][-1][0] != place[0]:
            stretches.append([])
        stretches[-1].append(place)
    return stretches


def is_whole(stretch: list[Place]) -> bool:
    """Whether a stretch counts from 1 to its last event, and only that one says so."""
    numbers = [index for _, index, _ in stretch]
    ends = [last for _, _, last in stretch]
    return numbers == list(range(1, len(stretch) + 1)) and ends == [False] * (len(ends) - 1) + [
        True
    ]
