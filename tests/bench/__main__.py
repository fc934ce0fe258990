"""`make bench`: measures the whole chain on this machine and prints one table.

python -m tests.bench                        20,000 students, 60 s of latency
python -m tests.bench --students 100000      the first load of DESIGN's figure
python -m tests.bench --seconds 10 --rows 20000      a quick look
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rosterline.sample.generate import generate
from tests.bench import days, reads, scores
from tests.bench.answers import measure_explain, measure_rebuild, measure_report
from tests.bench.installation import Installation, installation, start_all
from tests.bench.measures import (
    last_event,
    measure_capture,
    measure_latency,
    measure_throughput,
    visible_students,
)
from tests.support.chain import Chain
from tests.support.streams import client_of, last_sequence

Row = tuple[str, str, str]


async def measure_load(
    measured: Installation, chain: Chain, students: int
) -> tuple[list[Row], int]:
    """The first load: until readable, and until every record stands in ONEROSTER."""
    began = time.perf_counter()
    summary = await generate(
        measured.settings.sis_dsn, students=students, seed=1, progress=lambda *_: None
    )
    generated = time.perf_counter() - began
    began = time.perf_counter()
    start_all(chain)
    await measured.ready()
    readable = time.perf_counter() - began
    async with client_of(measured.nats.url) as client:
        events = await last_event(measured)
        while await last_sequence(client, "ONEROSTER") < events:
            await asyncio.sleep(0.1)
    told = time.perf_counter() - began
    rows = sum(summary.rows.values())
    return [
        (
            f"generate {students:,} students ({rows:,} rows)",
            f"{generated:.1f} s",
            "≤ 120 s at 100,000",
        ),
        ("first load: services started → readable", f"{readable:.1f} s", "≤ 240 s at 100,000"),
        (f"first load: → {events:,} events in ONEROSTER", f"{told:.1f} s", ""),
    ], events


async def measure_answers(measured: Installation, records: int) -> list[Row]:
    """What operators and district staff ask for."""
    speed, differing = await measure_rebuild(measured, records)
    median, p99 = await measure_explain(measured)
    seconds = await measure_report(measured)
    return [
        (f"rebuild of {records:,} records, {differing} differ", f"{speed:,.0f} records/s", ""),
        ("explain a person: p50", f"{median:.1f} ms", ""),
        ("explain a person: p99", f"{p99:.1f} ms", ""),
        ("report of the whole district", f"{seconds:.1f} s", ""),
    ]


async def measure_all(options: argparse.Namespace) -> tuple[list[Row], Table]:
    """Every figure, in an order in which none disturbs the next; reads in a table of their own."""
    with tempfile.TemporaryDirectory(prefix="rosterline-bench-") as name:
        async with installation(Path(name)) as measured:
            async with measured.chain() as chain:
                rows, events = await measure_load(measured, chain, options.students)
                students = await visible_students(measured)
                latency = await measure_latency(
                    measured, students, rate=options.rate, seconds=options.seconds
                )
                rows += [
                    (
                        f"commit → event, {options.rate:.0f} tx/s, {options.seconds:.0f} s: p50",
                        f"{latency.median:.1f} ms",
                        "≤ 10 ms",
                    ),
                    ("commit → event: p99", f"{latency.p99:.1f} ms", "≤ 50 ms"),
                    ("commit → event: max", f"{latency.largest:.1f} ms", ""),
                ]
                for size in (1, 10, 100, 1000):
                    speed = await measure_throughput(
                        measured, students, rows=options.rows, per_transaction=size
                    )
                    rows.append(
                        (
                            f"sustained, {size} rows a transaction",
                            f"{speed:,.0f} rows/s",
                            "≥ 5,000 rows/s",
                        )
                    )
                rows += await measure_answers(measured, events)
                read = await reads.measure_reads(measured, chain, seconds=reads.SECONDS)
                async with scores.opened(measured) as bench:
                    rows += await scores.measure(
                        bench, count=scores.RESULTS, seconds=scores.SECONDS
                    )
                rows += scores.memory(chain)
            async with measured.chain() as chain:
                captured, beside = await measure_capture(
                    measured, chain, rows=options.rows * 5, per_transaction=20
                )
                rows += [
                    ("capture alone, WAL → JetStream (synced)", f"{captured:,.0f} rows/s", ""),
                    (
                        "pg_recvlogical, WAL → file",
                        f"{beside:,.0f} rows/s",
                        f"capture: {captured / beside:.0%}",
                    ),
                ]
    return rows, read


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--students", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--term-end", action="store_true", help="also a day of 490,000 flips")
    options = parser.parse_args()
    rows, read = asyncio.run(measure_all(options))
    table = Table("figure", "measured", "reach", title="Rosterline, the whole chain on one machine")
    for row in (*rows, *days.measure(term_end=options.term_end)):
        table.add_row(*row)
    Console(width=110).print(table)
    Console(width=reads.WIDTH).print(read)
    print(
        f"command: python -m tests.bench --students {options.students} "
        f"--seconds {options.seconds:g} --rate {options.rate:g} --rows {options.rows}"
    )


if __name__ == "__main__":
    main()
