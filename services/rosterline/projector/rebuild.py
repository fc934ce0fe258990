"""The whole district at once: a first load, and everything computed anew from the mirror.

A first load is written portion by portion, since nobody can read it before it is whole (G9). A
rebuild writes only what differs, as one transaction: the API answers from the old state until then.
"""

from dataclasses import replace

import structlog

from rosterline.projector.facts import Context
from rosterline.projector.load import count_people, orphans, portions
from rosterline.projector.lookups import create_lookups, drop_lookups
from rosterline.projector.progress import progress
from rosterline.projector.project import project, settle
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
    people = await count_people(connection)
    await begin_task(connection, PEOPLE, people)
    await drop_lookups(connection)
    number = 0
    async for touched in portions(connection, projection.load_people):
        with Spool() as spool:
            async with connection.transaction():
                await project(connection, context, touched, projection.run_size, spool)
                clock = await projection.write(spool, {0: f"{name}-{number}"})
                await advance_task(connection, PEOPLE, len(touched.rows[Scope.PERSON]))
            projection.clock = clock
        failpoints.reach(failpoints.PROJECTOR_DURING_LOAD)
        log.info("projector.loading", portion=number, people=people)
        number += 1
    log.info("projector.indexing")
    await create_lookups(connection)
    with Spool() as spool:
        async with connection.transaction():
            async for wanted in orphans(connection):
                await settle(connection, wanted, spool)
            clock = await projection.write(spool, {0: f"{name}-{number}"})
            ready = replace(
                clock, evaluated_on=context.today, switches=context.switches, ready=True
            )
            await mark_evaluated(connection, ready)
            await end_task(connection, PEOPLE)
            await save_cursor(connection, projection.stream, cursor)
    projection.clock, projection.cursor, projection.reference = ready, cursor, context.reference
    for schema in ("v1p2", "v1p1"):
        await analyze(connection, schema)
    log.info("projector.ready", records=ready.last_sequence)


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

    async def fill(spool: Spool) -> None:
        await differences(projection, context, spool)

    return await projection.revise(name, context, fill, cursor, guarded=guarded)


async def differences(projection: Projection, context: Context, spool: Spool) -> None:
    """Put into the spool all that differs between the mirror and the read models."""
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
