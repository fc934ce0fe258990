"""G5 over HTTP: a connection limited to schools sees exactly what stands in them, nowhere more.

The district is generated and goes through the projector; a connection without limits is the oracle.
"""

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from rosterline.api.access import connections
from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2, Dialect
from rosterline.api.endpoints import NUMBERS, Endpoint, Service
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.vocabulary import ROSTER, Entity, Version
from rosterline.sample.generate import generate
from tests.support.api import client_for, serving
from tests.support.gradebooks import put
from tests.support.projection import TODAY, Chain, open_chain
from tests.support.servers import fresh_databases
from tests.support.written_documents import BATTERY, assessment, assessment_result, ref

pytestmark = pytest.mark.asyncio(loop_scope="module")
STUDENTS = 1000
SCOPES = ("roster.readonly", "roster-demographics.readonly")
MORE_SCOPES = {Version.V1P2: ("assessment.readonly",), Version.V1P1: ()}
EVER = "dateLastModified>'1970-01-01'"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Records = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Town:
    """The district, its schools, and clients by dialect version and by what they are limited to."""

    chain: Chain
    schools: list[str]
    transport: httpx.ASGITransport
    clients: dict[tuple[Version, tuple[str, ...] | None], httpx.AsyncClient]

    async def client(
        self, version: Version, schools: tuple[str, ...] | None = None
    ) -> httpx.AsyncClient:
        """A client with the token of a connection that is limited to these schools."""
        key = version, schools
        if key not in self.clients:
            made = await connections.add(
                self.chain.store.reader,
                f"app{len(self.clients)}",
                NUMBERS[version],
                scopes=[*SCOPES, *MORE_SCOPES[version]],
                schools=schools,
            )
            http = await client_for(self.transport, made)
            self.clients[key] = http
        return self.clients[key]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(postgres_server: EmbeddedPostgres) -> AsyncIterator[Town]:
    with fresh_databases(postgres_server) as databases:
        await generate(
            databases.sis_dsn, students=STUDENTS, seed=11, progress=lambda *_: None, today=TODAY
        )
        async with open_chain(databases) as chain, serving(databases.dsn) as served:
            await chain.load()
            rows = await chain.store.reader.fetch(
                "SELECT sourced_id FROM v1p2.orgs WHERE type = 'school' AND status = 'active' "
                "ORDER BY 1"
            )
            town = Town(chain, [row[0] for row in rows], served.transport, {})
            yield town
            for client in town.clients.values():
                await client.aclose()


def dialect_of(version: Version) -> Dialect:
    """The standard's own addresses."""
    return EDTECH_V1P2 if version is Version.V1P2 else EDTECH_V1P1


async def pull(client: httpx.AsyncClient, address: str, **parameters: str) -> Records:
    """All records of a collection, by links."""
    found: Records = {}
    answer = await client.get(address, params={"limit": "700", **parameters})
    while True:
        assert answer.status_code == 200, answer.text
        (records,) = answer.json().values()
        assert len(records) <= int(answer.headers["X-Total-Count"])
        found |= {record["sourcedId"]: record for record in records}
        if "next" not in answer.links:
            return found
        answer = await client.get(answer.links["next"]["url"])


async def pull_all(
    client: httpx.AsyncClient, version: Version, **parameters: str
) -> dict[str, Records]:
    """Every roster collection."""
    dialect = dialect_of(version)
    rows = [
        row for row in dialect.endpoints if row.path == f"/{row.entity}" and row.entity in ROSTER
    ]
    assert len(rows) == len(ROSTER)
    return {row.entity.value: await pull(client, dialect.path(row), **parameters) for row in rows}


def expected(whole: dict[str, Records], kept: set[str]) -> dict[str, set[str]]:
    """The ids that stand in the schools, found of the documents alone.

    Agents stand where their current students do; who has none is a tombstone where others were.
    """
    users = whole["users"]
    students = {key for key, user in users.items() if orgs_of(user, {"student"}) & kept}
    agents = {
        agent["sourcedId"]
        for key in students
        for agent in users[key].get("agents", ())
        if users[agent["sourcedId"]]["status"] == users[key]["status"]
    }
    staff = {key for key, user in users.items() if orgs_of(user, None) & kept}
    people = students | agents | staff
    classes = {key for key, each in whole["classes"].items() if each["school"]["sourcedId"] in kept}
    terms = {
        key
        for key, each in whole["academicSessions"].items()
        if key in {term["sourcedId"] for id_ in classes for term in whole["classes"][id_]["terms"]}
    }
    return {
        "orgs": kept | {whole["orgs"][key]["parent"]["sourcedId"] for key in kept},
        "courses": {
            key for key, each in whole["courses"].items() if each["org"]["sourcedId"] in kept
        },
        "classes": classes,
        "users": people,
        "demographics": whole["demographics"].keys() & students,
        "enrollments": {
            key
            for key, each in whole["enrollments"].items()
            if each["school"]["sourcedId"] in kept
            and (each["user"]["sourcedId"] in people or each["status"] == "tobedeleted")
        },
        "terms of classes": terms,
    }


def orgs_of(user: dict[str, Any], roles: set[str] | None) -> set[str]:
    """The orgs at which the user has one of these roles, or any."""
    if "role" in user:
        has_role = roles is None or user["role"] in roles
        return {org["sourcedId"] for org in user["orgs"]} if has_role else set()
    return {
        role["org"]["sourcedId"] for role in user["roles"] if roles is None or role["role"] in roles
    }


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("count", [1, 2])
async def test_g5_a_limited_connection_sees_exactly_its_schools_records(
    town: Town, version: Version, count: int
) -> None:
    assert len(town.schools) > 2
    kept = tuple(town.schools[:count])
    whole = await pull_all(await town.client(version), version, filter=EVER)
    seen = await pull_all(await town.client(version, kept), version, filter=EVER)
    wanted = expected(whole, set(kept))
    assert wanted.pop("terms of classes") <= seen["academicSessions"].keys()
    for name, ids in wanted.items():
        assert seen[name].keys() == ids, name
        assert 0 < len(ids) < len(whole[name]), name


def references(node: object) -> Iterable[tuple[str, str]]:
    """Type and id of every reference in a document."""
    if isinstance(node, dict):
        if node.keys() == {"href", "sourcedId", "type"}:
            yield node["type"], node["sourcedId"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


@pytest.mark.parametrize("version", list(Version))
async def test_g5_every_reference_within_a_scope_resolves_within_it(
    town: Town, version: Version
) -> None:
    client = await town.client(version, (town.schools[0],))
    known = {
        Entity(name).single: records
        for name, records in (await pull_all(client, version, filter=EVER)).items()
    }
    seen = await pull_all(client, version)
    found = [each for records in seen.values() for each in references(list(records.values()))]
    assert {kind for kind, _ in found} == {"org", "user", "class", "course", "academicSession"}
    dangling = {(kind, key) for kind, key in found if key not in known[kind]}
    assert dangling == set()


@pytest.mark.parametrize("version", list(Version))
async def test_g5_no_answer_names_anything_of_another_school(town: Town, version: Version) -> None:
    """Every endpoint, every id there is, every way of asking: searched for foreign ids as text."""
    own = (town.schools[0],)
    client = await town.client(version, own)
    whole = await pull_all(await town.client(version), version, filter=EVER)
    seen = await pull_all(client, version, filter=EVER)
    foreign = {
        (Entity(name).single, key)
        for name in whole
        for key in whole[name].keys() - seen[name].keys()
    }
    # Who has left the school's classes has been there.
    former = {
        each["user"]["sourcedId"]
        for each in seen["enrollments"].values()
        if each["status"] == "tobedeleted"
    }
    foreign = {(kind, key) for kind, key in foreign if key not in former}
    texts = [json.dumps(seen)]
    named: set[tuple[str, str]] = set()
    for endpoint in dialect_of(version).endpoints:
        if endpoint.entity in ROSTER:
            found = await every_answer(client, dialect_of(version), endpoint, whole)
            named |= {
                (endpoint.entity.single, key)
                for text in found
                for key in re.findall(r'\{"sourcedId":"([^"]+)","status"', text)
            }
            texts += found
    named |= {each for text in texts for each in references(json.loads(text))}
    assert named & foreign == set()
    assert ("org", town.schools[0]) in named
    # In whatever member, also as a part of an address.
    guids = {key for _, key in foreign if GUID.fullmatch(key)}
    assert guids & {guid for text in texts for guid in GUID.findall(text)} == set()
    assert len(texts) > 100


async def every_answer(
    client: httpx.AsyncClient, dialect: Dialect, endpoint: Endpoint, whole: dict[str, Records]
) -> list[str]:
    """The texts of successful answers for ids of the whole district in the endpoint's address."""
    path = dialect.path(endpoint)
    names = re.findall(r"\{(\w+)\}", path)
    if not names:
        return [(await client.get(path, params={"limit": "5000", "filter": EVER})).text]
    texts = []
    ids = [sample(collection_of(name, endpoint), whole) for name in names]
    for chosen in zip(*ids, strict=False):
        address = path
        for name, key in zip(names, chosen, strict=True):
            address = address.replace(f"{{{name}}}", key)
        answer = await client.get(address)
        assert answer.status_code in {200, 404}, answer.text
        if answer.status_code == 200:
            texts.append(answer.text)
    return texts


def collection_of(name: str, endpoint: Endpoint) -> str:
    """Where the ids of a placeholder come from."""
    if name == "sourcedId":
        return endpoint.entity.value
    kind = name.removesuffix("SourcedId")
    return {
        "class": "classes",
        "school": "orgs",
        "term": "academicSessions",
        "course": "courses",
    }.get(kind, "users")


def sample(collection: str, whole: dict[str, Records]) -> list[str]:
    """Up to 60 ids, spread over the collection."""
    ids = sorted(whole[collection])
    return ids[:: max(1, len(ids) // 60)]


PATHS = (
    ("users", "roles.org.sourcedId='{school}'"),
    ("users", "primaryOrg.sourcedId='{school}'"),
    ("users", "agents.sourcedId='{user}'"),
    ("users", "sourcedId='{user}'"),
    ("users", "sourcedId='{user}' OR sourcedId='{school}'"),
    ("orgs", "children.sourcedId='{school}'"),
    ("orgs", "sourcedId='{school}'"),
    ("classes", "school.sourcedId='{school}'"),
    ("courses", "org.sourcedId='{school}'"),
    ("enrollments", "school.sourcedId='{school}'"),
    ("enrollments", "user.sourcedId='{user}'"),
    ("demographics", "sourcedId='{user}'"),
)


@pytest.mark.parametrize(("collection", "condition"), PATHS)
async def test_g5_no_filter_finds_what_stands_in_another_school(
    town: Town, collection: str, condition: str
) -> None:
    client = await town.client(Version.V1P2, (town.schools[0],))
    users = f"{EDTECH_V1P2.paths[Service.ROSTERING]}/users"
    everything = await pull(await town.client(Version.V1P2), users)
    own = await pull(client, users)
    strangers = sorted(
        key
        for key in everything.keys() - own.keys()
        if "student" in json.dumps(everything[key]["roles"])
    )
    wanted = condition.format(school=town.schools[1], user=strangers[0])
    for more in ("", f" AND {EVER}"):
        answer = await client.get(
            f"/ims/oneroster/rostering/v1p2/{collection}", params={"filter": wanted + more}
        )
        assert answer.status_code == 200, answer.text
        assert (answer.json(), answer.headers["X-Total-Count"]) == ({collection: []}, "0")


async def transfer(town: Town, student: str, school: str) -> None:
    """Move a student's memberships to another school."""
    calendar = await town.chain.sis.fetchval(
        "SELECT c.calendar_id FROM sis.calendar c JOIN sis.school_year y USING (school_year_id) "
        "WHERE c.school_guid = $1::uuid AND y.active AND NOT c.lms_exclude",
        school,
    )
    await town.chain.sis.execute(
        "UPDATE sis.enrollment SET calendar_id = $1, grade_level_id = (SELECT min(grade_level_id) "
        "FROM sis.grade_level WHERE calendar_id = $1 AND NOT lms_exclude) WHERE person_id = "
        "(SELECT person_id FROM sis.person WHERE person_guid = $2::uuid)",
        calendar,
        student,
    )


async def test_g5_who_leaves_a_school_is_a_tombstone_to_its_vendor_alone(town: Town) -> None:
    here, there = town.schools[:2]
    reader = town.chain.store.reader
    old, new = await town.client(Version.V1P2, (here,)), await town.client(Version.V1P2, (there,))
    whole = await town.client(Version.V1P2)
    address = "/ims/oneroster/rostering/v1p2/users"
    student = await reader.fetchval(
        "SELECT sourced_id FROM v1p2.users WHERE schools = ARRAY[$1] AND is_student "
        "AND status = 'active' AND document LIKE '%agents%' ORDER BY 1 LIMIT 1",
        here,
    )
    before = (await old.get(f"{address}/{student}")).json()["user"]
    since = max(each["dateLastModified"] for each in (await pull(whole, address)).values())
    await transfer(town, student, there)
    await town.chain.sync()
    later = f"dateLastModified>'{since}'"
    left = await pull(old, address, filter=later)
    assert left[student]["status"] == "tobedeleted"
    assert left[student] | {"status": "active", "dateLastModified": ""} == before | {
        "dateLastModified": ""
    }
    assert there not in json.dumps(left)
    came = await pull(new, address, filter=later)
    assert came[student]["status"] == "active"
    assert here not in json.dumps(came)
    assert (await pull(whole, address, filter=later))[student]["status"] == "active"
    assert student not in await pull(old, address)
    assert (await old.get(f"{address}/{student}")).json()["user"]["status"] == "tobedeleted"
    agents = {agent["sourcedId"] for agent in before["agents"]}
    assert {key: came[key]["status"] for key in agents} == dict.fromkeys(agents, "active")


async def test_g5_a_score_that_leaves_a_school_is_a_tombstone_to_its_vendor_alone(
    town: Town,
) -> None:
    here, there = town.schools[:2]
    reader = town.chain.store.reader
    student = await reader.fetchval(
        "SELECT sourced_id FROM v1p2.users WHERE schools = ARRAY[$1] AND is_student "
        "AND status = 'active' ORDER BY 1 LIMIT 1",
        here,
    )
    score = assessment_result(BATTERY, comment="as it was").but(student=ref(student))
    await put(reader, assessment(BATTERY, "Fall"), score)
    await town.chain.sync_records()
    old, new = await town.client(Version.V1P2, (here,)), await town.client(Version.V1P2, (there,))
    address = "/ims/oneroster/gradebook/v1p2/assessmentResults"
    before = await pull(old, address)
    assert (list(before), await pull(new, address)) == ([score.sourced_id], {})
    await transfer(town, student, there)
    await town.chain.sync()
    await put(reader, score.but(comment="for the new school"))
    await town.chain.sync_records()
    later = f"dateLastModified>'{before[score.sourced_id]['dateLastModified']}'"
    left = await pull(old, address, filter=later)
    assert left[score.sourced_id]["status"] == "tobedeleted"
    assert left[score.sourced_id]["comment"] == "as it was"
    of_line_item = f"assessmentLineItem.sourcedId='{BATTERY}' AND {later}"
    assert list(await pull(old, address, filter=of_line_item)) == [score.sourced_id]
    assert await pull(old, address) == {}
    came = await pull(new, address, filter=later)
    assert came[score.sourced_id]["comment"] == "for the new school"
