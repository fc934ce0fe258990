"""The whole district at once: a first load, and everything computed anew from the mirror.

A first load is written portion by portion, since nobody can read it before it is whole (G9). A
rebuild writes only what differs, as one transaction: the API answers from the old state until then.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import structlog

from rosterline.projector.facts import Context
from rosterline.projector.gather_written import Around, documents, fetch_revision
from rosterline.projector.load import count_people, orphans, portions
from rosterline.projector.lookups import create_lookups, drop_lookups
from rosterline.projector.progress import progress
from rosterline.projector.project import project, settle
from rosterline.projector.project_written import project_all, project_orphans, settle_documents
from rosterline.projector.projection import Projection
from rosterline.projector.scopes import Scope
from rosterline.projector.store import (
    Cursor,
    advance_task,
    analyze,
    begin_task,
    end_task,
    mark_evaluated,
    save_cursor,
    show_revision,
)
from rosterline.projector.writes import Spool
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

PEOPLE = "people"
REBUILT = "people to compute anew"


async def load(projection: Projection, context: Context, name: str, cursor: Cursor) -> None:
    """Fill the read models for the first time, and let the API answer from then on.

    A load that died before its end may have left what its successor's snapshot does not hold.
    """
    connection = projection.connection
    await begin_task(connection, PEOPLE, await count_people(connection))
    await drop_lookups(connection)
    number = await load_portions(projection, context, name)
    log.info("projector.indexing")
    await create_lookups(connection)
    with Spool({0: f"{name}-{number}"}) as spool:
        async with connection.transaction():
            async for wanted in orphans(connection):
                await settle(connection, wanted, spool)
            if not projection.records.cursor.loading:
                await project_orphans(connection, spool)
                await show_all(projection)
            clock = await projection.write((spool,))
            ready = replace(
                clock, evaluated_on=context.today, switches=context.switches, ready=True
            )
            await mark_evaluated(connection, ready)
            await end_task(connection, PEOPLE)
            await save_cursor(connection, projection.sis.stream.name, cursor)
    projection.sis.reached(cursor)
    projection.clock, projection.reference = ready, context.reference
    for schema in ("v1p2", "v1p1"):
        await analyze(connection, schema)
    log.info("projector.ready", records=ready.last_sequence)


async def load_portions(projection: Projection, context: Context, name: str) -> int:
    """Store the roster, and then what is written, portion by portion; how many that were."""
    connection, number = projection.connection, 0

    async def portion(fill: Callable[[Spool], Awaitable[None]], people: int = 0) -> None:
        nonlocal number
        with Spool({0: f"{name}-{number}"}) as spool:
            async with connection.transaction():
                await fill(spool)
                clock = await projection.write((spool,))
                await advance_task(connection, PEOPLE, people)
            projection.clock = clock
        failpoints.reach(failpoints.PROJECTOR_DURING_LOAD)
        log.info("projector.loading", portion=number)
        number += 1

    async for touched in portions(connection, projection.load_people):
        await portion(
            partial(project, connection, context, touched, projection.run_size),
            len(touched.rows[Scope.PERSON]),
        )
    if not projection.records.cursor.loading:
        async for entity, ids in documents(connection):
            numbers = dict.fromkeys(ids, 0)
            await portion(partial(settle_documents, Around(connection), entity, numbers))
    return number


async def rebuild(
    projection: Projection,
    context: Context,
    name: str,
    cursor: Cursor | None = None,
    *,
    guarded: bool = False,
) -> int:
    """Write all that differs between the mirror and the read models; how many records that was.

    Raises TooManyLossesError if it is `guarded`.
    """

    async def fill(spool: Spool, written: Spool) -> None:
        await differences(projection, context, spool, written)

    return await projection.revise(name, context, fill, cursor, guarded=guarded)


async def differences(
    projection: Projection, context: Context, spool: Spool, written: Spool
) -> None:
    """Put into the spools all that differs between the mirror and the read models."""
    connection = projection.connection
    people = await count_people(connection)
    # Records may have gone in ways that nobody counted: perhaps that is why this is done.
    projection.guard.known.clear()
    async with progress(projection.beside, REBUILT, people) as advance:
        async for touched in portions(connection, projection.load_people):
            await project(connection, context, touched, projection.run_size, spool)
            failpoints.reach(failpoints.PROJECTOR_DURING_REBUILD)
            await advance(len(touched.rows[Scope.PERSON]))
        async for wanted in orphans(connection):
            await settle(connection, wanted, spool)
    # While documents are sent anew the end of that makes all of them anew.
    if not projection.records.cursor.loading:
        await project_all(Around(connection, spool.shown), written)
        await show_all(projection)


async def show_all(projection: Projection) -> None:
    """Say that all documents of the mirror are shown from this commit on."""
    connection = projection.connection
    revision = await fetch_revision(connection)
    await show_revision(connection, projection.records.stream.name, revision)


async def rebuild_written(projection: Projection, name: str, cursor: Cursor) -> None:
    """Write all that differs of what is written; `cursor` is the place in stream RECORDS.

    Before the first load is whole nothing is: it writes the documents that the mirror holds.
    """
    connection = projection.connection
    with Spool({0: name}) as spool:
        async with connection.transaction():
            if projection.clock.ready:
                await project_all(Around(connection), spool)
                await show_all(projection)
            clock = await projection.write((spool,))
            await projection.save_position(projection.records, cursor)
        projection.records.reached(cursor)
        await projection.committed(clock, (spool,))
