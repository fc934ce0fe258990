"""G5: people with places at two schools, before viewers of one, and what deltas make of them.

Every person goes from one set of places to another, through the rules and as the projector writes:
all pairs of sets there are. A viewer's copy, kept by deltas, must be what it sees.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, product
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from jsonschema import Draft4Validator

from rosterline.api.access import connections
from rosterline.api.app import create_app
from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2
from rosterline.api.endpoints import NUMBERS, Service
from rosterline.api.viewing.switches import Switches, Turns
from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster import v1p1
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.build_people import wanted_demographics, wanted_users
from rosterline.projector.draft import to_draft
from rosterline.projector.facts import PersonFacts, Tie
from rosterline.projector.project import settle
from rosterline.projector.rules.courses import build_class
from rosterline.projector.rules.enrollments import (
    build_roster_enrollment,
    build_staff_enrollment,
    roster_sourced_id,
    staff_sourced_id,
)
from rosterline.projector.rules.orgs import build_district, build_school
from rosterline.projector.rules.schools import reach_of, reach_of_roster, reach_of_staff
from rosterline.projector.rules.v1p1_carried import roster_in_v1p1, staff_in_v1p1
from rosterline.projector.rules.verdict import Verdict
from rosterline.projector.scopes import Key
from rosterline.projector.store import fetch_clock
from rosterline.projector.wanted import (
    CLASSES,
    ENROLLMENTS,
    OLDER_ENROLLMENTS,
    ORGS,
    Records,
    Wanted,
    in_both,
)
from rosterline.projector.write import Writer
from rosterline.projector.writes import Spool
from tests.support import facts
from tests.support.api import ALL_SCOPES, BASE_URL, client_for, serving
from tests.support.facts import CALENDAR, OTHER_CALENDAR, OTHER_SCHOOL, SCHOOL, guid
from tests.support.official import official
from tests.support.servers import fresh_databases

pytestmark = pytest.mark.asyncio(loop_scope="module")
Document = dict[str, Any]
Documents = dict[str, Document]
CONTEXT = facts.context()
ONE = [(), (SCHOOL,), (OTHER_SCHOOL,)]
CALENDARS = {SCHOOL: CALENDAR, OTHER_SCHOOL: OTHER_CALENDAR}
# Two children who stay, whose parents the others are.
PUPILS = {SCHOOL: 1, OTHER_SCHOOL: 2}
FIRST = 100
CLASS = str(facts.section().section_id)
MANY = "50000"


@dataclass(frozen=True)
class Places:
    """Where somebody is a student, a teacher, and the parent of a pupil."""

    student: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()
    parent: tuple[str, ...] = ()


ALL_PLACES = [Places(*sides) for sides in product(ONE, [*ONE, (SCHOOL, OTHER_SCHOOL)], ONE)]
MOVES = list(product(ALL_PLACES, repeat=2))


def person(number: int, places: Places) -> PersonFacts:
    """The rows of a person with these places."""
    return PersonFacts(
        facts.person(person_id=number, person_guid=guid(number), birth_date=facts.FIRST_DAY),
        accounts=(facts.account(number, f"user{number}"),),
        memberships=tuple(
            facts.membership(enrollment_id=10 * number + place, calendar_id=CALENDARS[school])
            for place, school in enumerate(places.student)
        ),
        assignments=tuple(
            facts.assignment(assignment_id=10 * number + place, school_guid=school)
            for place, school in enumerate(places.teacher)
        ),
        students=tuple(parent_of(school) for school in places.parent),
    )


def parent_of(school: str) -> Tie:
    """A tie to the pupil of the school."""
    return facts.tie(
        relationship_id=PUPILS[school],
        person_id=PUPILS[school],
        person_guid=guid(PUPILS[school]),
        memberships=(facts.membership(calendar_id=CALENDARS[school]),),
    )


def drafts_of(collection: Collection, *verdicts: Verdict) -> Records:
    """Drafts of orgs and classes."""
    drafts = [to_draft(collection, each, reach_of(CONTEXT, each)) for each in verdicts]
    return {draft.sourced_id: (draft, 0) for draft in drafts if draft is not None}


def town() -> Iterator[Wanted]:
    """What does not change: two schools, a class at one of them, and a pupil at each."""
    schools = (build_school(CONTEXT, school) for school in CALENDARS)
    orgs = drafts_of(ORGS, build_district(CONTEXT, facts.DISTRICT), *schools)
    yield from in_both(Entity.ORGS, orgs)
    yield from in_both(Entity.CLASSES, drafts_of(CLASSES, build_class(CONTEXT, facts.section())))
    yield from people({number: Places((school,)) for school, number in PUPILS.items()})


def people(places: Mapping[int, Places]) -> Iterator[Wanted]:
    """Users, demographics and places in the class of people, in both versions."""
    found = {number: person(number, each) for number, each in places.items()}
    numbers: dict[Key, int] = dict.fromkeys(found, 0)
    yield from wanted_users(CONTEXT, found, numbers)
    yield from wanted_demographics(CONTEXT, found, numbers)
    newer: Records = {}
    older: Records = {}
    for number, each in found.items():
        roster = facts.roster(roster_id=number, person=each)
        verdict, key = build_roster_enrollment(CONTEXT, roster), roster_sourced_id(number)
        reach = reach_of_roster(CONTEXT, roster, verdict)
        newer[key] = to_draft(ENROLLMENTS, verdict, reach), 0
        older[key] = to_draft(OLDER_ENROLLMENTS, roster_in_v1p1(verdict, each), reach), 0
        staff = facts.staff(section_staff_id=number, person=each)
        verdict, key = build_staff_enrollment(CONTEXT, staff), staff_sourced_id(number)
        reach = reach_of_staff(CONTEXT, staff, verdict)
        newer[key] = to_draft(ENROLLMENTS, verdict, reach), 0
        older[key] = to_draft(OLDER_ENROLLMENTS, staff_in_v1p1(verdict, each), reach), 0
    yield Wanted(ENROLLMENTS, newer)
    yield Wanted(OLDER_ENROLLMENTS, older)


async def write(connection: asyncpg.Connection, wanted: Iterable[Wanted]) -> None:
    """Store what differs, as the projector does: in one transaction, with what departs."""
    writer = Writer(facts.DISTRICT, BASE_URL, 1.0, lambda: datetime.now(UTC))
    with Spool({0: "a test"}) as spool:
        async with connection.transaction():
            for each in wanted:
                await settle(connection, each, spool)
            await writer.write(connection, (spool,), await fetch_clock(connection))


@dataclass
class Copy:
    """A vendor with its copy of the users, kept as G5 allows: by deltas alone."""

    version: Version
    schools: tuple[str, ...] | None
    sees_agents: bool
    http: httpx.AsyncClient
    users: Documents = field(default_factory=dict)
    since: str = "1970-01-01"

    async def pull(self, path: str, since: str = "1970-01-01") -> Documents:
        """A collection since a stamp; each record once."""
        dialect = EDTECH_V1P2 if self.version is Version.V1P2 else EDTECH_V1P1
        address = dialect.paths[Service.ROSTERING] + path
        asked = {"filter": f"dateLastModified>'{since}'", "limit": MANY}
        answer = await self.http.get(address, params=asked)
        assert answer.status_code == 200, answer.text
        (records,) = answer.json().values()
        found = {record["sourcedId"]: record for record in records}
        assert len(found) == len(records) == int(answer.headers["X-Total-Count"])
        return found

    async def poll(self) -> Documents:
        """Bring the copy up to date; what the delta told."""
        told = await self.pull("/users", self.since)
        self.users |= told
        self.since = max((self.since, *(each["dateLastModified"] for each in told.values())))
        return told

    def held_roles(self, user: Document) -> set[str]:
        """The roles that the user shows at schools that the vendor sees, and those of agents."""
        if self.version is Version.V1P1:
            return {user["role"]} if user["orgs"] else set()
        return {
            role["role"]
            for role in user["roles"]
            if self.schools is None or role["org"]["sourcedId"] in {*self.schools, facts.DISTRICT}
        }


def active(users: Documents) -> Documents:
    """Without tombstones."""
    return {key: user for key, user in users.items() if user["status"] == "active"}


LIMITS: list[tuple[str, ...] | None] = [None, (SCHOOL,), (SCHOOL, OTHER_SCHOOL)]


@dataclass(frozen=True)
class Told:
    """The vendors after all moves, each with what its delta told."""

    copies: dict[str, Copy]
    deltas: dict[str, Documents]


KINDS = ("with agents", "without agents", "turned between")
NAMES = [
    f"{version}-{'all' if schools is None else len(schools)}-{kind}"
    for version, schools, kind in product(Version, LIMITS, KINDS)
]
each_vendor = pytest.mark.parametrize("name", NAMES)


async def vendor(
    connection: asyncpg.Connection,
    transport: httpx.ASGITransport,
    limits: tuple[Version, tuple[str, ...] | None, str],
    app: str,
) -> Copy:
    """A vendor with a token, and nothing in its copy yet."""
    version, schools, kind = limits
    made = await connections.add(
        connection,
        app,
        NUMBERS[version],
        scopes=ALL_SCOPES,
        schools=schools,
        switches=Switches(sees_agents=kind != "without agents"),
    )
    http = await client_for(transport, made)
    return Copy(version, schools, kind == "with agents", http)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(postgres_server: EmbeddedPostgres) -> AsyncIterator[Told]:
    before, after = (
        {number: move[side] for number, move in enumerate(MOVES, FIRST)} for side in (0, 1)
    )
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            connection, transport = served.connection, served.transport
            await write(connection, chain(town(), people(before)))
            limits = product(Version, LIMITS, KINDS)
            copies = {
                name: await vendor(connection, transport, each, f"app{place}")
                for place, (name, each) in enumerate(zip(NAMES, limits, strict=True))
            }
            for copy in copies.values():
                await copy.poll()
            hiding = Settings(agents_need_gradebook_sync=True)
            for place, name in enumerate(NAMES):
                if name.endswith("turned between"):
                    await connections.turn(connection, f"app{place}", Turns(), hiding)
            await write(connection, people(after))
            # Directory entries of turned connections are read again by a server that starts.
            fresh = httpx.ASGITransport(create_app(Settings(public_url=BASE_URL), served.pool))
            for copy in copies.values():
                await copy.http.aclose()
                copy.http = httpx.AsyncClient(
                    transport=fresh, base_url=BASE_URL, headers=copy.http.headers
                )
            deltas = {name: await copy.poll() for name, copy in copies.items()}
            yield Told(copies, deltas)
            for copy in copies.values():
                await copy.http.aclose()


@each_vendor
async def test_g5_a_copy_kept_by_deltas_is_what_the_vendor_sees(told: Told, name: str) -> None:
    copy = told.copies[name]
    seen = await copy.pull("/users")
    assert told.deltas[name]
    kept, shown = active(copy.users), active(seen)
    assert sorted(kept.keys() - shown.keys()) == []
    assert sorted(shown.keys() - kept.keys()) == []
    assert {key: user for key, user in shown.items() if kept[key] != user} == {}


@each_vendor
async def test_every_shown_user_is_valid(told: Told, name: str) -> None:
    copy = told.copies[name]
    for found in (copy.users, told.deltas[name], await copy.pull("/users")):
        assert found
        for user in alike(found):
            check(copy.version, user)


def alike(users: Documents) -> list[Document]:
    """One user of each kind: those that differ in names and stamps alone are valid together."""
    own = ("dateLastModified", "sourcedId", "username", "identifier")
    kinds = {
        json.dumps({key: value for key, value in user.items() if key not in own}): user
        for user in users.values()
    }
    return list(kinds.values())


def check(version: Version, user: Document) -> None:
    """Raise unless the user is valid by 1EdTech's file (1.2), or by our model (1.1)."""
    if version is Version.V1P1:
        v1p1.User.model_validate_json(json.dumps(user))
        assert user["orgs"]
        return
    document = official(Service.ROSTERING)
    responses = document["paths"]["/users/{sourcedId}"]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    Draft4Validator(whole).validate({"user": user})
    primary = [role["org"] for role in user["roles"] if role["roleType"] == "primary"]
    assert len(user["roles"]) >= 1
    assert len(primary) <= 1


@each_vendor
@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_a_list_of_a_role_shows_users_who_show_the_role(
    told: Told, name: str, role: str
) -> None:
    copy = told.copies[name]
    users = await copy.pull("/users")
    found = await copy.pull(f"/{role}s")
    assert found
    wrong = [key for key, user in found.items() if role not in copy.held_roles(user)]
    assert wrong == []
    missing = [
        key
        for key, user in active(users).items()
        if role in copy.held_roles(user) and key not in found
    ]
    assert missing == []


@each_vendor
@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_members_of_a_class_have_an_enrollment_that_is_shown(
    told: Told, name: str, role: str
) -> None:
    copy = told.copies[name]
    enrollments = (await copy.pull("/enrollments")).values()
    enrolled = {
        each["user"]["sourcedId"]
        for each in enrollments
        if (each["role"], each["status"]) == (role, "active")
    }
    members = await copy.pull(f"/classes/{CLASS}/{role}s")
    assert members
    assert members.keys() == enrolled
    if copy.schools is not None:
        assert [key for key, user in members.items() if role not in copy.held_roles(user)] == []


@each_vendor
async def test_who_is_nothing_but_an_agent_is_not_there_without_agents(
    told: Told, name: str
) -> None:
    copy = told.copies[name]
    roles = [copy.held_roles(user) for user in active(await copy.pull("/users")).values()]
    shown = any("guardian" in each for each in roles)
    assert shown is copy.sees_agents
