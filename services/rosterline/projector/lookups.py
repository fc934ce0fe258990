"""The indexes by which others ask the read models: away while a first load fills the tables.

Nobody reads then (G9), and to make an index of a million rows takes a fraction of what it takes to
keep it while they come.
"""

from collections.abc import Iterator

import asyncpg
from sqlalchemy import Index
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, DropIndex

from rosterline.db.tables.read_model import TABLE_NAMES, V1P1, V1P2
from rosterline.oneroster.vocabulary import ALL_COLLECTIONS, Version

METADATA = {Version.V1P2: V1P2, Version.V1P1: V1P1}


def lookups() -> Iterator[Index]:
    """All indexes of the read models, but for the primary keys."""
    for version, entity in ALL_COLLECTIONS:
        table = METADATA[version].tables[f"{version.value}.{TABLE_NAMES[entity]}"]
        yield from sorted(table.indexes, key=lambda index: str(index.name))


async def drop_lookups(connection: asyncpg.Connection) -> None:
    """Drop them."""
    async with connection.transaction():
        for index in lookups():
            await connection.execute(statement(DropIndex(index, if_exists=True)))


async def create_lookups(connection: asyncpg.Connection) -> None:
    """Make those that are not there, as a load that died may have left it."""
    for index in lookups():
        await connection.execute(statement(CreateIndex(index, if_not_exists=True)))


def statement(change: CreateIndex | DropIndex) -> str:
    """The SQL of it."""
    return str(change.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # sqlalchemy annotates no dialects
