"""A new day: brings the records to it in one step from the last day, however long ago that was.

Only records of rows whose turn it is are looked at, and they are written as one transaction with
one stamp, like any change. It never goes back: a machine whose clock was set back changes nothing.
"""

from dataclasses import replace
from datetime import date

import structlog

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.due import due
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.holds import begin_hold, end_passed, fetch_hold
from rosterline.projector.project import project
from rosterline.projector.project_written import project_dependents
from rosterline.projector.projection import DAY, Projection
from rosterline.projector.rebuild import rebuild
from rosterline.projector.writes import Spool
from rosterline.telemetry import failpoints

PEOPLE = frozenset({Entity.USERS, Entity.DEMOGRAPHICS})

log = structlog.get_logger(__name__)


async def turn_day(projection: Projection) -> None:
    """Let the records hold for today if they hold for an earlier day."""
    today, held = projection.today(), projection.clock.evaluated_on
    if held == today:
        return
    if held is not None and today < held:
        warn_of_clock(projection, held, today)
        return
    if held is None:
        changed = await recompute(projection, today)
    else:
        hold = await fetch_hold(projection.connection, DAY, str(today))
        if hold is not None and not hold.is_released:
            return
        try:
            changed = await step(projection, today, released=hold is not None)
        except TooManyLossesError as error:
            await keep(projection, today, error)
            return
    log.info("projector.day", day=str(today), since=str(held), records=changed)


async def keep(projection: Projection, today: date, error: TooManyLossesError) -> None:
    """Hold the day until an operator releases it; one of an earlier day is no more."""
    connection = projection.connection
    async with connection.transaction():
        await end_passed(connection, DAY, str(today), -1)
        hold = await begin_hold(connection, (DAY, str(today), 0), f"day-{today}", error.losses)
    log.error(
        "projector.held",
        transaction=hold.transaction,
        would_delete=[str(loss) for loss in hold.losses],
        release_with=f"rosterline release {hold.hold_id}",
    )


async def step(projection: Projection, today: date, *, released: bool) -> int:
    """Go from the last day to today; how many records changed.

    Raises TooManyLossesError if too many people would go, unless it is `released`. A term's end may
    take half of all class enrollments with it; half of all people are a mistake (G10).
    """
    connection, since = projection.connection, projection.day
    context = replace(projection.context(projection.reference), today=today)

    async def fill(spool: Spool, written: Spool) -> None:
        async for touched in due(connection, since, today, projection.load_people):
            await project(connection, context, touched, projection.run_size, spool)
            failpoints.reach(failpoints.PROJECTOR_DURING_DAY)
        if not released:
            await projection.guard.check(connection, spool, PEOPLE)
        await project_dependents(projection, spool.shown, written)

    return await projection.revise(f"day-{today}", context, fill)


async def recompute(projection: Projection, today: date) -> int:
    """An earlier version did not note for which day the records hold: compute all of them anew."""
    context = replace(projection.context(projection.reference), today=today)
    return await rebuild(projection, context, f"day-{today}")


def warn_of_clock(projection: Projection, held: date, today: date) -> None:
    """Say once a day that the clock or the time zone was set back."""
    if projection.warned_on == today:
        return
    projection.warned_on = today
    log.warning(
        "projector.day_back",
        today=str(today),
        records_hold_for=str(held),
        hint="statuses wait until that day has come; are the clock and ROSTERLINE_TIME_ZONE right?",
    )
