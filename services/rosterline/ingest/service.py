"""Runs ingest: becomes the district's one worker, then works stream INGEST off."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Final

import asyncpg
import structlog
from nats.aio.client import Client

from rosterline.bus.topology import INGEST, ensure_streams, identity, resume_ingest_consumer
from rosterline.config.settings import Settings
from rosterline.db.errors import describe
from rosterline.db.pools import open_connection, plan_for_each
from rosterline.ingest.attempts import Attempts, Suspects
from rosterline.ingest.errors import SERVER_TROUBLE, TRANSIENT
from rosterline.ingest.fetching import Fetcher
from rosterline.ingest.intake import Intake
from rosterline.ingest.reception import Reception
from rosterline.ingest.store import fetch_last_revision, try_lock
from rosterline.ingest.subscriber import connected, subscribed
from rosterline.ingest.telling import Teller
from rosterline.ingest.upkeep import Upkeep
from rosterline.ingest.work import Worker

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
LOCK_ATTEMPTS: Final = 20
LOCK_PAUSE_SECONDS: Final = 0.25


class AnotherIngestError(Exception):
    """Another process works this district's commands off."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Work commands off until `stop`, connecting again for ever when a connection is lost."""
    pause = FIRST_PAUSE_SECONDS
    suspects = Suspects()
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                connection = await stack.enter_async_context(
                    open_connection(settings.dsn, "ingest")
                )
                await become_the_only_one(connection, settings.district)
                await plan_for_each(connection)
                broker = await stack.enter_async_context(connected(settings.nats_url, "ingest"))
                reception = await prepare(settings, connection, broker.connection, suspects)
                failed = await stack.enter_async_context(subscribed(broker, reception.receive))
                upkeep = Upkeep(
                    reception, broker.connection.jetstream(), settings.keep_commands_hours
                )
                await upkeep.go_on(stop, failed)
        except TRANSIENT as error:
            level = logging.ERROR if isinstance(error, SERVER_TROUBLE) else logging.WARNING
            log.log(level, "ingest.interrupted", error=describe(error))
            lived = time.monotonic() - began
            pause = FIRST_PAUSE_SECONDS if lived > LONGEST_PAUSE_SECONDS else pause
            await wait_or_stop(stop, pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def become_the_only_one(connection: asyncpg.Connection, district: str) -> None:
    """Take the district's lock; wait a little for a predecessor that is just dying."""
    for _ in range(LOCK_ATTEMPTS):
        if await try_lock(connection, district):
            return
        await asyncio.sleep(LOCK_PAUSE_SECONDS)
    raise AnotherIngestError(f"district {district} has an ingest worker already")


async def prepare(
    settings: Settings, connection: asyncpg.Connection, client: Client, suspects: Suspects
) -> Reception:
    """Everything that a message needs on its way; tells what a predecessor has not."""
    jetstream = client.jetstream()
    await ensure_streams(jetstream, [INGEST])
    acknowledged, delivered = await resume_ingest_consumer(jetstream)
    if suspects.until is None:
        suspects.until = delivered if delivered > acknowledged else 0
    teller = Teller(client)
    await teller.catch_up(connection)
    intake = Intake(
        settings.district,
        identity(await jetstream.stream_info(INGEST)),
        timedelta(seconds=settings.longest_wait_seconds),
    )
    reception = Reception(
        Worker(connection, teller.last_told, revision=await fetch_last_revision(connection)),
        teller,
        intake,
        Fetcher(client),
        Attempts(connection, intake.stream, suspects),
        seen=acknowledged,
    )
    await reception.take_undelivered()
    log.info("ingest.working", after=reception.seen)
    return reception


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not beyond `stop`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
