"""Runs capture for one database: pre-flight, plan, snapshot, streaming; and again after every loss.

`serve_sis` and `serve_records` are the two ways in; they differ only in the `Source`.
"""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import psycopg
import structlog
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.relay import FencedError, PublishError
from rosterline.bus.topology import ONEROSTER, RECORDS, SIS
from rosterline.capture.preflight import inspect
from rosterline.capture.replication import StreamEndedError, open_replication
from rosterline.capture.session import Capture, Source
from rosterline.capture.tasks import end
from rosterline.config.errors import OperatorError
from rosterline.config.settings import Settings
from rosterline.db.errors import describe
from rosterline.db.lives import live_on, take_lock
from rosterline.db.pools import LOST_CONNECTION, open_connection
from rosterline.db.tables import records, sis

log = structlog.get_logger(__name__)

STOP_SECONDS = 2.0
TRANSIENT = (
    *LOST_CONNECTION,
    # A slot that a connection just lost still holds; a server without room.
    asyncpg.ObjectInUseError,
    asyncpg.InsufficientResourcesError,
    psycopg.Error,
    NatsError,
    BusUnreachableError,
    StreamEndedError,
    FencedError,
    PublishError,
)


class AnotherCaptureError(OperatorError):
    """The slot already has a capture; a second one would only be in its way."""


class PreflightError(OperatorError):
    """The database is not fit for capture; the message lists what to change."""


async def serve_sis(
    settings: Settings, stop: asyncio.Event, resnapshot: tuple[str, ...] = ()
) -> None:
    """Capture the SIS into stream SIS until `stop`; first read the tables `resnapshot` anew.

    Raises AnotherCaptureError and PreflightError, and ValueError for a table that is not the SIS's.
    """
    unknown = set(resnapshot) - set(sis.TABLES)
    if unknown:
        raise ValueError(f"no tables of the SIS: {', '.join(sorted(unknown))}")
    source = Source(
        "sis", settings.capture_dsn, "sis", sis.TABLES, f"{settings.slot_prefix}_sis", SIS, None
    )
    await serve(source, settings, stop, resnapshot)


async def serve_records(settings: Settings, stop: asyncio.Event) -> None:
    """Capture written records into stream RECORDS and the outbox into ONEROSTER until `stop`.

    Raises AnotherCaptureError and PreflightError.
    """
    source = Source(
        "records",
        settings.dsn,
        "records",
        records.TABLES,
        f"{settings.slot_prefix}_records",
        RECORDS,
        ONEROSTER,
    )
    await serve(source, settings, stop)


async def serve(
    source: Source, settings: Settings, stop: asyncio.Event, resnapshot: tuple[str, ...] = ()
) -> None:
    """Capture until `stop`, connecting again for ever when a connection is lost."""
    asked = set(resnapshot)

    async def life() -> None:
        async with AsyncExitStack() as stack:
            await live(await open_capture(source, settings, stack), stop, asked)

    def tell(error: Exception) -> None:
        log.warning("capture.interrupted", source=source.name, error=describe(error))

    await live_on(stop, life, TRANSIENT, tell)


async def live(capture: Capture, stop: asyncio.Event, asked: set[str]) -> None:
    """One life: it ends with the connection that holds the slot's lock, and soon after `stop`.

    A snapshot that is cut short goes on at the next start. A server that shuts down cuts that
    connection first; it would wait for the other one until all its WAL is confirmed.
    """
    lost = asyncio.Event()
    capture.database.add_termination_listener(lambda _: lost.set())
    work = asyncio.create_task(capture.run(stop, asked))
    watchers = [asyncio.create_task(event.wait()) for event in (stop, lost)]
    try:
        await asyncio.wait([work, *watchers], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await asyncio.wait([work], timeout=STOP_SECONDS)
        if work.done():
            work.result()
        elif lost.is_set():
            raise ConnectionResetError("the connection that held the slot's lock is gone")
    finally:
        await end([work, *watchers])


async def open_capture(source: Source, settings: Settings, stack: AsyncExitStack) -> Capture:
    """Connect to both sides, become the only capture of the slot, and look before touching."""
    name = f"capture {source.name}"
    # NATS comes first: without it a database is not bothered.
    client = await stack.enter_async_context(connect(settings.nats_url, name))
    database = await stack.enter_async_context(open_connection(source.dsn, name))
    if not await take_lock(database, source.slot):
        raise AnotherCaptureError(f"slot {source.slot} is in use: another capture is running")
    problems = await inspect(database, source.schema, source.tables, source.slot)
    for problem in problems:
        log.warning("preflight", what=problem.what, remedy=problem.remedy)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise PreflightError("; ".join(f"{error.what}: {error.remedy}" for error in errors))
    replication = await stack.enter_async_context(open_replication(source.dsn, name))
    return Capture(source, settings, database, client, replication)
