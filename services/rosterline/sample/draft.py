"""What all parts of the generator share: the randomness, the day, the ids, the rows so far, and how
often each special case occurs.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from rosterline.sample.rows import Batch, Ids
from rosterline.sample.years import Year

ONE_IN = {
    # students
    "no-show": 60,
    "enrollment excluded": 60,
    "withdrawn": 30,
    "ends with the calendar": 40,
    "enrolled late": 25,
    "transferred": 70,
    "eighth grader at the high school": 10,
    "evening student": 30,
    "here last year": 8,
    "left last year": 100,
    # logins
    "without username": 30,
    "disabled account": 30,
    "second account": 150,
    # families
    "guardian who teaches": 70,
    "portal without guardian": 12,
    "guardian without portal": 12,
    "ended relationship": 30,
    "emergency contact": 40,
    # staff
    "assignment excluded": 40,
    "assignment of years": 14,
    "assignment with an end": 10,
    "assignment ended": 20,
    "second school": 25,
    "teacher with another role": 16,
    # sections
    "no display name": 50,
    "no room": 40,
    "co-teacher": 8,
    "aide": 10,
    "teacher replaced": 45,
    "not yet staffed": 150,
    # rosters
    "dropped": 80,
    "moved": 60,
}
"""Every special case, and once in how many chances it occurs."""


@dataclass(slots=True)
class Draft:
    """A district in the making."""

    rng: Random
    today: date
    last_year: Year
    this_year: Year
    domain: str
    ids: Ids = field(default_factory=Ids)
    batch: Batch = field(default_factory=Batch)
    chances: dict[str, int] = field(
        default_factory=lambda: {case: n // 2 for case, n in ONE_IN.items()}
    )

    def is_case(self, case: str) -> bool:
        """Whether the special case occurs now.

        It comes round evenly, not by chance, so that a small district has every case too.
        """
        self.chances[case] += 1
        if self.chances[case] < ONE_IN[case]:
            return False
        self.chances[case] = 0
        return True

    def guid(self) -> UUID:
        """A version 4 UUID, the same for the same seed."""
        return UUID(int=self.rng.getrandbits(128), version=4)

    def past_day(self, since: date) -> date | None:
        """A day before today and before school is out, if there is one in the year.

        `since` gives way when it lies ahead, as in the summer holidays.
        """
        end = min(self.today, self.this_year.last_school_day)
        first = since if since < end else self.this_year.start_date
        days = (end - first).days
        return first + timedelta(days=self.rng.randrange(days)) if days > 0 else None

    def take_batch(self) -> Batch:
        """The rows so far; the next ones go to a new batch."""
        batch, self.batch = self.batch, Batch()
        return batch
