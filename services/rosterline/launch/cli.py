"""The command `rosterline`: parses, calls, and turns every expected failure into one line.

Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version as installed_version
from typing import Annotated, NoReturn

import asyncpg
import typer
from nats.errors import Error as NatsError
from sqlalchemy.exc import DBAPIError

from rosterline.api.access.connection_rules import InvalidConnectionError
from rosterline.api.service import PortTakenError
from rosterline.bus.connection import BusUnreachableError
from rosterline.bus.reader import StreamGapError, StreamMessage
from rosterline.capture import service as capture
from rosterline.capture.service import AnotherCaptureError, PreflightError
from rosterline.config.settings import Settings
from rosterline.db.pools import DatabaseUnreachableError
from rosterline.db.tables import sis
from rosterline.ingest.service import AnotherIngestError
from rosterline.launch import registry, tail
from rosterline.launch.check import inspect_all
from rosterline.launch.connections import connection_commands
from rosterline.launch.demo import Demo
from rosterline.launch.display import (
    print_error,
    print_findings,
    print_json,
    print_line,
    print_status,
    progress_bar,
    warn_only,
)
from rosterline.launch.errors import LaunchError, UsageError
from rosterline.launch.explain import explain_command, report_command
from rosterline.launch.ingest import ingest_commands
from rosterline.launch.instance import DataFolder, environment_settings, find_settings
from rosterline.launch.issuer import issuer_command
from rosterline.launch.operate import rebuild_command, release_command
from rosterline.launch.options import DataOption, JsonOption
from rosterline.launch.services import run_one
from rosterline.launch.status import HopName, one_line, read_status
from rosterline.launch.up import Guest, Instance, migrate
from rosterline.oneroster.vocabulary import Version
from rosterline.projector.intake import UnreadableMessageError
from rosterline.projector.store import AnotherProjectorError
from rosterline.sample.changes import NothingToChangeError
from rosterline.sample.generate import SampleError, generate
from rosterline.telemetry.logging import configure_logging

EXPECTED = (
    LaunchError,
    DatabaseUnreachableError,
    BusUnreachableError,
    AnotherCaptureError,
    AnotherProjectorError,
    AnotherIngestError,
    PreflightError,
    StreamGapError,
    UnreadableMessageError,
    PortTakenError,
    InvalidConnectionError,
    NothingToChangeError,
    SampleError,
    asyncpg.PostgresError,
    NatsError,
    DBAPIError,
    OSError,
)

app = typer.Typer(
    name="rosterline",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
capture_commands = typer.Typer(
    help="One capture: a database's WAL into NATS.", no_args_is_help=True
)
app.add_typer(capture_commands, name="capture", rich_help_panel="Services")
app.add_typer(ingest_commands, name="ingest", rich_help_panel="Services")
app.add_typer(connection_commands, name="connection")
app.command("explain", rich_help_panel="Answers")(explain_command)
app.command("report", rich_help_panel="Answers")(report_command)
app.command("rebuild", rich_help_panel="Corrections")(rebuild_command)
app.command("release", rich_help_panel="Corrections")(release_command)
app.command("nats-issuer")(issuer_command)


@app.callback()
def quietly() -> None:
    """A change feed for school rosters and scores."""
    warn_only()


SnapshotOption = Annotated[
    str,
    typer.Option(help="Tables to send whole before going on, separated by commas, or all."),
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port of the API; 0 takes any free one."),
]
StudentsOption = Annotated[int, typer.Option("--students", min=1, help="Active students.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed makes the same district.")]


@app.command("up")
def up_command(data: DataOption = None, port: PortOption = None) -> None:
    """Run everything on this machine.

    Starts PostgreSQL and NATS of its own unless ROSTERLINE_SIS_DSN, ROSTERLINE_DSN and
    ROSTERLINE_NATS_URL name yours.
    """
    run_instance(DataFolder.at(data), up_settings(port), None)


@app.command("demo")
def demo_command(
    students: StudentsOption = 1000,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Changes a second.")] = 2.0,
    seed: SeedOption = 1,
    data: DataOption = None,
    port: PortOption = None,
) -> None:
    """Run everything with a made-up district that changes as you watch."""
    folder = DataFolder.at(data)
    guest = Demo(folder=folder.path, students=students, rate=rate, seed=seed, show=print_line)
    run_instance(folder, up_settings(port), guest)


@app.command("generate")
def generate_command(
    students: StudentsOption, seed: SeedOption = 1, data: DataOption = None
) -> None:
    """Fill the SIS database with a made-up district."""
    settings = find_settings(data, "sis_dsn")
    with progress_bar() as progress:
        made = asyncio.run(
            generate(settings.sis_dsn, students=students, seed=seed, progress=progress)
        )
    print_line(f"{made.total:,} rows in {len(made.rows)} tables")


@app.command("migrate")
def migrate_command(data: DataOption = None) -> None:
    """Bring both databases to the schema of this version."""
    migrate(find_settings(data, "sis_dsn", "dsn"))
    print_line("both databases have the schema of this version")


@app.command("check")
def check_command(data: DataOption = None) -> None:
    """Look whether databases, slots, NATS and streams are fit; changes nothing."""
    findings = asyncio.run(inspect_all(find_settings(data, "sis_dsn", "dsn", "nats_url")))
    print_findings(findings)
    errors = [found for found in findings if found.severity == "error"]
    if errors:
        raise LaunchError(f"{len(errors)} to mend; the first: {errors[0].what}")


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


@app.command("tail")
def tail_command(
    start: Annotated[
        int | None, typer.Option("--from", min=1, help="Stream sequence; without it only new ones.")
    ] = None,
    version: Annotated[str, typer.Option(help="OneRoster version: 1.2 or 1.1.")] = "1.2",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print change events as they come: time, operation, entity, sourcedId, event id."""
    if version not in tail.VERSIONS:
        raise UsageError(f"version {version!r} is unknown: choose {' or '.join(tail.VERSIONS)}")
    form = tail.as_json if as_json else tail.as_line

    def show(event: StreamMessage) -> None:
        print_line(form(event))

    asyncio.run(
        tail_until_signal(
            find_settings(data, "nats_url"), show, start=start, version=tail.VERSIONS[version]
        )
    )


@app.command("version")
def version_command() -> None:
    """Print the version."""
    print_line(installed_version("rosterline"))


@capture_commands.command("sis")
def capture_sis_command(data: DataOption = None, snapshot: SnapshotOption = "") -> None:
    """Capture the SIS database into stream SIS."""
    tables = sis.TABLES if snapshot == "all" else tuple(filter(None, snapshot.split(",")))
    unknown = sorted(set(tables) - set(sis.TABLES))
    if unknown:
        raise UsageError(
            f"no table of the SIS: {', '.join(unknown)}; "
            f"choose from {', '.join(sorted(sis.TABLES))}"
        )
    serve = partial(capture.serve_sis, resnapshot=tables)
    run_one(replace(registry.CAPTURE_SIS, serve=serve), data)


@capture_commands.command("records")
def capture_records_command(data: DataOption = None) -> None:
    """Capture written records and outbox messages into streams RECORDS and ONEROSTER."""
    run_one(registry.CAPTURE_RECORDS, data)


@app.command("projector", rich_help_panel="Services")
def projector_command(data: DataOption = None) -> None:
    """Turn changes of the SIS into OneRoster records and events."""
    run_one(registry.PROJECTOR, data)


@app.command("api", rich_help_panel="Services")
def api_command(data: DataOption = None, port: PortOption = None) -> None:
    """Answer OneRoster requests over HTTP."""
    run_one(registry.API, data, {} if port is None else {"port": port})


def up_settings(port: int | None) -> Settings:
    """The environment's settings, and the port that was asked for."""
    settings = environment_settings()
    return settings if port is None else settings.model_copy(update={"port": port})


def run_instance(folder: DataFolder, settings: Settings, guest: Guest | None) -> None:
    """Run everything until a signal."""
    configure_logging("up")
    instance = Instance(folder, settings, guest, announce=print_line, show=print_error)
    code = asyncio.run(instance.run())
    if code:
        raise typer.Exit(code)


async def tail_until_signal(
    settings: Settings,
    show: Callable[[StreamMessage], None],
    *,
    start: int | None,
    version: Version,
) -> None:
    """Tail until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await tail.tail(settings, show, stop, start=start, version=version)


def main() -> None:
    """The entry point: exit codes and one clear line instead of a traceback."""
    try:
        app()
    except BrokenPipeError:
        # The reader of a pipe has gone; nothing is to be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UsageError as error:
        fail(error, 2)
    except EXPECTED as error:
        fail(error, 1)


def fail(error: Exception, code: int) -> NoReturn:
    """Say what went wrong, and end."""
    text = str(error) if isinstance(error, LaunchError) else one_line(error)
    print_error(f"rosterline: {text}")
    sys.exit(code)
