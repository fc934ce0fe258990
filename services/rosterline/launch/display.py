"""What the command shows: tables, progress bars, lines."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import orjson
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from rosterline.launch.check import Finding
from rosterline.launch.status import Held, Hop, Status

UNKNOWN = "?"
WIDE = 200
STYLES: Final = {"ok": "green", "warning": "yellow", "error": "red"}
HOP_TITLES: Final = {
    "sis_to_stream": "SIS WAL → stream SIS",
    "stream_to_projector": "stream SIS → projector",
    "outbox_to_stream": "Rosterline WAL → stream ONEROSTER",
    "stream_to_ingest": "stream INGEST → ingest",
    "records_to_projector": "stream RECORDS → projector",
}


def print_line(text: str) -> None:
    """A line on standard output, there at once even through a pipe."""
    print(text, flush=True)  # noqa: T201 - the command's own output


def print_error(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command's own output


def print_json(value: object) -> None:
    """A JSON document on standard output."""
    print_line(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str | Text]]) -> None:
    """A table on standard output; as wide as it needs where that is no terminal."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    (console if console.is_terminal else Console(width=WIDE)).print(table)


def print_findings(findings: Iterable[Finding]) -> None:
    """The outcome of `check`."""
    print_table(
        "Pre-flight",
        ["", "where", "finding", "what to do"],
        (
            [Text(found.severity, STYLES[found.severity]), found.place, found.what, found.remedy]
            for found in findings
        ),
    )


def print_status(status: Status) -> None:
    """The outcome of `status`, for people."""
    if status.services:
        print_table(
            "Services",
            ["service", "state", "pid", "restarts", "last exit", "since"],
            (
                [
                    name,
                    Text(part.state, "green" if part.state == "running" else "red"),
                    str(part.pid or ""),
                    str(part.restarts),
                    part.last_exit or "",
                    part.since,
                ]
                for name, part in status.services.items()
            ),
        )
    print_table(
        "Lag",
        ["hop", "events", "seconds", "bytes", "state"],
        ([HOP_TITLES.get(name, name), *hop_cells(hop)] for name, hop in status.hops.items()),
    )
    for task in status.tasks:
        print_line(f"under way: {task.done:,} of {task.total:,} {task.task}")
    for held in status.holds:
        print_held(held)
    if status.waiting_lines:
        print_line(f"lines of commands that wait for the roster: {status.waiting_lines:,}")
    if status.dead_letters:
        print_line(f"PUT ASIDE: {status.dead_letters:,} messages; rosterline ingest dead-letters")
    ready = "ready" if status.ready else "not ready"
    print_line(f"API {status.api} is {ready}; last stamp {status.last_stamp or 'none yet'}")


def print_held(held: Held) -> None:
    """What is held, why, and what to do."""
    losses = ", ".join(map(str, held.losses))
    is_day = held.transaction.startswith("day-")
    what = "the day of" if is_day else "transaction"
    meanwhile = (
        "Statuses stay as on the day before" if is_day else "Nothing behind it reaches vendors"
    )
    name = held.transaction.removeprefix("day-")
    print_line(f"HELD since {held.since}: {what} {name} would delete {losses}.")
    print_line(f"{meanwhile}. Look into the SIS; if the deletion is right: {held.release}")


def hop_cells(hop: Hop) -> list[str | Text]:
    """A hop's part of a table row."""
    if hop.error is not None:
        return ["", "", "", Text(f"unreachable: {hop.error}", "red")]
    state = "" if hop.active is None else "active" if hop.active else "nobody at work"
    wal = f", WAL {hop.wal_status}" if hop.wal_status else ""
    return [
        UNKNOWN if hop.events is None else f"{hop.events:,}",
        UNKNOWN if hop.seconds is None else f"{hop.seconds:.3f}",
        "" if hop.bytes is None else f"{hop.bytes:,}",
        f"{state}{wal}",
    ]


def warn_only() -> None:
    """Logs of a command that ends: warnings, on standard error; services configure their own."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def progress_bar(*, passing: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error for each kind of work that is reported: what, done, of how many.

    A `passing` one is for terminals only, and goes when the work is done.
    """
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=passing,
        disable=passing and not console.is_terminal,
    ) as progress:
        bars = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done, total=total)

        yield report


@contextmanager
def changing_line() -> Iterator[Callable[[str], None]]:
    """One line below all others that shows the latest text; lines one by one on no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield print_error
        return
    count = 0
    with console.status("") as line:

        def show(text: str) -> None:
            nonlocal count
            count += 1
            line.update(f"{count:,} changes; the last: {text}")

        yield show
