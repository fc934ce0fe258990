"""Touched people and their places in classes → the records that they should be, in both forms."""

from collections.abc import AsyncIterator, Iterable, Mapping

import asyncpg

from rosterline.oneroster.v1p2 import User
from rosterline.projector.draft import to_draft
from rosterline.projector.facts import Context, PersonFacts
from rosterline.projector.gather import (
    ROSTERS,
    SECTION_STAFF,
    gather_held_guids,
    gather_people,
    gather_places,
    gather_sections,
    to_roster,
    to_staff,
)
from rosterline.projector.rules.demographics import build_demographics
from rosterline.projector.rules.enrollments import (
    build_roster_enrollment,
    build_staff_enrollment,
    roster_sourced_id,
    staff_sourced_id,
)
from rosterline.projector.rules.roles import claims_by_role
from rosterline.projector.rules.schools import (
    reach_of_demographics,
    reach_of_roster,
    reach_of_staff,
    reach_of_user,
    reach_of_user_v1p1,
)
from rosterline.projector.rules.users import build_user, secondary_view
from rosterline.projector.rules.v1p1_carried import (
    demographics_in_v1p1,
    roster_in_v1p1,
    staff_in_v1p1,
)
from rosterline.projector.rules.v1p1_users import (
    build_users_v1p1,
    user_sourced_id,
    user_sourced_ids,
)
from rosterline.projector.scopes import Key, Scope
from rosterline.projector.wanted import (
    DEMOGRAPHICS,
    ENROLLMENTS,
    OLDER_DEMOGRAPHICS,
    OLDER_ENROLLMENTS,
    OLDER_USERS,
    USERS,
    Records,
    Rows,
    Wanted,
    integers,
    runs,
)


async def build_people(
    connection: asyncpg.Connection, context: Context, rows: Rows, size: int
) -> AsyncIterator[Wanted]:
    """People, and then their places in classes."""
    users, demographics = rows[Scope.PERSON], rows[Scope.DEMOGRAPHICS]
    for keys in runs(sorted(users.keys() | demographics.keys(), key=int), size):
        people = await gather_people(connection, integers(keys))
        for wanted in wanted_users(context, people, chosen(users, keys)):
            yield wanted
        for wanted in wanted_demographics(context, people, chosen(demographics, keys)):
            yield wanted
    for wanted in await wanted_former(connection, rows[Scope.PERSON_GUID]):
        yield wanted
    for run in runs(rows[Scope.ROSTER].items(), size):
        for wanted in await wanted_rosters(connection, context, dict(run)):
            yield wanted
    for run in runs(rows[Scope.SECTION_STAFF].items(), size):
        for wanted in await wanted_staff(connection, context, dict(run)):
            yield wanted


def chosen(keys: Mapping[Key, int], run: Iterable[Key]) -> dict[Key, int]:
    """The keys of the run, with who touched them."""
    return {key: keys[key] for key in run if key in keys}


def wanted_users(
    context: Context, people: Mapping[int, PersonFacts], keys: Mapping[Key, int]
) -> list[Wanted]:
    """Users; a person without a row is dealt with under the former GUID in 1.2."""
    records: Records = {}
    older: Records = {}
    for key, number in keys.items():
        person = people.get(int(key))
        if person is None:
            older |= dict.fromkeys(user_sourced_ids(int(key)), (None, number))
            continue
        claims = claims_by_role(context, person)
        verdict = build_user(context, person, claims)
        other = secondary_view(verdict, person.person) if isinstance(verdict, User) else None
        reach = reach_of_user(context, person, verdict)
        records[person.person.person_guid] = to_draft(USERS, verdict, reach, other), number
        for sourced_id, each in build_users_v1p1(context, person, claims).items():
            reach = reach_of_user_v1p1(context, person, each)
            older[sourced_id] = to_draft(OLDER_USERS, each, reach), number
    return [Wanted(USERS, records), Wanted(OLDER_USERS, older)]


def wanted_demographics(
    context: Context, people: Mapping[int, PersonFacts], keys: Mapping[Key, int]
) -> list[Wanted]:
    """Demographics, likewise."""
    records: Records = {}
    older: Records = {}
    for key, number in keys.items():
        person = people.get(int(key))
        sourced_id = user_sourced_id("student", int(key))
        if person is None:
            older[sourced_id] = None, number
            continue
        verdict = build_demographics(context, person)
        reach = reach_of_demographics(context, person, verdict)
        records[person.person.person_guid] = to_draft(DEMOGRAPHICS, verdict, reach), number
        verdict = demographics_in_v1p1(verdict, person)
        older[sourced_id] = to_draft(OLDER_DEMOGRAPHICS, verdict, reach), number
    return [Wanted(DEMOGRAPHICS, records), Wanted(OLDER_DEMOGRAPHICS, older)]


async def wanted_former(connection: asyncpg.Connection, former: Mapping[Key, int]) -> list[Wanted]:
    """GUIDs that a person had; what nobody has now is gone."""
    held = await gather_held_guids(connection, map(str, former))
    lost: Records = {
        str(guid): (None, number) for guid, number in former.items() if guid not in held
    }
    return [Wanted(USERS, lost), Wanted(DEMOGRAPHICS, lost)]


async def wanted_rosters(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> list[Wanted]:
    """Enrollments of students."""
    rows = await gather_places(connection, ROSTERS, "roster_id", integers(keys))
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})
    records: Records = {roster_sourced_id(int(key)): (None, number) for key, number in keys.items()}
    older = records.copy()
    for row in rows:
        roster = to_roster(row, people, sections)
        if roster is not None:
            sourced_id, number = roster_sourced_id(roster.roster_id), keys[roster.roster_id]
            verdict = build_roster_enrollment(context, roster)
            reach = reach_of_roster(context, roster, verdict)
            records[sourced_id] = to_draft(ENROLLMENTS, verdict, reach), number
            verdict = roster_in_v1p1(verdict, roster.person)
            older[sourced_id] = to_draft(OLDER_ENROLLMENTS, verdict, reach), number
    return [Wanted(ENROLLMENTS, records), Wanted(OLDER_ENROLLMENTS, older)]


async def wanted_staff(
    connection: asyncpg.Connection, context: Context, keys: Mapping[Key, int]
) -> list[Wanted]:
    """Enrollments of teachers."""
    rows = await gather_places(connection, SECTION_STAFF, "section_staff_id", integers(keys))
    people = await gather_people(connection, {row["person_id"] for row in rows}, whole=False)
    sections = await gather_sections(connection, {row["section_id"] for row in rows})
    records: Records = {staff_sourced_id(int(key)): (None, number) for key, number in keys.items()}
    older = records.copy()
    for row in rows:
        staff = to_staff(row, people, sections)
        if staff is not None:
            sourced_id = staff_sourced_id(staff.section_staff_id)
            number = keys[staff.section_staff_id]
            verdict = build_staff_enrollment(context, staff)
            reach = reach_of_staff(context, staff, verdict)
            records[sourced_id] = to_draft(ENROLLMENTS, verdict, reach), number
            verdict = staff_in_v1p1(verdict, staff.person)
            older[sourced_id] = to_draft(OLDER_ENROLLMENTS, verdict, reach), number
    return [Wanted(ENROLLMENTS, records), Wanted(OLDER_ENROLLMENTS, older)]
