"""`rosterline explain` and `rosterline report`: why records are as they are, for district staff.

Both read the Rosterline database and write nothing.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection
from rosterline.launch.display import progress_bar
from rosterline.launch.errors import UsageError
from rosterline.projector.explain.explainer import explain
from rosterline.projector.explain.model import Explanation
from rosterline.projector.explain.report import report
from rosterline.projector.explain.subjects import Question
from rosterline.projector.explain.tally import Report


def today_of(settings: Settings) -> date:
    """The day in the district; raises UsageError."""
    try:
        zone = ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"ROSTERLINE_TIME_ZONE: {settings.time_zone!r} is no time zone; "
            "write it as America/New_York"
        ) from error
    return datetime.now(UTC).astimezone(zone).date()


async def ask(settings: Settings, question: Question) -> Explanation:
    """The answer from the Rosterline database."""
    async with open_connection(settings.dsn, "explain") as connection:
        return await explain(connection, question, today_of(settings))


async def count(settings: Settings) -> Report:
    """The counts from the Rosterline database, with a bar while they are made."""
    async with open_connection(settings.dsn, "report") as connection:
        with progress_bar(passing=True) as progress:
            return await report(connection, today_of(settings), progress)
