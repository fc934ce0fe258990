"""What reads over HTTP cost, each beside pgbench with the same statement in the same run.

python -m tests.bench.reads --students 100000            the figures
python -m tests.bench.reads --data /tmp/district         fills it once, reads it again and again
python -m tests.bench.reads --data … --only "100 users"  the rows whose name holds this
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from tests.bench.beside import run_pgbench
from tests.bench.district import fill, make_changes, settle, vendor_token
from tests.bench.installation import Installation, installation, processor_seconds, start_all
from tests.bench.keepalive import Outcome
from tests.bench.load import Load, drive, driver
from tests.bench.questions import Question, questions, statement_of
from tests.support.chain import Chain

CONNECTIONS = 8
WARM_SECONDS = 1.0
SECONDS = 5.0
PULL_SECONDS = 60.0
WIDTH = 150
COLUMNS = (
    "read", "requests/s", "p50 ms", "p99 ms", "CPU ms of the API", "records/s",
    "pgbench/s", "HTTP : pgbench", "reach",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and with what."""

    measured: Installation
    api: int
    token: str
    connection: asyncpg.Connection
    pool: ProcessPoolExecutor
    seconds: float

    async def drive(self, question: Question, seconds: float, *, repeats: bool) -> Outcome:
        """Put a question to the API, from another process."""
        load = Load(
            port=self.measured.settings.port,
            path=question.path,
            token=self.token,
            seconds=seconds,
            connections=1 if question.is_pull else CONNECTIONS,
            follows_links=question.follows_links,
            repeats=repeats,
        )
        return await asyncio.get_running_loop().run_in_executor(self.pool, drive, load)

    async def measure(self, question: Question) -> list[str]:
        """One row of the table."""
        await self.drive(question, WARM_SECONDS, repeats=True)
        processor = processor_seconds(self.api)
        seconds = PULL_SECONDS if question.is_pull else self.seconds
        outcome = await self.drive(question, seconds, repeats=not question.is_pull)
        processor = processor_seconds(self.api) - processor
        count = len(outcome.spans)
        beside = await asyncio.to_thread(
            run_pgbench,
            self.measured.settings.dsn,
            await statement_of(question, self.connection),
            self.measured.folder,
            connections=1 if question.is_pull else CONNECTIONS,
            seconds=self.seconds,
        )
        speed = count / outcome.seconds
        return [
            question.name,
            f"{speed:,.0f}" if speed >= 20 else f"{speed:,.1f}",
            f"{outcome.span(0.5):.1f}",
            f"{outcome.span(0.99):.1f}",
            f"{1000 * processor / count:.2f}",
            f"{outcome.records / outcome.seconds:,.0f}",
            f"{beside:,.0f}" if beside >= 20 else f"{beside:,.1f}",
            f"{speed / beside:.0%}",
            question.reach,
        ]


async def measure_reads(
    measured: Installation, chain: Chain, *, seconds: float, only: str = ""
) -> Table:
    """The table, of a district that stands and whose chain runs."""
    connection = await asyncpg.connect(measured.settings.dsn)
    try:
        token = await vendor_token(measured, connection)
        deltas = await make_changes(measured, connection)
        await settle(connection)
        asked = await questions(connection, deltas)
        total = await connection.fetchval("SELECT count(*) FROM v1p2.enrollments")
        table = Table(*COLUMNS, title=f"Reads of a district with {total:,} enrollments")
        with driver() as pool:
            api = chain.processes["api"].pid
            bench = Bench(measured, api, token, connection, pool, seconds)
            for question in asked:
                if only in question.name:
                    table.add_row(*await bench.measure(question))
        return table
    finally:
        await connection.close()


@asynccontextmanager
async def filled(folder: Path, students: int) -> AsyncIterator[tuple[Installation, Chain]]:
    """A running installation with a district in the folder."""
    async with installation(folder) as measured, measured.chain() as chain:
        start_all(chain)
        await fill(measured, students)
        yield measured, chain


async def run(options: argparse.Namespace) -> Table:
    """Fill what is not filled, and measure."""
    kept: Path | None = options.data
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    with (
        nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="rosterline-bench-")
    ) as folder:
        began = time.perf_counter()
        async with filled(Path(folder), options.students) as (measured, chain):
            print(f"readable after {time.perf_counter() - began:.0f} s", flush=True)
            return await measure_reads(measured, chain, seconds=options.seconds, only=options.only)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reads", description=__doc__)
    parser.add_argument("--students", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--data", type=Path, help="keep the district in this folder")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    options = parser.parse_args()
    Console(width=WIDTH).print(asyncio.run(run(options)))
    which = f"--data {options.data}" if options.data else f"--students {options.students}"
    print(f"command: python -m tests.bench.reads {which} --seconds {options.seconds:g}")


if __name__ == "__main__":
    main()
