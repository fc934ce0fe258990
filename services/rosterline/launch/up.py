"""`rosterline up`: servers where none are given, migrations, pre-flight, services; and their end.

Everything it starts ends with it, however it ends.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
import structlog
import typer
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from rosterline.config.settings import Settings
from rosterline.db.migrate import migrate_rosterline, migrate_sis
from rosterline.db.pools import open_connection
from rosterline.launch.check import inspect_all
from rosterline.launch.children import is_free, kept_port
from rosterline.launch.display import print_error, print_line, progress_bar
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.launch.errors import LaunchError
from rosterline.launch.instance import DataFolder, Endpoints
from rosterline.launch.logs import LogWatch
from rosterline.launch.private import kept_password
from rosterline.launch.registry import SERVICES
from rosterline.launch.services import ServicePart
from rosterline.launch.status import UNREACHABLE, fetch_tasks, is_ready, local_url
from rosterline.launch.supervise import Supervisor, happens
from rosterline.telemetry.logging import configure_logging

log = structlog.get_logger(__name__)

SIS_DATABASE = "sis"
ROSTERLINE_DATABASE = "rosterline"
CAPTURE_ROLE = "rosterline_capture"
LOOK_SECONDS = 0.05
PROGRESS_SECONDS = 0.5
# Together less than the five seconds in which everything must have ended.
SERVICES_SECONDS = 2.0
NATS_SECONDS = 0.8
POSTGRES_SECONDS = 1.6
INTERRUPTED = 130


class Guest(Protocol):
    """What a command adds to `up`: the demo's district and its changes."""

    async def before_services(self, settings: Settings) -> None:
        """Called when the databases are migrated and no service runs yet."""

    async def after_ready(self, settings: Settings, stop: asyncio.Event) -> None:
        """Called when the API answers; may go on until `stop`."""


@dataclass
class Instance:
    """Everything on one machine, out of one data folder."""

    folder: DataFolder
    settings: Settings
    guest: Guest | None
    announce: Callable[[str], None]
    show: Callable[[str], None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_killed: bool = False

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        self.supervisor = Supervisor(self.write_files)
        self.has_services = False

    async def run(self) -> int:
        """Start everything, stay until a signal, end everything; returns the exit code.

        Raises LaunchError and what else the start can fail with.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.interrupt)
        with self.folder.locked():
            work = asyncio.create_task(self.work())
            watch = asyncio.create_task(LogWatch(self.folder.logs, self.show).follow(self.stop))
            stopping = asyncio.create_task(self.stop.wait())
            try:
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
            finally:
                self.stop.set()
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                await self.end()
                await watch
        return INTERRUPTED if self.is_killed else 0

    def interrupt(self) -> None:
        """The first signal ends everything cleanly, the second at once."""
        if self.stop.is_set():
            self.is_killed = True
            self.supervisor.kill()
        self.stop.set()

    async def work(self) -> None:
        """From nothing to `ready`, and on until `stop`."""
        self.settings = self.settings.model_copy(
            update={"port": choose_port(self.settings, self.folder.port_file("api"))}
        )
        await self.start_servers()
        await self.prepare_databases()
        await self.refuse_errors()
        if self.guest is not None:
            await self.guest.before_services(self.settings)
        for service in SERVICES:
            part = ServicePart(service, self.settings, self.folder.logs)
            await self.supervisor.start(part)
        self.has_services = True
        self.write_files(self.supervisor)
        await self.until_ready()
        self.announce(f"ready {local_url(self.settings)}")
        if self.guest is not None:
            await self.guest.after_ready(self.settings, self.stop)
        await self.stop.wait()

    async def until_ready(self) -> None:
        """Return when the API answers, which it does when the first load is whole."""
        with progress_bar(passing=True) as report:
            showing = asyncio.create_task(self.show_load(report))
            try:
                while not await self.supervisor.in_thread(is_ready, local_url(self.settings)):
                    await happens(self.stop, LOOK_SECONDS)
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)

    async def show_load(self, report: Callable[[str, int, int], None]) -> None:
        """Report how far the first load is, until cancelled; servers may be away meanwhile."""
        totals: dict[str, int] = {}
        while not await happens(self.stop, PROGRESS_SECONDS):
            with suppress(*UNREACHABLE):
                async with open_connection(self.settings.dsn, "up") as connection:
                    tasks = await fetch_tasks(connection)
                for name in totals.keys() - {task.task for task in tasks}:
                    report(name, totals[name], totals[name])
                for task in tasks:
                    totals[task.task] = task.total
                    report(task.task, task.done, task.total)

    async def start_servers(self) -> None:
        """Start a server for each address that was not given."""
        given = self.settings
        if not given.nats_url:
            nats = EmbeddedNats(self.folder.path, kept_port(self.folder.port_file("nats")))
            await self.supervisor.start(nats)
            self.settings = self.settings.model_copy(
                update={"nats_url": nats.url, "nats_issuer_seed": nats.issuer_seed}
            )
        if given.sis_dsn and given.dsn:
            return
        postgres = EmbeddedPostgres(self.folder.path, kept_port(self.folder.port_file("postgres")))
        await self.supervisor.start(postgres)
        if not given.sis_dsn:
            await self.supervisor.in_thread(make_database, postgres, SIS_DATABASE)
            password = kept_password(self.folder.path / "capture.password")
            await self.supervisor.in_thread(make_capture_role, postgres, password)
            address = f"{CAPTURE_ROLE}:{password}@127.0.0.1:{postgres.port}/{SIS_DATABASE}"
            self.settings = self.settings.model_copy(
                update={
                    "sis_dsn": postgres.dsn(SIS_DATABASE),
                    "sis_capture_dsn": f"postgresql://{address}",
                }
            )
        if not given.dsn:
            await self.supervisor.in_thread(make_database, postgres, ROSTERLINE_DATABASE)
            self.settings = self.settings.model_copy(
                update={"dsn": postgres.dsn(ROSTERLINE_DATABASE)}
            )

    async def prepare_databases(self) -> None:
        """Bring both to this version's schema."""
        for dsn in (self.settings.sis_dsn, self.settings.dsn):
            async with open_connection(dsn, "up"):
                pass
        await self.supervisor.in_thread(migrate, self.settings)

    async def refuse_errors(self) -> None:
        """Raise LaunchError if something is set up so that it cannot work."""
        findings = await inspect_all(self.settings)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            raise LaunchError(
                "; ".join(f"{error.place}: {error.what} - {error.remedy}" for error in errors)
            )
        for finding in findings:
            if finding.severity == "warning":
                self.show(f"{finding.place}: {finding.what} - {finding.remedy}")

    async def end(self) -> None:
        """End services, then NATS, then PostgreSQL."""
        services = [service.name for service in SERVICES]
        await self.supervisor.stop(services, SERVICES_SECONDS)
        await self.supervisor.stop(["nats"], NATS_SECONDS)
        await self.supervisor.stop(["postgres"], POSTGRES_SECONDS)
        self.folder.forget()

    def write_files(self, supervisor: Supervisor) -> None:
        """Tell other commands how the parts are reached and how they fare."""
        states = supervisor.states()
        self.folder.write_states(states)
        if not self.has_services:
            return
        self.folder.write_endpoints(
            Endpoints.of(
                self.settings,
                api=local_url(self.settings),
                pids={name: state.pid for name, state in states.items() if state.pid},
            )
        )


def choose_port(settings: Settings, kept: Path) -> int:
    """The API's port; raises LaunchError when it is taken."""
    if settings.port == 0:
        return kept_port(kept)
    if not is_free(settings.host, settings.port):
        raise LaunchError(
            f"port {settings.port} is in use; choose another with --port (0 takes any free one)"
        )
    return settings.port


def make_database(server: EmbeddedPostgres, name: str) -> None:
    """Make a database of an embedded server, if it is not there."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not known:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def make_capture_role(server: EmbeddedPostgres, password: str) -> None:
    """Make the role with which capture reads the SIS: SELECT and REPLICATION, no more."""
    with psycopg.connect(server.dsn(SIS_DATABASE), autocommit=True) as admin:
        role, secret = sql.Identifier(CAPTURE_ROLE), sql.Literal(password)
        with suppress(psycopg.errors.DuplicateObject):
            admin.execute(sql.SQL("CREATE ROLE {}").format(role))
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN REPLICATION PASSWORD {}").format(role, secret))
        admin.execute("CREATE SCHEMA IF NOT EXISTS sis")
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA sis TO {}").format(role))
        admin.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA sis TO {}").format(role))
        admin.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA sis GRANT SELECT ON TABLES TO {}").format(
                role
            )
        )


def migrate(settings: Settings) -> None:
    """Migrate both databases.

    A SIS role that may not change its schema is no failure: the pre-flight tells what is missing.
    """
    try:
        migrate_sis(settings.sis_dsn, f"{settings.slot_prefix}_sis")
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        log.info("migrate.sis_left_alone", reason="the role may not change it")
    migrate_rosterline(settings.dsn, f"{settings.slot_prefix}_records")


def run_instance(folder: DataFolder, settings: Settings, guest: Guest | None) -> None:
    """Run everything until a signal; ends the command where that is no clean end."""
    configure_logging("up")
    instance = Instance(folder, settings, guest, announce=print_line, show=print_error)
    code = asyncio.run(instance.run())
    if code:
        raise typer.Exit(code)
