"""What a rule answers: a record or the reason why there is none, and what status a row gives.

`explain` shows the reasons. Their sentences name rows by table and id, never by what is in them.
"""

from dataclasses import dataclass
from datetime import date

from rosterline.oneroster.v1p2 import Record
from rosterline.oneroster.vocabulary import Status

SourceRow = tuple[str, int | str]
"""A row of the SIS that decided: its table and its key."""

CURRENT = "current"
ENDED = "ended"
ENDED_WITH_CALENDAR = "ended with its calendar"
STUDENT_ENDED = "student ended"
USER_ENDED = "user ended"
LAST_DAY_IS_OVER = frozenset({"district_assignment"})


@dataclass(frozen=True, slots=True)
class KeptOut:
    """No record: the rule (a stable word), why, what to change in the SIS, and the rows behind."""

    rule: str
    because: str
    remedy: str
    rows: tuple[SourceRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The status that a row gives, and why: a first load makes millions, so the sentence waits.

    `end_date` is that of a row that ended, `calendar_id` the calendar whose last day it was held
    against, `through` the standing of the student or user to whom the row belongs.
    """

    status: Status
    rule: str
    table: str
    key: int
    end_date: date | None = None
    calendar_id: int | None = None
    through: "Standing | None" = None

    @property
    def because(self) -> str:
        """Why the status is what it is."""
        own = f"{self.table} {self.key} {self._own_end}"
        return own if self.through is None else f"{own}; {self.through.because}"

    @property
    def rows(self) -> tuple[SourceRow, ...]:
        """The rows that decided."""
        own: SourceRow = (self.table, self.key)
        calendar = () if self.calendar_id is None else (("calendar", self.calendar_id),)
        return (own, *calendar, *(() if self.through is None else self.through.rows))

    @property
    def _own_end(self) -> str:
        if self.end_date is None:
            return "is current"
        ended = f"ended on {self.end_date}"
        if self.rule == ENDED_WITH_CALENDAR:
            return f"{ended}, the last day of calendar {self.calendar_id}"
        if self.calendar_id is not None:
            return f"{ended}, which is past and not the last day of calendar {self.calendar_id}"
        if self.table in LAST_DAY_IS_OVER:
            return f"{ended}, and only an end date after today counts"
        return f"{ended}, which is past"


Verdict = Record | KeptOut
