"""G5: what leaves the scope of a school leaves a tombstone there, until it returns."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from rosterline.oneroster.vocabulary import Version
from rosterline.projector.rebuild import rebuild
from tests.integration.projector.checks import feed_faults, load_differences
from tests.integration.projector.conftest import Loaded
from tests.integration.projector.test_stamps import Clock
from tests.support.projection import TODAY, Chain, Event, open_chain
from tests.support.servers import Databases

Departed = dict[tuple[str, str, str], dict[str, Any]]
DOCUMENT = "SELECT document FROM {} WHERE sourced_id = $1"
# A class of this year's calendar of a school, and such a calendar of another school.
SCHOOLS = """
SELECT home.calendar_id, home_grade.grade_level_id, home.school_guid::text AS home,
       home.start_date, other.calendar_id AS other_calendar_id,
       other_grade.grade_level_id AS other_grade_level_id, other.school_guid::text AS other,
       course_id, section_id
FROM sis.section JOIN sis.course USING (course_id)
JOIN sis.calendar AS home USING (calendar_id) JOIN sis.school_year USING (school_year_id)
JOIN sis.grade_level AS home_grade ON home_grade.calendar_id = home.calendar_id
JOIN sis.calendar AS other USING (school_year_id)
JOIN sis.grade_level AS other_grade ON other_grade.calendar_id = other.calendar_id
WHERE school_year.active AND home.school_guid <> other.school_guid
  AND NOT (home.lms_exclude OR other.lms_exclude)
  AND NOT (home_grade.lms_exclude OR other_grade.lms_exclude)
ORDER BY 1, 5, section_id LIMIT 1
"""
STUDENT, GUARDIAN = 900_001, 900_002
GUID, GUARDIAN_GUID = (f"90000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
PERSON = """
INSERT INTO sis.person (person_id, person_guid, given_name, family_name) VALUES ($1, $2, 'A', 'B')
"""
ACCOUNT = "INSERT INTO sis.user_account VALUES ($1, $1, 'user' || $1::bigint, false)"
ENROLLMENT = """
INSERT INTO sis.enrollment VALUES ($1, $1, $2, $3, 'P', $4, NULL, false, false)
"""
RELATIONSHIP = """
INSERT INTO sis.relationship
    (relationship_id, student_person_id, related_person_id, guardian, portal)
VALUES ($1, $1, $2, true, true)
"""
ROSTER = "INSERT INTO sis.roster VALUES ($1, $2, $1, NULL, NULL)"
ASSIGNMENT = """
INSERT INTO sis.district_assignment VALUES ($1, $2, $3, $4, NULL, true, '{}', false)
"""


@dataclass(frozen=True)
class Mover:
    """A student who may change school, with a guardian and a class; `row` is that of `SCHOOLS`."""

    chain: Chain
    row: asyncpg.Record

    @property
    def home(self) -> str:
        """The school where the student is."""
        return str(self.row["home"])

    @property
    def other(self) -> str:
        """The school to which it goes."""
        return str(self.row["other"])

    async def go(self, student: int = STUDENT, *, back: bool = False) -> list[Event]:
        """Go to the other school, or back."""
        await self.move(student, back=back)
        return await self.chain.sync()

    async def move(self, student: int, *, back: bool) -> None:
        """The SIS's part of it."""
        prefix = "" if back else "other_"
        await self.chain.sis.execute(
            "UPDATE sis.enrollment SET calendar_id = $2, grade_level_id = $3 "
            "WHERE enrollment_id = $1",
            student,
            self.row[f"{prefix}calendar_id"],
            self.row[f"{prefix}grade_level_id"],
        )


# The records of student and guardian, in both versions.
FAMILY = {
    ("v1p2.users", GUID),
    ("v1p2.users", GUARDIAN_GUID),
    ("v1p2.demographics", GUID),
    ("v1p1.users", f"s{STUDENT}"),
    ("v1p1.users", f"g{GUARDIAN}"),
    ("v1p1.demographics", f"s{STUDENT}"),
}


async def settle(chain: Chain) -> Mover:
    """A family comes to the district."""
    row = await chain.sis.fetchrow(SCHOOLS)
    assert row is not None
    for person_id, guid in ((STUDENT, GUID), (GUARDIAN, GUARDIAN_GUID)):
        await chain.sis.execute(PERSON, person_id, guid)
        await chain.sis.execute(ACCOUNT, person_id)
    home = (row["calendar_id"], row["grade_level_id"], row["start_date"])
    await chain.sis.execute(ENROLLMENT, STUDENT, *home)
    await chain.sis.execute(RELATIONSHIP, STUDENT, GUARDIAN)
    await chain.sis.execute(ROSTER, STUDENT, row["section_id"])
    await chain.sync()
    return Mover(chain, row)


@pytest.fixture
async def mover(chain: Chain) -> Mover:
    """The student, still at home."""
    found = await settle(chain)
    assert await departed(chain) == {}
    return found


async def departed(chain: Chain) -> Departed:
    """The tombstones of schools, each with the stamp that it bears."""
    found: Departed = {}
    # Those for vendors without agents are asked of the API (test_scopes_of_people.py).
    for row in await chain.store.reader.fetch(
        "SELECT * FROM rosterline.departed WHERE school NOT LIKE 'own@%'"
    ):
        document = orjson.loads(row["document"])
        stamp = row["date_last_modified"].isoformat(timespec="milliseconds")
        assert document["dateLastModified"] == stamp.replace("+00:00", "Z")
        assert document["status"] == "tobedeleted"
        found[row["collection"], row["school"], row["sourced_id"]] = document
    return found


async def schools_of(chain: Chain, collection: str, sourced_id: str) -> list[str]:
    """The schools in whose scope a record stands."""
    found: list[str] = await chain.store.reader.fetchval(
        f"SELECT schools FROM {collection} WHERE sourced_id = $1", sourced_id
    )
    return found


def people(found: Departed) -> set[tuple[str, str, str]]:
    """Without places in classes."""
    return {key for key in found if not key[0].endswith(".enrollments")}


async def seen(chain: Chain) -> dict[tuple[str, str], dict[str, Any]]:
    """The family's records as they are stored."""
    reader = chain.store.reader
    return {
        (table, key): orjson.loads(await reader.fetchval(DOCUMENT.format(table), key))
        for table, key in FAMILY
    }


async def test_g5_a_student_who_changes_school_leaves_the_old_one_with_the_guardian(
    mover: Mover,
) -> None:
    chain, home, other = mover.chain, mover.home, mover.other
    before = await seen(chain)
    events = await mover.go()
    found = await departed(chain)
    assert people(found) == {(table, home, key) for table, key in FAMILY}
    stamp = events[0].headers["ce-time"]
    changes = {"status": "tobedeleted", "dateLastModified": stamp}
    for table, key in FAMILY:
        assert found[table, home, key] == before[table, key] | changes
        assert await schools_of(chain, table, key) == [other]
    assert {event.operation for event in events} == {"updated"}
    assert await load_differences(chain) == []


async def test_g5_places_in_classes_of_the_old_school_go_with_the_student(mover: Mover) -> None:
    chain, home = mover.chain, mover.home
    query = "SELECT sourced_id FROM v1p2.enrollments WHERE user_id = $1 AND schools = ARRAY[$2]"
    held = await chain.store.reader.fetch(query, GUID, home)
    assert held
    await mover.go()
    found = await departed(chain)
    for row in held:
        for version in Version:
            assert (f"{version.value}.enrollments", home, row["sourced_id"]) in found
            assert await schools_of(chain, f"{version.value}.enrollments", row["sourced_id"]) == []


async def test_g5_who_comes_back_stands_there_again_and_goes_from_the_other_school(
    mover: Mover,
) -> None:
    chain = mover.chain
    await mover.go()
    await mover.go(back=True)
    found = await departed(chain)
    assert people(found) == {(table, mover.other, key) for table, key in FAMILY}
    assert found.keys() == people(found)
    assert await load_differences(chain) == []
    assert feed_faults(chain.store.events) == []


async def test_g5_what_is_deleted_as_a_whole_leaves_no_school_until_it_comes_back_elsewhere(
    mover: Mover,
) -> None:
    chain, home, other = mover.chain, mover.home, mover.other
    hide = "UPDATE sis.enrollment SET no_show = $2 WHERE enrollment_id = $1"
    await chain.sis.execute(hide, STUDENT, True)
    assert {event.operation for event in await chain.sync()} == {"deleted"}
    assert await departed(chain) == {}
    assert await schools_of(chain, "v1p2.users", GUID) == [home]
    assert await mover.go() == []
    await chain.sis.execute(hide, STUDENT, False)
    assert {event.operation for event in await chain.sync()} == {"created"}
    assert people(await departed(chain)) == {(table, home, key) for table, key in FAMILY}
    assert await schools_of(chain, "v1p2.users", GUID) == [other]


async def test_g5_a_second_assignment_is_an_arrival_and_the_end_of_the_first_a_departure(
    mover: Mover,
) -> None:
    chain, row = mover.chain, mover.row
    teacher, guid = 900_003, GUID[:-1] + "3"
    await chain.sis.execute(PERSON, teacher, guid)
    await chain.sis.execute(ACCOUNT, teacher)
    await chain.sis.execute(ASSIGNMENT, 1_000_001, teacher, mover.home, row["start_date"])
    await chain.sync()
    await chain.sis.execute(ASSIGNMENT, 1_000_002, teacher, mover.other, row["start_date"])
    await chain.sync()
    assert await departed(chain) == {}
    users = {("v1p2.users", guid), ("v1p1.users", f"t{teacher}")}
    for table, key in users:
        assert await schools_of(chain, table, key) == sorted((mover.home, mover.other))
    await chain.sis.execute(
        "DELETE FROM sis.district_assignment WHERE assignment_id = $1", 1_000_001
    )
    await chain.sync()
    assert set(await departed(chain)) == {(table, mover.home, key) for table, key in users}
    for table, key in users:
        assert await schools_of(chain, table, key) == [mover.other]


async def test_g5_a_course_under_a_calendar_of_another_school_takes_its_classes_along(
    mover: Mover,
) -> None:
    chain, home, other = mover.chain, mover.home, mover.other
    row = mover.row
    await chain.sis.execute(
        "UPDATE sis.course SET calendar_id = $2 WHERE course_id = $1",
        row["course_id"],
        row["other_calendar_id"],
    )
    await chain.sync()
    found = await departed(chain)
    for version in Version:
        for table, key in (("courses", row["course_id"]), ("classes", row["section_id"])):
            name = f"{version.value}.{table}"
            assert (name, home, str(key)) in found
            assert await schools_of(chain, name, str(key)) == [other]
    assert await load_differences(chain) == []


async def test_g5_the_other_address_departs_with_the_usual_one(mover: Mover) -> None:
    chain, guid = mover.chain, GUID
    await chain.sis.execute(
        "UPDATE sis.person SET secondary_email = 'x@second.test' WHERE person_guid = $1::uuid", guid
    )
    await chain.sync()
    (event, *_) = await mover.go()
    rows = await chain.store.reader.fetch("SELECT * FROM rosterline.departed")
    found = {(row["collection"], row["sourced_id"]): row for row in rows}
    other = orjson.loads(found["v1p2.users", guid]["alternative"])
    assert (other["email"], other["status"]) == ("x@second.test", "tobedeleted")
    assert other["dateLastModified"] == event.headers["ce-time"]
    assert found["v1p2.demographics", guid]["alternative"] is None


async def test_g5_a_rebuild_finds_nothing_and_lets_tombstones_be(mover: Mover) -> None:
    chain = mover.chain
    await mover.go()
    before = await departed(chain)
    projection = chain.store.projection
    assert await rebuild(projection, projection.context(projection.reference), "again") == 0
    assert await departed(chain) == before


async def test_g5_a_rebuild_sees_what_left_while_nobody_looked(mover: Mover) -> None:
    chain = mover.chain
    await chain.store.connection.execute(
        "UPDATE v1p2.users SET schools = array_append(schools, 'elsewhere'), digest = '' "
        "WHERE sourced_id = $1",
        GUID,
    )
    projection = chain.store.projection
    assert await rebuild(projection, projection.context(projection.reference), "again") == 1
    assert set(await departed(chain)) == {("v1p2.users", "elsewhere", GUID)}
    assert await schools_of(chain, "v1p2.users", GUID) == [mover.home]


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go on."""
    return Clock()


@pytest.fixture
async def clocked(copies: Databases, loaded: Loaded, clock: Clock) -> AsyncIterator[Chain]:
    """A loaded chain with that clock."""
    async with open_chain(copies, now=clock, lead_seconds=1.0) as opened:
        opened.store.events.extend(loaded.events)
        yield opened


async def test_g5_a_departure_that_was_visible_too_late_is_stamped_anew(
    clocked: Chain, clock: Clock
) -> None:
    mover = await settle(clocked)
    before = await seen(clocked)
    clock.steps = [0, 0, 30]
    events = await mover.go()
    late, fresh = events[0].headers["ce-time"], events[-1].headers["ce-time"]
    assert late < fresh
    found = await departed(clocked)
    assert people(found) == {(table, mover.home, key) for table, key in FAMILY}
    for table, key in FAMILY:
        dead = before[table, key] | {"status": "tobedeleted", "dateLastModified": fresh}
        assert found[table, mover.home, key] == dead
    assert await schools_of(clocked, "v1p2.users", GUID) == [mover.other]


async def test_g5_who_lists_others_changes_with_their_schools_even_if_its_own_stay(
    mover: Mover,
) -> None:
    """Two children change places: their guardian stands at both schools, before and afterwards."""
    chain, row = mover.chain, mover.row
    second = 900_003
    await chain.sis.execute(PERSON, second, GUID[:-1] + "3")
    away = (row["other_calendar_id"], row["other_grade_level_id"], row["start_date"])
    await chain.sis.execute(ENROLLMENT, second, *away)
    await chain.sis.execute(RELATIONSHIP, second, GUARDIAN)
    await chain.sync()
    guardian, both = ("v1p2", "users", GUARDIAN_GUID), sorted((mover.home, mover.other))
    assert await schools_of(chain, "v1p2.users", GUARDIAN_GUID) == both
    before = (await chain.store.stored())[guardian]
    async with chain.sis.transaction():
        await mover.move(second, back=True)
        await mover.move(STUDENT, back=False)
    (event,) = [each for each in await chain.sync() if each.key == guardian]
    assert await schools_of(chain, "v1p2.users", GUARDIAN_GUID) == both
    after = (await chain.store.stored())[guardian]
    old, new = (orjson.loads(text)["user"] for text in (before, after))
    assert old | {"dateLastModified": event.headers["ce-time"]} == new
    assert {key for key in await departed(chain) if key[2] == GUARDIAN_GUID} == set()


async def test_g5_a_guardian_goes_from_the_school_that_the_last_child_has_left(
    mover: Mover,
) -> None:
    """The other child stays elsewhere: the guardian stays a user, but none of that school's."""
    chain, row = mover.chain, mover.row
    second = 900_003
    await chain.sis.execute(PERSON, second, GUID[:-1] + "3")
    await chain.sis.execute(ACCOUNT, second)
    away = (row["other_calendar_id"], row["other_grade_level_id"], row["start_date"])
    await chain.sis.execute(ENROLLMENT, second, *away)
    await chain.sis.execute(RELATIONSHIP, second, GUARDIAN)
    await chain.sync()
    guardian = {("v1p2.users", GUARDIAN_GUID), ("v1p1.users", f"g{GUARDIAN}")}
    for table, key in guardian:
        assert await schools_of(chain, table, key) == sorted((mover.home, mover.other))
    end = "UPDATE sis.enrollment SET end_date = $2 WHERE enrollment_id = $1"
    await chain.sis.execute(end, STUDENT, TODAY - timedelta(days=1))
    events = {event.key: event.operation for event in await chain.sync()}
    assert events["v1p2", "users", GUID] == "deleted"
    assert events["v1p2", "users", GUARDIAN_GUID] == "updated"
    assert set(await departed(chain)) == {(table, mover.home, key) for table, key in guardian}
    for table, key in guardian:
        assert await schools_of(chain, table, key) == [mover.other]
    await chain.sis.execute(end, second, TODAY - timedelta(days=1))
    await chain.sync()
    # With no current student left, the guardian is a tombstone wherever a student was.
    for table, key in guardian:
        assert await schools_of(chain, table, key) == sorted((mover.home, mover.other))
    assert await departed(chain) == {}
    assert await load_differences(chain) == []


async def test_g5_a_school_year_changes_with_the_schools_of_its_terms(mover: Mover) -> None:
    chain, row = mover.chain, mover.row
    (year,) = [
        each["sourced_id"]
        for each in await chain.store.reader.fetch(
            "SELECT sourced_id FROM v1p2.academic_sessions WHERE type = 'schoolYear'"
        )
    ]
    before = await schools_of(chain, "v1p2.academic_sessions", year)
    assert {mover.home, mover.other} <= {*before}
    swap = "UPDATE sis.calendar SET school_guid = $2::uuid WHERE calendar_id = $1"
    async with chain.sis.transaction():
        await chain.sis.execute(swap, row["calendar_id"], mover.other)
        await chain.sis.execute(swap, row["other_calendar_id"], mover.home)
    events = await chain.sync()
    assert await schools_of(chain, "v1p2.academic_sessions", year) == before
    assert {event.version for event in events if event.key[2] == year} == {"v1p1", "v1p2"}
    assert await load_differences(chain) == []
