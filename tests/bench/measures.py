"""What is measured: latency, throughput, and capture beside pg_recvlogical."""

import asyncio
import subprocess
import time
from dataclasses import dataclass

import asyncpg
from nats.aio.client import Client

from rosterline.bus.reader import open_reader
from rosterline.launch.embedded import find_postgres
from tests.bench.installation import Installation
from tests.support.chain import Chain
from tests.support.streams import client_of, last_sequence

VISIBLE = "SELECT sourced_id FROM v1p2.users WHERE status = 'active' AND is_student ORDER BY 1"
UPDATE = "UPDATE sis.person SET email = $1 WHERE person_guid = ANY($2::uuid[])"
TOKEN = b".bench.test"


@dataclass(frozen=True)
class Latency:
    """Commit to event, in milliseconds."""

    count: int
    median: float
    p99: float
    largest: float


async def visible_students(installation: Installation) -> list[str]:
    """GUIDs of students whom vendors see."""
    connection = await asyncpg.connect(installation.settings.dsn)
    rows = await connection.fetch(VISIBLE)
    await connection.close()
    return [row[0] for row in rows]


async def last_event(installation: Installation) -> int:
    """How many events have been written into the outbox."""
    connection = await asyncpg.connect(installation.settings.dsn)
    count = await connection.fetchval("SELECT last_sequence FROM rosterline.clock")
    await connection.close()
    return int(count)


async def measure_latency(
    installation: Installation, students: list[str], *, rate: float, seconds: float
) -> Latency:
    """One-row transactions at a steady rate; the time from each commit to its event."""
    committed: dict[int, float] = {}
    received: dict[int, float] = {}
    total = int(rate * seconds)
    async with client_of(installation.nats.url) as client:
        after = await last_sequence(client, "ONEROSTER")
        subscriber = asyncio.create_task(receive(client, after, total, received))
        connection = await asyncpg.connect(installation.settings.sis_dsn)
        began = time.perf_counter()
        for number in range(total):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            student = students[number % len(students)]
            await connection.execute(UPDATE, f"n{number}@r{began:.0f}.bench.test", [student])
            committed[number] = time.perf_counter()
        await connection.close()
        async with asyncio.timeout(60):
            await subscriber
    spans = sorted(1000 * (received[number] - committed[number]) for number in committed)
    return Latency(total, spans[total // 2], spans[min(total - 1, int(total * 0.99))], spans[-1])


async def receive(client: Client, after: int, total: int, received: dict[int, float]) -> None:
    """Note when each numbered event arrives."""
    async with open_reader(client, "ONEROSTER", after) as reader:
        while len(received) < total:
            for message in await reader.read(500):
                now = time.perf_counter()
                end = message.data.find(b"@r")
                if TOKEN in message.data:
                    start = message.data.rindex(b'"n', 0, end) + 2
                    received[int(message.data[start:end])] = now


async def has_told(client: Client, text: bytes) -> bool:
    """Whether the last event of all is the end of a transaction that wrote the text."""
    sequence = await last_sequence(client, "ONEROSTER")
    message = await client.jetstream().get_msg("ONEROSTER", seq=sequence)
    is_end = (message.headers or {}).get("ce-transactionlast") == "true"
    return is_end and text in (message.data or b"")


async def measure_throughput(
    installation: Installation, students: list[str], *, rows: int, per_transaction: int
) -> float:
    """Changed rows a second, from the first commit to the last event."""
    async with client_of(installation.nats.url) as client:
        connection = await asyncpg.connect(installation.settings.sis_dsn)
        began = time.perf_counter()
        for start in range(0, rows, per_transaction):
            chosen = [students[(start + n) % len(students)] for n in range(per_transaction)]
            await connection.execute(UPDATE, f"t{began}-{start}@bench.test", chosen)
        await connection.close()
        async with asyncio.timeout(300):
            while not await has_told(client, f"t{began}-{start}@bench.test".encode()):
                await asyncio.sleep(0.02)
        return rows / (time.perf_counter() - began)


async def measure_capture(
    installation: Installation, chain: Chain, *, rows: int, per_transaction: int
) -> tuple[float, float]:
    """Rows a second of capture alone and of pg_recvlogical, over the same WAL.

    Every other service must be stopped: the backlog is written first, then each reads it alone.
    """
    sis = await asyncpg.connect(installation.settings.sis_dsn)
    await sis.execute("SELECT pg_create_logical_replication_slot('beside', 'pgoutput')")
    guids = [row[0] for row in await sis.fetch("SELECT person_guid::text FROM sis.person")]
    for start in range(0, rows, per_transaction):
        chosen = [guids[(start + n) % len(guids)] for n in range(per_transaction)]
        await sis.execute(UPDATE, f"c{start}@bench.test", chosen)
    end = await sis.fetchval("SELECT pg_current_wal_lsn()::text")
    recvlogical = await asyncio.to_thread(run_recvlogical, installation, end)
    await sis.execute("SELECT pg_drop_replication_slot('beside')")
    await sis.close()
    last = f"c{rows - per_transaction}@bench.test".encode()
    async with client_of(installation.nats.url) as client:
        began = time.perf_counter()
        chain.start("capture sis")
        jetstream = client.jetstream()
        async with asyncio.timeout(300):
            while True:
                sequence = await last_sequence(client, "SIS")
                message = await jetstream.get_msg("SIS", seq=sequence)
                if last in (message.data or b""):
                    break
                await asyncio.sleep(0.02)
        captured = time.perf_counter() - began
    return rows / captured, rows / recvlogical


def run_recvlogical(installation: Installation, end: str) -> float:
    """Seconds that pg_recvlogical takes to bring the slot's changes into a file."""
    began = time.perf_counter()
    subprocess.run(
        [
            str(find_postgres() / "pg_recvlogical"), "-d", installation.settings.sis_dsn,
            "--slot", "beside", "--start", "--endpos", end, "--no-loop",
            "-o", "proto_version=1", "-o", "publication_names=rosterline_sis",
            "-f", str(installation.folder / "recvlogical.out"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - began
