"""The clock of `dateLastModified`: Rosterline's own, never the SIS's. Pure.

Each written batch has one stamp, later than every stamp before it and ahead of the time at which it
becomes visible. So `> largest stamp seen` and `> time of my last request` both lose nothing (G3).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from rosterline.projector.facts import Switches

MILLISECOND = timedelta(milliseconds=1)
# What writing one record takes at the very most; a large batch is visible only that much later.
SECONDS_PER_RECORD = 0.0001


@dataclass(frozen=True, slots=True)
class ClockState:
    """The stored clock: the last stamp and event sequence given out; `epoch` names the history.

    The records hold for the day `evaluated_on` and were made with `switches`.
    """

    epoch: str
    last_stamp: datetime
    last_sequence: int
    ready: bool
    evaluated_on: date | None = None
    switches: Switches | None = None

    def after(self, stamp: datetime, events: int) -> "ClockState":
        """The clock once a batch with this stamp and so many events is written."""
        return replace(self, last_stamp=stamp, last_sequence=self.last_sequence + events)


def next_stamp(last: datetime, now: datetime, lead: timedelta) -> datetime:
    """`max(last + 1 ms, now + lead)`, in whole milliseconds."""
    ahead = now + lead
    cut = timedelta(microseconds=ahead.microsecond % 1000)
    rounded = ahead - cut + (MILLISECOND if cut else timedelta())
    return max(last + MILLISECOND, rounded)


def lead_for(records: int, lead_seconds: float) -> timedelta:
    """How far ahead a batch of so many records is stamped."""
    return timedelta(seconds=lead_seconds + records * SECONDS_PER_RECORD)
