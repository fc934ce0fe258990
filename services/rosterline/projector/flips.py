"""On which day the passing of time changes what a row makes of a record. Pure.

The rules compare no other dates with today than those in `FLIPS`; a new day concerns only the rows
whose turn it is. A rule that looks at another date needs a line here and an index in the mirror.
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Flip:
    """Rows of `table` flip `days_after` days after the date in `column`.

    A row `with_calendar` does not flip if the date is its calendar's end date.
    """

    table: str
    column: str
    days_after: int
    with_calendar: bool = False

    def dates(self, since: date, until: date) -> tuple[date, date]:
        """The first and the last date of rows that flip after day `since` and until day `until`."""
        back = timedelta(days=self.days_after)
        return since + timedelta(days=1) - back, until - back


# What other rows hang on comes first: see `due`.
FLIPS: tuple[Flip, ...] = (
    # visibility.membership_status: ended once the end date is past, unless it is the calendar's.
    Flip("enrollment", "end_date", 1, with_calendar=True),
    # visibility.assignment_status: ended on the end date, as that is no longer in the future.
    Flip("district_assignment", "end_date", 0),
    # visibility.tie_kept_out: active from the start date to the end date.
    Flip("relationship", "start_date", 0),
    Flip("relationship", "end_date", 1),
    # visibility.place_standing: ended once the end date is past.
    Flip("roster", "end_date", 1),
    Flip("section_staff", "end_date", 1),
)
