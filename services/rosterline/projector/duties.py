"""What the projector does between messages: a new day, changed switches, an operator's requests."""

from rosterline.projector.answer import answer_requests
from rosterline.projector.day import turn_day
from rosterline.projector.projection import Projection
from rosterline.projector.switches import turn_switches


async def attend(projection: Projection) -> None:
    """Do what is due; nothing is while a snapshot is under way, for its end makes all anew.

    A database that a migration has left unready holds for no day: that makes all anew as well.
    """
    if projection.sis.cursor.loading or projection.in_large is not None:
        return
    # The day first: records of an unknown day are all computed anew, with the switches of now.
    await turn_day(projection)
    await turn_switches(projection)
    await answer_requests(projection)
