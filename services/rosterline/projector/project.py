"""Touched rows → writes in a spool: builds what the records should be and keeps what differs."""

from collections.abc import Iterable

import asyncpg

from rosterline.projector.build import build
from rosterline.projector.documents import DOCUMENT
from rosterline.projector.facts import Context
from rosterline.projector.mirror import Images
from rosterline.projector.scopes import SCOPES, Touched, departures
from rosterline.projector.store import fetch_stored, fetch_tombstones
from rosterline.projector.wanted import Wanted
from rosterline.projector.writes import Spool, decide


def touch(touched: Touched, table: str, images: Iterable[Images], transaction: int) -> None:
    """Note what the changed rows of a table may concern."""
    if table == DOCUMENT:
        for before, after in images:
            touched.documents.touch(before, after, transaction)
        return
    find = SCOPES[table]
    for before, after in images:
        for scope, key in find(before, after):
            touched.add(scope, key, transaction)
        for scope, key in departures(table, before, after):
            touched.leave(scope, key, transaction)


async def project(
    connection: asyncpg.Connection, context: Context, touched: Touched, size: int, spool: Spool
) -> None:
    """Add to the spool what the touched rows change in the read model."""
    async for wanted in build(connection, context, touched, size):
        await settle(connection, wanted, spool)


async def settle(connection: asyncpg.Connection, wanted: Wanted, spool: Spool) -> None:
    """Compare records with what is stored, and add the differences to the spool."""
    if not wanted.records:
        return
    stored = await fetch_stored(connection, wanted.collection, wanted.records)
    writes, vanished = decide(wanted, stored)
    spool.add(writes + await fetch_tombstones(connection, wanted.collection, vanished))
