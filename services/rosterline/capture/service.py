"""Runs capture for one database: pre-flight, plan, snapshot, streaming; and again after every loss.

`serve_sis` and `serve_records` are the two ways in; they differ only in the `Source`.
"""

import asyncio
import time
from contextlib import AsyncExitStack

import asyncpg
import psycopg
import structlog
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.topology import ONEROSTER, RECORDS, SIS
from rosterline.capture.preflight import inspect
from rosterline.capture.relay import FencedError, PublishError
from rosterline.capture.replication import StreamEndedError, open_replication
from rosterline.capture.session import Capture, Source
from rosterline.capture.source import try_lock
from rosterline.config.settings import Settings
from rosterline.db.pools import LOST_CONNECTION, open_connection
from rosterline.db.tables import records, sis

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LOCK_ATTEMPTS = 20
LOCK_PAUSE_SECONDS = 0.25
TRANSIENT = (
    *LOST_CONNECTION,
    psycopg.Error,
    NatsError,
    BusUnreachableError,
    StreamEndedError,
    FencedError,
    PublishError,
)


class AnotherCaptureError(Exception):
    """The slot already has a capture; a second one would only be in its way."""


class PreflightError(Exception):
    """The database is not fit for capture; the message lists what to change."""


async def serve_sis(
    settings: Settings, stop: asyncio.Event, resnapshot: tuple[str, ...] = ()
) -> None:
    """Capture the SIS into stream SIS until `stop`; first read the tables `resnapshot` anew.

    Raises AnotherCaptureError and PreflightError.
    """
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
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                capture = await open_capture(source, settings, stack)
                await capture.run(stop, resnapshot)
                resnapshot = ()
        except TRANSIENT as error:
            log.warning("capture.interrupted", source=source.name, error=describe(error))
            lived = time.monotonic() - began
            pause = FIRST_PAUSE_SECONDS if lived > LONGEST_PAUSE_SECONDS else pause
            await wait_or_stop(stop, pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def describe(error: Exception) -> str:
    """An error's kind and message, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not beyond `stop`."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def open_capture(source: Source, settings: Settings, stack: AsyncExitStack) -> Capture:
    """Connect to both sides, become the only capture of the slot, and look before touching."""
    name = f"capture {source.name}"
    database = await stack.enter_async_context(open_connection(source.dsn, name))
    await become_the_only_one(database, source.slot)
    problems = await inspect(database, source.schema, source.tables, source.slot)
    for problem in problems:
        log.warning("preflight", what=problem.what, remedy=problem.remedy)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise PreflightError("; ".join(f"{error.what}: {error.remedy}" for error in errors))
    client = await stack.enter_async_context(connect(settings.nats_url, name))
    replication = await stack.enter_async_context(open_replication(source.dsn, name))
    return Capture(source, settings, database, client, replication)


async def become_the_only_one(database: asyncpg.Connection, slot: str) -> None:
    """Take the slot's lock; wait a little for a predecessor that is just dying."""
    for _ in range(LOCK_ATTEMPTS):
        if await try_lock(database, slot):
            return
        await asyncio.sleep(LOCK_PAUSE_SECONDS)
    raise AnotherCaptureError(f"slot {slot} is in use: another capture is running")
