"""What it costs to take scores in: one by one, in a batch, over NATS; and how soon they are told.

python -m tests.bench.scores                             20,000 results each way
python -m tests.bench.scores --results 2000 --students 300      a quick look

Every result is one of a tree of depth three: nine leaves below three parts of one assessment, so
that four blank results are made for nine that are sent.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from rich.console import Console
from rich.table import Table

from rosterline.api.access.connections import add
from rosterline.bus.reader import open_reader
from rosterline.events.commands import COMMAND_HEADER, FINAL
from rosterline.events.subjects import batch_subject, command_subject, verdict_subjects
from tests.bench.district import fill
from tests.bench.installation import Installation, installation, peak_memory, start_all
from tests.bench.keepalive import Outcome
from tests.bench.load import driver
from tests.bench.measures import visible_students
from tests.bench.putting import Puts, put_all
from tests.support.chain import Chain
from tests.support.running import until
from tests.support.senders import ASSESSMENT_SCOPES, BEGIN, DISTRICT, Tree, grow, guid, result
from tests.support.streams import client_of, last_sequence

APP = "scores"
PATH = "/ims/oneroster/gradebook/v1p2/assessmentResults/"
CONNECTIONS = 8
BATCH_LINES = 500
AT_ONCE = 500
RATE = 50.0
RESULTS = 20_000
SECONDS = 20.0
DONE_SECONDS = 300.0
UNDECIDED = """
SELECT count(*) FROM rosterline.command WHERE app = $1 AND command_id = ANY($2::text[])
    AND state = ANY($3::text[])
"""
SHOWN = "SELECT revision FROM rosterline.cursor WHERE stream = 'RECORDS'"
LAST = "SELECT max(revision) FROM records.document"
Row = tuple[str, str, str]
Body = dict[str, Any]


@dataclass(slots=True)
class Bench:
    """A district with a connection that pushes scores, and what it pushes."""

    measured: Installation
    connection: asyncpg.Connection
    client: Client
    token: str
    tree: Tree
    students: list[str]
    rng: Random
    minutes: int = 0

    def results(self, count: int) -> Iterator[Body]:
        """New results: each student takes the whole tree at a minute of its own."""
        leaves = self.tree.leaves
        for number in range(count):
            taken, leaf = divmod(number, len(leaves))
            if leaf == 0:
                self.minutes += 1
            student = self.students[taken % len(self.students)]
            moment = BEGIN + timedelta(minutes=self.minutes)
            yield result(guid(self.rng), leaves[leaf], student, moment, float(number))

    async def until_shown(self) -> None:
        """Return when the read model shows all that is stored."""
        last = await self.connection.fetchval(LAST)

        async def shown() -> bool:
            return bool(await self.connection.fetchval(SHOWN) >= last)

        await until(shown, seconds=DONE_SECONDS)

    async def until_decided(self, commands: list[str]) -> None:
        """Return when each command has its verdict."""
        states = [str(state) for state in FINAL]

        async def decided() -> bool:
            count = await self.connection.fetchval(UNDECIDED, APP, commands, states)
            return bool(count == len(commands))

        await until(decided, seconds=DONE_SECONDS)


@asynccontextmanager
async def opened(measured: Installation) -> AsyncIterator[Bench]:
    """The bench on a filled district; its tree stands."""
    connection = await asyncpg.connect(measured.settings.dsn)
    made = await add(connection, APP, scopes=list(ASSESSMENT_SCOPES))
    async with httpx.AsyncClient(base_url=measured.settings.base_url) as http:
        answer = await http.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
    rng = Random(1)
    async with client_of(measured.nats.url) as client:
        bench = Bench(
            measured,
            connection,
            client,
            answer.json()["access_token"],
            grow(rng),
            await visible_students(measured),
            rng,
        )
        data = b"\n".join(map(orjson.dumps, bench.tree.bodies()))
        await publish(client, batch_subject(DISTRICT, APP), data, "tree")
        await bench.until_decided(["tree"])
        await bench.until_shown()
        yield bench
    await connection.close()


async def publish(client: Client, subject: str, data: bytes, command: str) -> None:
    """Publish a command until the stream has it."""
    headers = {COMMAND_HEADER: command}
    await client.jetstream().publish(subject, data, timeout=30, headers=headers)


async def measure_puts(bench: Bench, count: int) -> Outcome:
    """PUTs one by one, each answered when it is readable."""
    requests = tuple(
        (PATH + body["assessmentResult"]["sourcedId"], orjson.dumps(body))
        for body in bench.results(count)
    )
    puts = Puts(bench.measured.settings.port, bench.token, requests, CONNECTIONS)
    with driver() as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, put_all, puts)


async def measure_upload(bench: Bench, count: int) -> tuple[float, float, float]:
    """One `POST /ingest/batch`: seconds until accepted, decided and shown."""
    data = b"\n".join(map(orjson.dumps, bench.results(count)))
    headers = {"Authorization": f"Bearer {bench.token}", "Content-Type": "application/x-ndjson"}
    base_url = bench.measured.settings.base_url
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=300) as http:
        began = time.perf_counter()
        answer = await http.post("/ingest/batch", content=data)
        answer.raise_for_status()
        accepted = time.perf_counter() - began
        address = answer.headers["Location"]

        async def decided() -> bool:
            return str((await http.get(address)).json()["state"]) in FINAL

        await until(decided, seconds=DONE_SECONDS)
        decision = time.perf_counter() - began
        status = (await http.get(address)).json()
    if status["stored"] != count:
        raise RuntimeError(f"the batch was not stored whole: {str(status)[:500]}")
    await bench.until_shown()
    return accepted, decision, time.perf_counter() - began


async def measure_messages(bench: Bench, count: int, *, lines: int) -> tuple[float, float]:
    """Messages of so many lines over NATS: seconds until decided and shown."""
    bodies = [orjson.dumps(body) for body in bench.results(count)]
    subject = (
        command_subject(DISTRICT, APP, "assessmentResults", "put")
        if lines == 1
        else batch_subject(DISTRICT, APP)
    )
    messages = [b"\n".join(bodies[start : start + lines]) for start in range(0, count, lines)]
    names = [f"{lines}-{bench.minutes}-{number}" for number in range(len(messages))]
    began = time.perf_counter()
    for start in range(0, len(messages), AT_ONCE):
        chosen = range(start, min(start + AT_ONCE, len(messages)))
        await asyncio.gather(
            *(publish(bench.client, subject, messages[n], names[n]) for n in chosen)
        )
    await bench.until_decided(names)
    decided = time.perf_counter() - began
    await bench.until_shown()
    return decided, time.perf_counter() - began


async def measure_delays(bench: Bench, seconds: float) -> tuple[list[float], list[float]]:
    """Single results at a steady rate: milliseconds from push to verdict, and to the event."""
    pushed: dict[str, float] = {}
    verdicts: dict[str, float] = {}
    told: dict[str, float] = {}
    bodies = list(bench.results(int(RATE * seconds)))

    async def hear(message: Msg) -> None:
        verdicts[str(orjson.loads(message.data)["command"])] = time.perf_counter()

    subscription = await bench.client.subscribe(verdict_subjects(APP), cb=hear)
    after = await last_sequence(bench.client, "ONEROSTER")
    reading = asyncio.create_task(read_events(bench.client, after, len(bodies), told))
    subject = command_subject(DISTRICT, APP, "assessmentResults", "put")
    began = time.perf_counter()
    for number, body in enumerate(bodies):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        sourced_id = body["assessmentResult"]["sourcedId"]
        pushed[sourced_id] = time.perf_counter()
        await publish(bench.client, subject, orjson.dumps(body), sourced_id)
    async with asyncio.timeout(60):
        await reading

    async def all_decided() -> bool:
        return pushed.keys() <= verdicts.keys()

    await until(all_decided)
    await subscription.unsubscribe()
    return (
        sorted(1000 * (verdicts[each] - at) for each, at in pushed.items()),
        sorted(1000 * (told[each] - at) for each, at in pushed.items()),
    )


async def read_events(client: Client, after: int, count: int, told: dict[str, float]) -> None:
    """Note when the event of each result with a score arrives."""
    async with open_reader(client, "ONEROSTER", after) as reader:
        while len(told) < count:
            for message in await reader.read(500):
                if b'"score":' in message.data:
                    told.setdefault(message.headers["ce-subject"], time.perf_counter())


def quantile(spans: list[float], share: float) -> str:
    """A row's figure."""
    return f"{spans[min(len(spans) - 1, int(len(spans) * share))]:.1f} ms"


async def measure(bench: Bench, *, count: int, seconds: float) -> list[Row]:
    """Every figure."""
    reach = "≥ 2,000 results/s"
    verdicts, events = await measure_delays(bench, seconds)
    rows = [
        (f"push → verdict, {RATE:.0f}/s over NATS: p50", quantile(verdicts, 0.5), ""),
        ("push → verdict: p99", quantile(verdicts, 0.99), ""),
        ("push → event in ONEROSTER: p50", quantile(events, 0.5), ""),
        ("push → event: p99", quantile(events, 0.99), ""),
    ]
    puts = await measure_puts(bench, max(count // 10, 200))
    rows += [
        (
            f"PUT one by one, {CONNECTIONS} connections, readable",
            f"{puts.records / puts.seconds:,.0f} results/s",
            "",
        ),
        ("PUT: p50", f"{puts.span(0.5):.1f} ms", ""),
        ("PUT: p99", f"{puts.span(0.99):.1f} ms", ""),
    ]
    accepted, decided, shown = await measure_upload(bench, count)
    rows += [
        (f"POST /ingest/batch of {count:,}: accepted", f"{count / accepted:,.0f} results/s", ""),
        ("… decided and durable", f"{count / decided:,.0f} results/s", reach),
        ("… readable and told", f"{count / shown:,.0f} results/s", ""),
    ]
    for lines in (BATCH_LINES, 1):
        decided, shown = await measure_messages(bench, count, lines=lines)
        name = f"NATS, {lines} a message" if lines > 1 else "NATS, one a message"
        rows += [
            (f"{name}: decided and durable", f"{count / decided:,.0f} results/s", reach),
            ("… readable and told", f"{count / shown:,.0f} results/s", ""),
        ]
    return rows


async def measure_scores(options: argparse.Namespace) -> list[Row]:
    """The figures of an installation of one's own."""
    with tempfile.TemporaryDirectory(prefix="rosterline-bench-") as name:
        async with installation(Path(name)) as measured, measured.chain() as chain:
            start_all(chain)
            await fill(measured, options.students)
            async with opened(measured) as bench:
                rows = await measure(bench, count=options.results, seconds=options.seconds)
            return rows + memory(chain)


def memory(chain: Chain) -> list[Row]:
    """The most memory that each service has held."""
    return [
        (f"memory of {service}, most", f"{peak_memory(process.pid):.0f} MB", "≤ 500 MB")
        for service, process in chain.processes.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scores", description=__doc__)
    parser.add_argument("--students", type=int, default=2_000)
    parser.add_argument("--results", type=int, default=RESULTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    table = Table("figure", "measured", "reach", title="Scores in, on one machine")
    for row in asyncio.run(measure_scores(options)):
        table.add_row(*row)
    Console(width=110).print(table)
    print(
        f"command: python -m tests.bench.scores --students {options.students} "
        f"--results {options.results} --seconds {options.seconds:g}"
    )


if __name__ == "__main__":
    main()
