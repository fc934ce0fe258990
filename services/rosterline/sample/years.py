"""School years, and the dates of calendars and terms in them: pure rules."""

from dataclasses import dataclass
from datetime import date, timedelta

MONDAY, FRIDAY = 0, 4
DAY = timedelta(days=1)
JULY = 7


@dataclass(frozen=True, slots=True)
class Year:
    """A school year and the days on which its schools begin and close."""

    school_year_id: int
    start_year: int
    first_school_day: date
    last_school_day: date

    @property
    def start_date(self) -> date:
        """The year's first day."""
        return date(self.start_year, JULY, 1)

    @property
    def end_date(self) -> date:
        """The year's last day."""
        return date(self.start_year + 1, JULY, 1) - DAY


def weekday_from(day: date, weekday: int) -> date:
    """The first such weekday that is not before `day`."""
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def school_year(school_year_id: int, start_year: int) -> Year:
    """The year that begins on 1 July of `start_year`."""
    return Year(
        school_year_id,
        start_year,
        weekday_from(date(start_year, 8, 18), MONDAY),
        weekday_from(date(start_year + 1, 6, 6), FRIDAY),
    )


def years_around(today: date) -> tuple[Year, Year]:
    """Last year, and the year that contains today."""
    start_year = today.year if today.month >= JULY else today.year - 1
    return school_year(1, start_year - 1), school_year(2, start_year)


def terms_of(year: Year, number: int) -> list[tuple[str, date, date]]:
    """The year's school days in two semesters or four quarters: name, first and last day."""
    letter = "S" if number == 2 else "Q"
    days = (year.last_school_day - year.first_school_day).days + 1
    edges = [year.first_school_day + timedelta(days=days * i // number) for i in range(number + 1)]
    return [(f"{letter}{i + 1}", edges[i], edges[i + 1] - DAY) for i in range(number)]
