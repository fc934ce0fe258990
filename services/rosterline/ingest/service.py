"""Runs ingest: becomes the district's one worker, then works stream INGEST off."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import structlog
from nats.aio.client import Client

from rosterline.bus.topology import INGEST, ensure_streams, identity, resume_ingest_consumer
from rosterline.config.errors import OperatorError
from rosterline.config.settings import Settings
from rosterline.db.errors import describe
from rosterline.db.lives import live_on, take_lock
from rosterline.db.pools import open_connection, plan_for_each
from rosterline.ingest.attempts import Attempts, Suspects
from rosterline.ingest.errors import SERVER_TROUBLE, TRANSIENT
from rosterline.ingest.fetching import Fetcher
from rosterline.ingest.intake import Intake
from rosterline.ingest.reception import Reception
from rosterline.ingest.store import fetch_last_revision
from rosterline.ingest.subscriber import connected, subscribed
from rosterline.ingest.telling import Teller
from rosterline.ingest.upkeep import Upkeep
from rosterline.ingest.work import Worker

log = structlog.get_logger(__name__)


class AnotherIngestError(OperatorError):
    """Another process works this district's commands off."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Work commands off until `stop`, connecting again for ever when a connection is lost."""
    suspects = Suspects()

    async def life() -> None:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(open_connection(settings.dsn, "ingest"))
            if not await take_lock(connection, f"ingest {settings.district}"):
                raise AnotherIngestError(
                    f"district {settings.district} has an ingest worker already"
                )
            await plan_for_each(connection)
            broker = await stack.enter_async_context(connected(settings.nats_url, "ingest"))
            reception = await prepare(settings, connection, broker.connection, suspects)
            failed = await stack.enter_async_context(subscribed(broker, reception.receive))
            upkeep = Upkeep(reception, broker.connection.jetstream(), settings.keep_commands_hours)
            await upkeep.go_on(stop, failed)

    def tell(error: Exception) -> None:
        level = logging.ERROR if isinstance(error, SERVER_TROUBLE) else logging.WARNING
        log.log(level, "ingest.interrupted", error=describe(error))

    await live_on(stop, life, TRANSIENT, tell)


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
