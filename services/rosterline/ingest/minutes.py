"""`scoreDate` → the minute that it stands for. Pure.

DESIGN §5: "`scoreDate` rounded to the minute (a date without time is its midnight)". A half minute
is rounded up; what is written without an offset is UTC. The value itself is kept and sent back as
it came, so only what consumers can read is one.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

# RFC 3339, but for the offset and the seconds, which may be left out: what counts is the minute.
SCORE_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
HALF_A_MINUTE = timedelta(seconds=30)


def minute_of(score_date: Any) -> datetime | None:  # noqa: ANN401 - any JSON
    """The minute of a date or a moment; None if the value is neither."""
    if not isinstance(score_date, str) or not SCORE_DATE.fullmatch(score_date):
        return None
    try:
        moment = datetime.fromisoformat(score_date.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment.astimezone(UTC) + HALF_A_MINUTE).replace(second=0, microsecond=0)
    except (ValueError, OverflowError):
        return None


def date_of(moment: datetime) -> str:
    """The day of a moment in UTC, as a `scoreDate`."""
    return moment.astimezone(UTC).date().isoformat()


def midnight_of(moment: datetime) -> datetime:
    """The beginning of that day: the minute of its date."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
