"""Runs the projector: becomes the one writer, then applies stream SIS from its cursor on."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import asyncpg
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.reader import ReaderLostError, StreamMessage, open_reader
from rosterline.bus.topology import SIS, ensure_streams
from rosterline.config.settings import Settings
from rosterline.db.errors import describe
from rosterline.db.pools import LOST_CONNECTION, open_connection
from rosterline.projector.apply import HeldError, apply
from rosterline.projector.batch import Limits, units
from rosterline.projector.duties import attend
from rosterline.projector.facts import Switches
from rosterline.projector.garbage import searched_rarely
from rosterline.projector.gather import gather_reference
from rosterline.projector.guard import Guard
from rosterline.projector.holds import end_passed, fetch_hold
from rosterline.projector.intake import Purge, arriving, decoded
from rosterline.projector.projection import Projection
from rosterline.projector.rebuild import REBUILT
from rosterline.projector.resume import (
    AnotherEpochError,
    find_cursor,
    go_to_snapshot,
    is_superseded,
    of_one_epoch,
)
from rosterline.projector.store import (
    AnotherProjectorError,
    Cursor,
    end_task,
    fetch_clock,
    outbox_has_reader,
    settle_epoch,
    try_lock,
)
from rosterline.projector.write import Writer
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LOCK_ATTEMPTS = 20
LOCK_PAUSE_SECONDS = 0.25
HOLD_SECONDS = 0.5
RUN_SIZE = 5000
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
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                stack.enter_context(searched_rarely())
                connection = await stack.enter_async_context(
                    open_connection(settings.dsn, "projector")
                )
                client = await stack.enter_async_context(connect(settings.nats_url, "projector"))
                await run(settings, stop, connection, client, now)
        except TRANSIENT as error:
            log.warning("projector.interrupted", error=describe(error))
            lived = time.monotonic() - began
            pause = FIRST_PAUSE_SECONDS if lived > LONGEST_PAUSE_SECONDS else pause
            await wait_or_stop(stop, pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Wait, but not beyond `stop`; whether it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


async def run(
    settings: Settings,
    stop: asyncio.Event,
    connection: asyncpg.Connection,
    client: Client,
    now: Callable[[], datetime],
) -> None:
    """One connection's life."""
    await become_the_only_one(connection, settings.district)
    await ensure_streams(client.jetstream(), [SIS])
    slot = f"{settings.slot_prefix}_records"
    if not await outbox_has_reader(connection, slot):
        log.info("projector.waiting", for_slot=slot)
    while not await outbox_has_reader(connection, slot):
        if await wait_or_stop(stop, FIRST_PAUSE_SECONDS):
            return
    while (cursor := await find_cursor(connection, client.jetstream(), settings.district)) is None:
        log.warning("projector.waiting", for_snapshot="the stream lost its newest messages")
        if await wait_or_stop(stop, LONGEST_PAUSE_SECONDS):
            return
    projection = await prepare(settings, connection, cursor, now)
    purge = Purge(client, settings.keep_source_hours)
    while not stop.is_set():
        try:
            await follow(settings, stop, client, projection, purge)
        except HeldError as held:
            await wait_for_release(settings, stop, client, projection, held)


async def follow(
    settings: Settings,
    stop: asyncio.Event,
    client: Client,
    projection: Projection,
    purge: Purge,
) -> None:
    """Apply the stream from the cursor on, until `stop`; raises HeldError."""
    async with open_reader(client, SIS, projection.cursor.sequence) as reader:
        log.info("projector.reading", after=projection.cursor.sequence)
        limits = Limits(settings.batch_transactions, settings.batch_rows)
        arrivals = arriving(reader, stop, settings.batch_transactions)
        async with aclosing(arrivals):
            async for messages in arrivals:
                await attend(projection)
                if not messages:
                    continue
                failpoints.reach(failpoints.PROJECTOR_AFTER_FETCH)
                try:
                    await apply_all(projection, messages, limits)
                except AnotherEpochError as error:
                    await go_to_snapshot(
                        projection.connection,
                        client.jetstream(),
                        projection.cursor,
                        settings.district,
                        newer=True,
                    )
                    raise ReaderLostError(str(error)) from error
                await purge.applied(projection.cursor.sequence)


async def wait_for_release(
    settings: Settings,
    stop: asyncio.Event,
    client: Client,
    projection: Projection,
    held: HeldError,
) -> None:
    """Keep a transaction waiting until an operator releases it, or `stop`.

    Nothing behind it is applied meanwhile (G2); what does not come from the stream goes on. Raises
    ReaderLostError when it is to be met no more.
    """
    connection, jetstream = projection.connection, client.jetstream()
    await projection.abandon()
    hold = await projection.keep(held.sequence, held.name, held.losses)
    log.error(
        "projector.held",
        transaction=hold.transaction,
        would_delete=[str(loss) for loss in hold.losses],
        since=str(hold.held_at),
        release_with=f"rosterline release {hold.hold_id}",
    )
    while not hold.is_released and not await wait_or_stop(stop, HOLD_SECONDS):
        await attend(projection)
        cursor, district = projection.cursor, settings.district
        if await is_superseded(connection, jetstream, cursor, district, held=held.sequence):
            raise ReaderLostError(
                "what is held stands in the stream no more, or has been sent anew"
            )
        hold = await fetch_hold(connection, SIS, cursor.created) or hold
    projection.hold = hold
    if hold.is_released:
        log.warning("projector.released", hold=hold.hold_id, transaction=hold.transaction)


async def apply_all(projection: Projection, messages: list[StreamMessage], limits: Limits) -> None:
    """Apply messages in units of work; raises AnotherEpochError and HeldError."""
    following = of_one_epoch(decoded(messages), projection.cursor.epoch)
    for unit in units(following, limits):
        await apply(projection, unit)


async def become_the_only_one(connection: asyncpg.Connection, district: str) -> None:
    """Take the district's lock; wait a little for a predecessor that is just dying."""
    for _ in range(LOCK_ATTEMPTS):
        if await try_lock(connection, district):
            return
        await asyncio.sleep(LOCK_PAUSE_SECONDS)
    raise AnotherProjectorError(f"district {district} has a projector already")


async def prepare(
    settings: Settings,
    connection: asyncpg.Connection,
    cursor: Cursor,
    now: Callable[[], datetime],
) -> Projection:
    """What the projector remembers of the database."""
    await settle_epoch(connection)
    await end_passed(connection, SIS, cursor.created, cursor.sequence)
    # A predecessor that was killed could not.
    await end_task(connection, REBUILT)
    zone = ZoneInfo(settings.time_zone)

    def today() -> date:
        return now().astimezone(zone).date()

    return Projection(
        connection=connection,
        stream=SIS,
        writer=Writer(settings.district, settings.base_url, settings.stamp_lead_seconds, now),
        switches=Switches(settings.local_grades, settings.secondary_email_v1p1),
        today=today,
        run_size=RUN_SIZE,
        load_people=settings.load_people,
        clock=await fetch_clock(connection),
        cursor=cursor,
        reference=await gather_reference(connection),
        guard=Guard(settings.guard_share, settings.guard_records),
        hold=await fetch_hold(connection, SIS, cursor.created),
        beside=partial(open_connection, settings.dsn, "rebuild"),
    )
