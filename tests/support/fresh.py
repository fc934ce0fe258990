"""A first load of a mirror as it is now, beside what the read model holds: made and taken back."""

from datetime import date
from typing import Any

import asyncpg

from rosterline.oneroster.vocabulary import ALL_COLLECTIONS
from rosterline.projector.facts import Context
from rosterline.projector.gather import gather_reference
from rosterline.projector.rebuild import load
from rosterline.projector.store import TABLE
from tests.support.projection import RecordKey, make_projection

UNSTAMPED = r"""regexp_replace(document, '"dateLastModified":"[^"]*"', '')"""
Row = tuple[str, str, Any, bytes]


async def rows(connection: asyncpg.Connection) -> dict[RecordKey, Row]:
    """Status, document without stamp, schools and digest of every record."""
    found: dict[RecordKey, Row] = {}
    for collection in ALL_COLLECTIONS:
        query = f"SELECT sourced_id, status, {UNSTAMPED}, schools, digest FROM {TABLE[collection]}"
        for sourced_id, *row in await connection.fetch(query):
            found[collection.version.value, collection.entity.value, sourced_id] = tuple(row)
    return found


async def loaded_anew(connection: asyncpg.Connection, day: date) -> dict[RecordKey, Row]:
    """What a first load of the mirror would store."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for table in TABLE.values():
            await connection.execute(f"DELETE FROM {table}")
        await connection.execute("DELETE FROM rosterline.departed")
        await connection.execute("UPDATE rosterline.clock SET ready = false")
        projection = await make_projection(connection, today=day)
        context = Context(await gather_reference(connection), day)
        await load(projection, context, "load", projection.sis.cursor)
        return await rows(connection)
    finally:
        await transaction.rollback()
