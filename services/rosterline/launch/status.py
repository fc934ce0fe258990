"""How an instance fares: its parts, and how far each hop of the data's way lags behind.

Works when parts are down: what cannot be asked is reported as unreachable.
"""

import http.client
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import asyncpg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.topology import INGEST, INGEST_CONSUMER, ONEROSTER, RECORDS, SIS, identity
from rosterline.config.settings import Settings
from rosterline.db.pools import DatabaseUnreachableError, open_connection
from rosterline.events.subjects import INGEST_SUBJECTS, change_subjects
from rosterline.launch.errors import one_line
from rosterline.launch.instance import PartState
from rosterline.projector.holds import Hold, Loss, fetch_waiting

UNREACHABLE = (
    BusUnreachableError,
    DatabaseUnreachableError,
    NatsError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
READY_SECONDS = 2.0
SLOT = """
SELECT s.active, s.wal_status,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint AS bytes,
       extract(epoch FROM r.flush_lag)::float8 AS seconds
FROM pg_replication_slots s
LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
WHERE s.slot_name = $1
"""
APPLIED = "SELECT stream, created, sequence FROM rosterline.cursor"
CONNECTED = """
SELECT EXISTS (SELECT 1 FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = $1)
"""
TASKS = "SELECT task, done, total FROM rosterline.progress ORDER BY task DESC"
BACKLOG = """
SELECT (SELECT count(*) FROM rosterline.waiting_line) AS waiting_lines,
    (SELECT count(*) FROM rosterline.dead_letter WHERE sent_again_at IS NULL) AS dead_letters
"""
CLOCK = "SELECT last_stamp, last_sequence, ready FROM rosterline.clock"


HopName = Literal[
    "sis_to_stream",
    "stream_to_projector",
    "outbox_to_stream",
    "stream_to_ingest",
    "records_to_projector",
]
HOPS: tuple[HopName, ...] = get_args(HopName)
APPLIED_STREAMS: Mapping[HopName, str] = {
    "stream_to_projector": SIS,
    "records_to_projector": RECORDS,
}
READ_FROM_DATABASE: tuple[HopName, ...] = (*APPLIED_STREAMS, "stream_to_ingest")


@dataclass(frozen=True, kw_only=True)
class Hop:
    """How far one step of the way is behind the one before; None is unknown."""

    events: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    active: bool | None = None
    wal_status: str | None = None
    error: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether it can be asked and somebody works at it."""
        return self.error is None and self.active is not False


@dataclass(frozen=True)
class Task:
    """Long work of the projector: a first load, one after a gap, a rebuild."""

    task: str
    done: int
    total: int


@dataclass(frozen=True)
class Held:
    """A transaction that would delete too much, and the command that lets it go on all the same."""

    hold_id: int
    transaction: str
    since: str
    losses: Sequence[Loss]
    release: str

    @classmethod
    def of(cls, hold: Hold) -> "Held":
        """A hold as it is shown."""
        since = hold.held_at.isoformat(timespec="milliseconds")
        command = f"rosterline release {hold.hold_id}"
        return cls(hold.hold_id, hold.transaction, since, hold.losses, command)


@dataclass(frozen=True, kw_only=True)
class Status:
    """Everything that `status` shows."""

    ready: bool
    api: str
    last_stamp: str | None
    services: Mapping[str, PartState]
    hops: Mapping[str, Hop] = field(default_factory=dict)
    tasks: Sequence[Task] = ()
    holds: Sequence[Held] = ()
    waiting_lines: int = 0
    dead_letters: int = 0

    @property
    def is_well(self) -> bool:
        """Whether all parts run and can be asked, and nothing waits for an operator."""
        running = all(part.state == "running" for part in self.services.values())
        flowing = all(hop.is_well for hop in self.hops.values()) and not self.holds
        flowing = flowing and not self.dead_letters
        return self.ready and running and flowing

    def as_json(self) -> dict[str, Any]:
        """The form of `--json`; its keys are a contract."""
        return asdict(self)


@dataclass(frozen=True)
class Applied:
    """What the Rosterline database says about the projector and ingest."""

    active: bool
    cursors: Mapping[str, tuple[str, int]]
    last_stamp: str | None
    last_event: int
    tasks: Sequence[Task]
    holds: Sequence[Held]
    ingesting: bool
    waiting_lines: int
    dead_letters: int


async def read_status(settings: Settings, services: Mapping[str, PartState], api: str) -> Status:
    """Ask everything; `api` is where the API should answer."""
    hops = {"sis_to_stream": await slot_hop(settings.capture_dsn, f"{settings.slot_prefix}_sis")}
    try:
        applied = await read_applied(settings.dsn)
    except UNREACHABLE as error:
        applied = None
        hops |= dict.fromkeys(READ_FROM_DATABASE, Hop(error=one_line(error)))
    outbox = await slot_hop(settings.dsn, f"{settings.slot_prefix}_records")
    hops |= await stream_hops(settings, applied, outbox)
    return Status(
        ready=is_ready(api),
        api=api,
        last_stamp=applied.last_stamp if applied else None,
        services=services,
        hops={name: hops[name] for name in HOPS},
        tasks=applied.tasks if applied else (),
        holds=applied.holds if applied else (),
        waiting_lines=applied.waiting_lines if applied else 0,
        dead_letters=applied.dead_letters if applied else 0,
    )


async def slot_hop(dsn: str, slot: str) -> Hop:
    """From a database's WAL to its stream."""
    try:
        async with open_connection(dsn, "status") as connection:
            row = await connection.fetchrow(SLOT, slot)
    except UNREACHABLE as error:
        return Hop(error=one_line(error))
    if row is None:
        return Hop(error=f"replication slot {slot} does not exist")
    seconds = (row["seconds"] or 0.0) if row["active"] else None
    return Hop(
        seconds=seconds, bytes=row["bytes"], active=row["active"], wal_status=row["wal_status"]
    )


async def read_applied(dsn: str) -> Applied:
    """How far the projector is, and what it has written last."""
    async with open_connection(dsn, "status") as connection:
        cursors = await connection.fetch(APPLIED)
        clock = await connection.fetchrow(CLOCK)
        active = await is_projecting(connection)
        tasks = await fetch_tasks(connection)
        holds = [Held.of(hold) for hold in await fetch_waiting(connection)]
        ingesting = bool(await connection.fetchval(CONNECTED, "rosterline ingest"))
        backlog = await connection.fetchrow(BACKLOG)
    stamp = clock["last_stamp"] if clock and clock["last_sequence"] else None
    return Applied(
        active=active,
        cursors={stream: (created, sequence) for stream, created, sequence in cursors},
        last_stamp=stamp.isoformat(timespec="milliseconds") if stamp else None,
        last_event=clock["last_sequence"] if clock else 0,
        tasks=tasks,
        holds=holds,
        ingesting=ingesting,
        waiting_lines=backlog["waiting_lines"] if backlog else 0,
        dead_letters=backlog["dead_letters"] if backlog else 0,
    )


async def is_projecting(connection: asyncpg.Connection) -> bool:
    """Whether a projector is connected to this database."""
    return bool(await connection.fetchval(CONNECTED, "rosterline projector"))


async def fetch_tasks(connection: asyncpg.Connection) -> list[Task]:
    """The long work that is under way."""
    return [Task(**row) for row in await connection.fetch(TASKS)]


async def stream_hops(settings: Settings, applied: Applied | None, outbox: Hop) -> dict[str, Hop]:
    """From streams to who reads them, and from the outbox to stream ONEROSTER."""
    try:
        async with connect(settings.nats_url, "status") as client:
            jetstream = client.jetstream()
            hops = {"outbox_to_stream": outbox}
            if applied is not None:
                for name, stream in APPLIED_STREAMS.items():
                    hops[name] = await projector_hop(jetstream, stream, applied)
                hops["stream_to_ingest"] = await ingest_hop(jetstream, active=applied.ingesting)
                if outbox.error is None:
                    published = await last_event(jetstream, settings.district)
                    behind = max(applied.last_event - published, 0)
                    known = {"events": behind} | ({} if behind else {"seconds": 0.0})
                    hops["outbox_to_stream"] = Hop(**asdict(outbox) | known)
            return hops
    except UNREACHABLE as error:
        lost = Hop(error=one_line(error))
        return dict.fromkeys(("outbox_to_stream", *READ_FROM_DATABASE), lost)


async def projector_hop(jetstream: JetStreamContext, stream: str, applied: Applied) -> Hop:
    """How many messages of a stream wait, and how long the oldest of them has waited."""
    try:
        info = await jetstream.stream_info(stream)
    except NotFoundError:
        return Hop(error=f"stream {stream} does not exist")
    created, sequence = applied.cursors.get(stream, ("", 0))
    sequence = sequence if created == identity(info) else 0
    waiting = max(info.state.last_seq - max(sequence, info.state.first_seq - 1), 0)
    if not waiting:
        return Hop(events=0, seconds=0.0, active=applied.active)
    oldest = max(sequence + 1, info.state.first_seq)
    message = await jetstream.get_msg(stream, oldest)
    since = (datetime.now(UTC) - message.time).total_seconds() if message.time else None
    return Hop(events=waiting, seconds=since, active=applied.active)


async def ingest_hop(jetstream: JetStreamContext, *, active: bool) -> Hop:
    """How many commands wait in stream INGEST, and how long the oldest of them has waited."""
    try:
        info = await jetstream.consumer_info(INGEST, INGEST_CONSUMER)
    except NotFoundError:
        return Hop(error=f"stream {INGEST} has no consumer yet")
    waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
    if not waiting:
        return Hop(events=0, seconds=0.0, active=active)
    done = info.ack_floor.stream_seq if info.ack_floor else 0
    oldest = await jetstream.get_msg(INGEST, seq=done + 1, subject=INGEST_SUBJECTS, next=True)
    since = (datetime.now(UTC) - oldest.time).total_seconds() if oldest.time else None
    return Hop(events=waiting, seconds=since, active=active)


async def last_event(jetstream: JetStreamContext, district: str) -> int:
    """The number of the last change event that stands in ONEROSTER; 0 before the first."""
    try:
        message = await jetstream.get_last_msg(ONEROSTER, change_subjects(district))
    except NotFoundError:
        return 0
    return int((message.headers or {}).get("ce-sequence", "0"))


def is_ready(base_url: str) -> bool:
    """Whether the API answers requests for records."""
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=READY_SECONDS)
    try:
        connection.request("GET", f"{parts.path}/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def local_url(settings: Settings) -> str:
    """The API's address as seen from the machine that it runs on."""
    anywhere = settings.host in {"0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound
    host = "127.0.0.1" if anywhere else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
