"""A small district in the SIS and its projection, loaded once and copied for each test."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.sample.generate import generate
from tests.support.projection import TODAY, Chain, Event, open_chain
from tests.support.servers import Databases, drop_with_slots, fresh_databases

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
