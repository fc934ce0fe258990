"""A small district in the SIS and its projection, loaded once and copied for each test."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from rosterline.bus.topology import SIS, ensure_streams
from rosterline.capture.parts import Limits
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.sample.generate import generate
from tests.integration.projector.bench import INSERT, Bench
from tests.support.projection import (
    LEAD_SECONDS,
    TODAY,
    Chain,
    Event,
    Source,
    open_chain,
    open_wal,
)
from tests.support.running import settings_for
from tests.support.servers import (
    SIS_PUBLICATION,
    Databases,
    drop_with_slots,
    fresh_databases,
)
from tests.support.streams import client_of

STUDENTS = 8


@dataclass(frozen=True)
class Loaded:
    """Databases to copy, and the events of their first load."""

    sis: str
    rosterline: str
    events: tuple[Event, ...]


async def load(databases: Databases) -> tuple[Event, ...]:
    """Fill both databases."""
    await generate(
        databases.sis_dsn, students=STUDENTS, seed=7, progress=lambda *_: None, today=TODAY
    )
    async with open_chain(databases) as opened:
        return tuple(await opened.load())


@pytest.fixture(scope="session")
def loaded(postgres_server: EmbeddedPostgres) -> Iterator[Loaded]:
    """A loaded pair that nobody is connected to."""
    with fresh_databases(postgres_server) as databases:
        events = asyncio.run(load(databases))
        sis, rosterline = databases.sis_dsn, databases.dsn
        yield Loaded(sis.rpartition("/")[2], rosterline.rpartition("/")[2], events)


@pytest.fixture
def copies(postgres_server: EmbeddedPostgres, loaded: Loaded) -> Iterator[Databases]:
    """A copy of the loaded pair."""
    token = uuid.uuid4().hex[:12]
    pairs = {f"sis_{token}": loaded.sis, f"rosterline_{token}": loaded.rosterline}
    with psycopg.connect(postgres_server.dsn("postgres"), autocommit=True) as admin:
        for name, template in pairs.items():
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield Databases(*map(postgres_server.dsn, pairs))
        for name in pairs:
            drop_with_slots(admin, name)


@pytest.fixture
async def chain(copies: Databases, loaded: Loaded) -> AsyncIterator[Chain]:
    """A district of a few students, whose first load is done and was told of."""
    async with open_chain(copies) as opened:
        opened.store.events.extend(loaded.events)
        yield opened


@pytest.fixture
async def bench(databases: Databases, nats_server: EmbeddedNats) -> AsyncIterator[Bench]:
    """A SIS with a district, whose snapshot is in the stream."""
    settings = settings_for(databases, nats_server, stamp_lead_seconds=LEAD_SECONDS)
    async with (
        client_of(nats_server.url) as client,
        open_wal(databases.sis_dsn, "sis", SIS_PUBLICATION) as wal,
    ):
        await ensure_streams(client.jetstream(), [SIS])
        source = Source(wal, Limits(1000, 400_000))
        await wal.admin.execute(INSERT)
        made = Bench(databases, settings, client, source)
        await made.publish(await source.snapshot())
        yield made
