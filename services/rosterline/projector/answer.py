"""Does what operators ask for, between messages: one request at a time, as one transaction."""

import time
import traceback
from dataclasses import asdict
from pathlib import Path

import structlog

from rosterline.db.pools import LOST_CONNECTION
from rosterline.projector.facts import Context
from rosterline.projector.gather import gather_reference
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.projection import Projection
from rosterline.projector.rebuild import differences
from rosterline.projector.requests import Kind, Request, end_request, fetch_request, take
from rosterline.projector.writes import Spool

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0


class RebuildError(Exception):
    """Some record cannot be computed."""


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

    One that would delete too much says so instead, and an operator may ask for it all the same. One
    that fails leaves all as it was: what an operator asked for must not end the feed.
    """
    connection, number = projection.connection, request.request_id
    context = projection.context(await gather_reference(connection))
    began = time.monotonic()
    log.info("projector.rebuilding", request=number)

    async def fill(spool: Spool, written: Spool) -> None:
        if await take(connection, number):
            await find_differences(projection, context, spool, written)
            await end_request(connection, number, {"records": len(spool) + len(written)})

    guarded = request.kind is not Kind.RELEASED_REBUILD
    try:
        changed = await projection.revise(f"rebuild-{number}", context, fill, guarded=guarded)
    except TooManyLossesError as error:
        log.warning("projector.rebuild_refused", request=number, would_delete=str(error))
        refused = [asdict(loss) for loss in error.losses]
        await end_request(connection, number, {"refused": refused})
    except RebuildError as error:
        log.warning("projector.rebuild_failed", request=number, error=str(error))
        await end_request(connection, number, {"failed": str(error)})
    else:
        seconds = round(time.monotonic() - began, 1)
        log.info("projector.rebuilt", request=number, records=changed, seconds=seconds)


async def find_differences(
    projection: Projection, context: Context, spool: Spool, written: Spool
) -> None:
    """Put into the spools what differs; raises RebuildError where that cannot be found out."""
    try:
        await differences(projection, context, spool, written)
    except LOST_CONNECTION:
        raise
    except Exception as error:
        # Its kind and place only: what it says may quote a person's data.
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        raise RebuildError(f"{kind} at {Path(place.filename).name}:{place.lineno}") from error
