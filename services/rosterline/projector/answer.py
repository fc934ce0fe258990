"""Does what operators ask for, between messages: one request at a time, as one transaction."""

import time
from dataclasses import asdict

import structlog

from rosterline.projector.gather import gather_reference
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.projection import Projection
from rosterline.projector.rebuild import differences
from rosterline.projector.requests import Kind, Request, end_request, fetch_request, take
from rosterline.projector.writes import Spool

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0


async def answer_requests(projection: Projection) -> None:
    """Look for a request, but not more often than every LOOK_SECONDS."""
    now = time.monotonic()
    if now < projection.next_look:
        return
    projection.next_look = now + LOOK_SECONDS
    request = await fetch_request(projection.connection)
    if request is not None:
        await rebuild_as_asked(projection, request)


async def rebuild_as_asked(projection: Projection, request: Request) -> None:
    """Recompute all from the mirror; what differs and the outcome are stored together.

    One that would delete too much says so instead, and an operator may ask for it all the same.
    """
    connection, number = projection.connection, request.request_id
    context = projection.context(await gather_reference(connection))
    began = time.monotonic()
    log.info("projector.rebuilding", request=number)

    async def fill(spool: Spool) -> None:
        if await take(connection, number):
            await differences(projection, context, spool)
            await end_request(connection, number, {"records": len(spool)})

    guarded = request.kind is not Kind.RELEASED_REBUILD
    try:
        changed = await projection.revise(f"rebuild-{number}", context, fill, guarded=guarded)
    except TooManyLossesError as error:
        log.warning("projector.rebuild_refused", request=number, would_delete=str(error))
        refused = [asdict(loss) for loss in error.losses]
        await end_request(connection, number, {"refused": refused})
    else:
        seconds = round(time.monotonic() - began, 1)
        log.info("projector.rebuilt", request=number, records=changed, seconds=seconds)
