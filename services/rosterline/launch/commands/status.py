"""`rosterline status`: what runs, how far behind each hop is, and what waits for an operator."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.text import Text

from rosterline.launch.display import print_json, print_line, print_table
from rosterline.launch.instance import DataFolder, find_settings
from rosterline.launch.options import DataOption, JsonOption
from rosterline.launch.status import Held, Hop, HopName, Status, read_status

UNKNOWN = "?"
HOP_TITLES: Final = {
    "sis_to_stream": "SIS WAL → stream SIS",
    "stream_to_projector": "stream SIS → projector",
    "outbox_to_stream": "Rosterline WAL → stream ONEROSTER",
    "stream_to_ingest": "stream INGEST → ingest",
    "records_to_projector": "stream RECORDS → projector",
}

app = typer.Typer(add_completion=False)


@app.command("status")
def status_command(
    data: DataOption = None,
    as_json: JsonOption = False,
    hop: Annotated[
        HopName | None, typer.Option("--hop", help="Only this hop: for the health check of one.")
    ] = None,
) -> None:
    """Show the services and how far each hop of the data's way lags behind.

    Exit code 1 when a part is down or cannot be reached.
    """
    settings = find_settings(data, "sis_dsn", "dsn", "nats_url")
    folder = DataFolder.at(data)
    running = folder.endpoints()
    if running is not None and running.dsn == settings.dsn:
        status = asyncio.run(read_status(settings, folder.states(), running.api))
    else:
        status = asyncio.run(read_status(settings, {}, settings.base_url))
    if hop is not None:
        print_json(asdict(status.hops[hop]))
    elif as_json:
        print_json(status.as_json())
    else:
        print_status(status)
    if not (status.hops[hop] if hop else status).is_well:
        raise typer.Exit(1)


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
