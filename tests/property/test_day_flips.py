"""No record changes from one day to another unless a row that concerns it has its turn."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from rosterline.oneroster.v1p1 import Demographics as DemographicsV1p1
from rosterline.oneroster.v1p1 import User as UserV1p1
from rosterline.oneroster.v1p2 import Demographics, Enrollment, User
from rosterline.projector.flips import FLIPS, Flip
from rosterline.projector.rules.enrollments import roster_sourced_id, staff_sourced_id
from rosterline.projector.rules.v1p1_users import user_sourced_ids
from tests.support.districts import (
    DAYS,
    MiniDistrict,
    Records,
    build_records,
    build_records_v1p1,
    mini_districts,
)

RecordKey = tuple[str, str]
DAY = timedelta(days=1)
near_edges = st.builds(
    lambda edge, offset: edge + offset * DAY, st.sampled_from(DAYS), st.integers(-1, 3)
)
FIRST = min(DAYS) - 2 * DAY
YEAR = [FIRST + number * DAY for number in range((max(DAYS) - FIRST).days + 4)]


def differing(before: Records, after: Records) -> set[RecordKey]:
    """Records that came, went or look otherwise."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def is_due(district: MiniDistrict, flip: Flip, row: Any, since: date, until: date) -> bool:
    """Whether the table says that the row flips between the days, as the mirror is asked."""
    named = getattr(row, flip.column)
    if named is None:
        return False
    first, last = flip.dates(since, until)
    if flip.with_calendar:
        calendar = district.reference.calendars.get(row.calendar_id)
        if calendar is None or calendar.end_date == named:
            return False
    return bool(first <= named <= last)


def of_person(
    district: MiniDistrict, position: int, *models: type[BaseModel]
) -> Iterator[RecordKey]:
    """What a person may become in either version: a user, if nothing else is asked for."""
    person = district.people[position].person
    for model in models or (User, UserV1p1):
        for sourced_id in (person.person_guid, *user_sourced_ids(person.person_id)):
            yield model.__name__, sourced_id


def of_people_with_places(district: MiniDistrict, position: int) -> Iterator[RecordKey]:
    """What hangs on a person's standing: the person, the people tied to it, its places."""
    yield from of_person(district, position)
    yield from of_person(district, position, Demographics, DemographicsV1p1)
    for row in district.relationships:
        if position in {row.student, row.related}:
            yield from of_person(district, row.student)
            yield from of_person(district, row.related)
    for roster, _, person in district.rosters:
        if person == position:
            yield Enrollment.__name__, roster_sourced_id(roster.roster_id)
    for staff, _, person in district.staff:
        if person == position:
            yield Enrollment.__name__, staff_sourced_id(staff.section_staff_id)


def rows_of(
    district: MiniDistrict,
) -> Iterator[tuple[str, Any, list[RecordKey]]]:
    """Every row with a date that flips, and the records that it concerns."""
    for position, person in enumerate(district.people):
        whole = list(of_people_with_places(district, position))
        yield from (("enrollment", row, whole) for row in person.memberships)
        yield from (("district_assignment", row, whole) for row in person.assignments)
    for relation in district.relationships:
        both = [*of_person(district, relation.student), *of_person(district, relation.related)]
        yield "relationship", relation.tie, both
    for roster, *_ in district.rosters:
        yield "roster", roster, [(Enrollment.__name__, roster_sourced_id(roster.roster_id))]
    for staff, *_ in district.staff:
        place = (Enrollment.__name__, staff_sourced_id(staff.section_staff_id))
        yield "section_staff", staff, [place]


def due_records(district: MiniDistrict, since: date, until: date) -> set[RecordKey]:
    """The records that the table of flips lets the projector look at."""
    return {
        key
        for table, row, keys in rows_of(district)
        for flip in FLIPS
        if flip.table == table and is_due(district, flip, row, since, until)
        for key in keys
    }


def looks(district: MiniDistrict, day: date) -> tuple[Records, Records]:
    """All records of both versions on a day."""
    return build_records(district, day), build_records_v1p1(district, day)


def check(district: MiniDistrict, days: list[date]) -> None:
    """Whatever differs between neighbours of the days was found by the table of flips."""
    before = looks(district, days[0])
    for since, until in pairwise(days):
        after = looks(district, until)
        found = due_records(district, since, until)
        for old, new in zip(before, after, strict=True):
            assert differing(old, new) <= found
        before = after


@given(mini_districts, st.lists(near_edges, min_size=2, max_size=6, unique=True))
def test_g3_what_differs_between_two_days_is_found_by_the_dates_of_its_rows(
    district: MiniDistrict, days: list[date]
) -> None:
    check(district, sorted(days))


@settings(max_examples=3, phases=(Phase.explicit, Phase.generate))
@given(mini_districts)
def test_g3_on_no_day_of_a_year_a_record_changes_that_is_not_found(district: MiniDistrict) -> None:
    check(district, YEAR)
