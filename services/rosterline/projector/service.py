"""Runs the projector: becomes the one writer, then applies both source streams from its cursors."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import asyncpg
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.reader import ReaderLostError
from rosterline.bus.topology import ensure_streams
from rosterline.config.settings import Settings
from rosterline.db.errors import describe
from rosterline.db.lives import live_on, take_lock, wait_or_stop
from rosterline.db.pools import LOST_CONNECTION, open_connection, plan_for_each
from rosterline.projector.batch import Limits
from rosterline.projector.facts import Switches
from rosterline.projector.garbage import searched_rarely
from rosterline.projector.gather import gather_reference
from rosterline.projector.guard import Guard
from rosterline.projector.holds import end_passed, fetch_hold
from rosterline.projector.intake import Lane
from rosterline.projector.projection import Projection
from rosterline.projector.rebuild import REBUILT
from rosterline.projector.resume import Finder
from rosterline.projector.store import (
    AnotherProjectorError,
    end_task,
    fetch_clock,
    outbox_has_reader,
    settle_epoch,
)
from rosterline.projector.streams import RECORDS, SIS, Followed
from rosterline.projector.turns import Turns
from rosterline.projector.write import Writer

log = structlog.get_logger(__name__)

RUN_SIZE = 5000
LOOK_SECONDS = 0.2
TRANSIENT = (*LOST_CONNECTION, NatsError, BusUnreachableError, ReaderLostError)


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Project until `stop`, connecting again for ever when a connection is lost.

    `now` is the clock. Raises AnotherProjectorError and StreamGapError.
    """

    async def life() -> None:
        async with AsyncExitStack() as stack:
            stack.enter_context(searched_rarely())
            connection = await stack.enter_async_context(open_connection(settings.dsn, "projector"))
            client = await stack.enter_async_context(connect(settings.nats_url, "projector"))
            await run(settings, stop, connection, client, now)

    def tell(error: Exception) -> None:
        log.warning("projector.interrupted", error=describe(error))

    await live_on(stop, life, TRANSIENT, tell)


async def run(
    settings: Settings,
    stop: asyncio.Event,
    connection: asyncpg.Connection,
    client: Client,
    now: Callable[[], datetime],
) -> None:
    """One connection's life."""
    if not await take_lock(connection, f"projector {settings.district}"):
        raise AnotherProjectorError(f"district {settings.district} has a projector already")
    await plan_for_each(connection)
    await ensure_streams(client.jetstream(), [SIS.name, RECORDS.name])
    slot = f"{settings.slot_prefix}_records"
    if not await outbox_has_reader(connection, slot):
        log.info("projector.waiting", for_slot=slot)
    while not await outbox_has_reader(connection, slot):
        if await wait_or_stop(stop, LOOK_SECONDS):
            return
    jetstream = client.jetstream()
    finders = [Finder(connection, jetstream, each, settings.district) for each in (SIS, RECORDS)]
    sis, records = [Followed(each.stream, await each.begin()) for each in finders]
    projection = await prepare(settings, connection, (sis, records), now)
    limits = Limits(settings.batch_transactions, settings.batch_rows)
    lanes = [
        Lane(client, finder, followed, limits, settings.keep_source_hours)
        for finder, followed in zip(finders, (sis, records), strict=True)
    ]
    await Turns(projection, lanes).follow(stop)


async def prepare(
    settings: Settings,
    connection: asyncpg.Connection,
    streams: tuple[Followed, Followed],
    now: Callable[[], datetime],
) -> Projection:
    """What the projector remembers of the database."""
    sis, records = streams
    await settle_epoch(connection)
    await end_passed(connection, sis.stream.name, sis.cursor.created, sis.cursor.sequence)
    sis.hold = await fetch_hold(connection, sis.stream.name, sis.cursor.created)
    # A predecessor that was killed could not.
    await end_task(connection, REBUILT)
    zone = ZoneInfo(settings.time_zone)

    def today() -> date:
        return now().astimezone(zone).date()

    return Projection(
        connection=connection,
        sis=sis,
        records=records,
        writer=Writer(settings.district, settings.base_url, settings.stamp_lead_seconds, now),
        switches=Switches(settings.local_grades, settings.secondary_email_v1p1),
        today=today,
        run_size=RUN_SIZE,
        load_people=settings.load_people,
        clock=await fetch_clock(connection),
        reference=await gather_reference(connection),
        guard=Guard(settings.guard_share, settings.guard_records),
        beside=partial(open_connection, settings.dsn, "rebuild"),
    )
