"""What the command shows: tables, progress bars, lines."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import orjson
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDE = 200


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
