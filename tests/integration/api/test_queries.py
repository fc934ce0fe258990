"""The query language over HTTP: what consumers ask, in every dialect, and what attackers try."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from rosterline.api.access import connections
from rosterline.api.dialects import (
    CAMPUS_APP_V1P1,
    CAMPUS_V1P2,
    DIALECTS,
    EDTECH_V1P1,
    EDTECH_V1P2,
    Dialect,
)
from rosterline.api.endpoints import NUMBERS
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.scopes import KNOWN
from rosterline.oneroster.vocabulary import WRITTEN_COLLECTIONS, Collection, Entity, Version
from tests.support.api import ONE_OF_EACH, Served, client_for, serving, stamp, user
from tests.support.documents import make_records, store
from tests.support.servers import fresh_databases

pytestmark = pytest.mark.asyncio(loop_scope="module")
OLDER = [Collection(Version.V1P1, entity) for entity in (Entity.USERS, Entity.ENROLLMENTS)]
Clients = dict[Version, httpx.AsyncClient]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(postgres_server: EmbeddedPostgres) -> AsyncIterator[Served]:
    """A school with one of each, a few more users, and made-up records of other kinds."""
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            await served.read_model.write(
                *ONE_OF_EACH, user("u-1", name="Ada"), user("u-2", "teacher", name="ADA Zoë")
            )
            await served.read_model.write(user("gone", status="tobedeleted"))
            async with served.pool.acquire() as connection:
                for collection in (*WRITTEN_COLLECTIONS, *OLDER):
                    await store(connection, collection, make_records(collection, seed=1, count=30))
            await served.connection.execute(
                "UPDATE rosterline.clock SET last_stamp = $1", stamp(10)
            )
            yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(served: Served) -> AsyncIterator[Clients]:
    """A client for each version, with the token of a connection `<version>`."""
    found = {}
    for version in Version:
        number = NUMBERS[version]
        scopes = [scope for scope in KNOWN[number] if scope.endswith("readonly")]
        made = await connections.add(served.connection, version.value, number, scopes=scopes)
        http = await client_for(served.transport, made)
        found[version] = http
    yield found
    for client in found.values():
        await client.aclose()


def address(dialect: Dialect, operation_id: str) -> str:
    """The path of an operation to the connection of the version's name."""
    (row,) = (row for row in dialect.endpoints if row.operation_id == operation_id)
    return dialect.path(row).replace("{appName}", dialect.version.value)


async def ask(
    clients: Clients, dialect: Dialect, operation_id: str, **parameters: str | int
) -> httpx.Response:
    """A read."""
    path = address(dialect, operation_id)
    return await clients[dialect.version].get(path, params=parameters)


@pytest.mark.parametrize(
    ("operation_id", "text", "expected"),
    [
        ("getAllUsers", "status='active'", ["student-1", "teacher-1", "u-1", "u-2"]),
        ("getAllUsers", "status='tobedeleted'", ["gone"]),
        ("getAllUsers", "givenName='ada'", ["u-1"]),
        ("getAllUsers", "givenName~'ADA'", ["u-1", "u-2"]),
        ("getAllUsers", "givenName='ZOË' AND status!='tobedeleted'", ["student-1", "teacher-1"]),
        (
            "getAllUsers",
            "familyName='o''hara \"the \\\\ READER\"' AND sourcedId>'u'",
            ["u-1", "u-2"],
        ),
        ("getAllUsers", "email='U-1@example.org'", ["u-1"]),
        ("getAllUsers", "roles.role='teacher'", ["teacher-1", "u-2"]),
        ("getAllUsers", "roles.org.sourcedId~'school-9,school-1' AND enabledUser='TRUE'", 4),
        ("getAllUsers", "(sourcedId='u-1' OR sourcedId='u-2') AND roles.role='teacher'", ["u-2"]),
        ("getAllUsers", "userIds.identifier='17' AND grades='09'", 4),
        ("getAllUsers", "middleName!='x'", []),
        ("getAllOrgs", "type='school'", ["school-1"]),
        ("getAllOrgs", "name~'überlingen'", ["district-1", "school-1"]),
        ("getAllOrgs", "parent.sourcedId='district-1'", ["school-1"]),
        ("getAllSchools", "identifier='0042'", ["school-1"]),
        ("getAllClasses", "title~'ma1 0'", ["class-1"]),
        ("getAllClasses", "terms.sourcedId='term-1' AND periods='1'", ["class-1"]),
        ("getAllClasses", "terms.sourcedId='term-1,term-2'", []),
        ("getAllTerms", "startDate<='2026-08-15' AND endDate>'2026-08-15T10:00:00Z'", ["term-1"]),
        ("getAllEnrollments", "class.sourcedId='class-1' AND role='student'", ["enrollment-1"]),
        (
            "getAllEnrollments",
            "user.sourcedId='student-1' OR school.sourcedId='x'",
            ["enrollment-1"],
        ),
        ("getAllEnrollments", "primary=false", 2),
        ("getAllDemographics", "birthDate>'2011-03-03T23:59:59Z'", ["student-1"]),
    ],
)
async def test_what_consumers_ask_is_answered(
    clients: Clients, operation_id: str, text: str, expected: list[str] | int
) -> None:
    answer = await ask(clients, EDTECH_V1P2, operation_id, filter=text)
    assert answer.status_code == 200, answer.text
    (records,) = answer.json().values()
    ids = [record["sourcedId"] for record in records]
    assert (len(ids) if isinstance(expected, int) else ids) == expected
    assert answer.headers["X-Total-Count"] == str(len(ids))


async def test_numbers_compare_as_numbers(clients: Clients) -> None:
    answer = await ask(
        clients, EDTECH_V1P2, "getAllResults", filter="score>=9", sort="score", orderBy="desc"
    )
    scores = [float(record["score"]) for record in answer.json()["results"]]
    assert scores == sorted(scores, reverse=True)
    assert {85.0, 100.0} <= set(scores)
    assert min(scores) >= 9


async def test_search_looks_through_names_and_titles(clients: Clients) -> None:
    for operation_id, words, expected in (
        ("getAllUsers", "ada", ["u-1", "u-2"]),
        ("getAllTeachers", "zoë ADA", ["u-2"]),
        ("getAllUsers", "u-1@", ["u-1"]),
        ("getAllUsers", "nobody", []),
        ("getAllCourses", "gebra", ["course-1"]),
    ):
        answer = await ask(clients, EDTECH_V1P2, operation_id, search=words, fields="sourcedId")
        (records,) = answer.json().values()
        assert [record["sourcedId"] for record in records] == expected


async def test_fields_lead_into_references_and_lists(clients: Clients) -> None:
    fields = "sourcedId,roles.org.sourcedId"
    answer = await ask(clients, EDTECH_V1P2, "getAllUsers", fields=fields, limit=1)
    assert answer.json() == {
        "users": [{"sourcedId": "student-1", "roles": [{"org": {"sourcedId": "school-1"}}]}]
    }


@pytest.mark.parametrize("operation_id", ["getAllUsers", "getAllEnrollments", "getAllResults"])
@pytest.mark.parametrize("sort", ["metadata.x", "status", "dateLastModified", "sourcedId"])
async def test_links_lead_through_any_order(clients: Clients, operation_id: str, sort: str) -> None:
    everything = await ask(clients, EDTECH_V1P1, operation_id, sort=sort, orderBy="desc")
    (whole,) = everything.json().values()
    page = await ask(clients, EDTECH_V1P1, operation_id, sort=sort, orderBy="desc", limit=4)
    walked = []
    while True:
        (records,) = page.json().values()
        walked += records
        if "next" not in page.links:
            break
        page = await clients[Version.V1P1].get(page.links["next"]["url"])
    assert len(whole) > 4
    assert walked == whole


async def test_1_1_tells_what_it_ignored_beside_all_data(clients: Clients) -> None:
    answer = await ask(clients, EDTECH_V1P1, "getAllUsers", fields="role,hat", sort="shoeSize")
    assert answer.status_code == 200
    body = answer.json()
    assert all("sourcedId" in record for record in body["users"])
    told = [
        (each["imsx_codeMajor"], each["imsx_severity"], each["imsx_codeMinor"])
        for each in body["statusInfoSet"]
    ]
    assert told == [
        ("success", "warning", "invalid_selection_field"),
        ("success", "warning", "invalid_sort_field"),
    ]
    blank = await ask(clients, EDTECH_V1P1, "getAllUsers", fields="role,")
    assert blank.status_code == 400
    (status,) = blank.json()["statusInfoSet"]
    assert status["imsx_codeMinor"] == "invalid_blank_selection_field"


async def test_campus_refuses_with_its_own_words(clients: Clients) -> None:
    refused = await ask(clients, CAMPUS_V1P2, "getAllUsers", limit=100, offset=150)
    assert refused.status_code == 422
    assert refused.json()["imsx_description"] == (
        "Invalid data; offset is not a modulus of limit: Invalid parameter 'offset' value of '150'."
    )
    older = await ask(clients, CAMPUS_APP_V1P1, "getAllUsers", limit=60000)
    assert older.status_code == 422
    (status,) = older.json()["statusInfoSet"]
    assert status["imsx_description"] == (
        "Invalid data: Pagination limit value must not be greater than 50000: "
        "Invalid parameter 'limit' value of '60000'."
    )


async def test_campus_has_its_names_and_no_case(clients: Clients) -> None:
    text = "userSourcedId='STUDENT-1' AND classSourcedId ='CLASS-1' AND role='Student'"
    found = await ask(clients, CAMPUS_V1P2, "getAllEnrollments", filter=text)
    assert [record["sourcedId"] for record in found.json()["enrollments"]] == ["enrollment-1"]
    years = await ask(
        clients, CAMPUS_V1P2, "getAllAcademicSessions", filter="type='SCHOOLYEAR'", fields="type"
    )
    assert {"type": "schoolYear"} in years.json()["academicSessions"]
    refused = await ask(clients, EDTECH_V1P2, "getAllEnrollments", filter=text)
    assert refused.status_code == 400
    exact = await ask(
        clients, EDTECH_V1P2, "getAllEnrollments", filter="user.sourcedId='STUDENT-1'"
    )
    assert exact.json() == {"enrollments": []}


NASTY = [
    "'; DROP TABLE v1p2.users; --",
    "' OR '1'='1",
    "x' UNION SELECT secret_hash FROM rosterline.connection --",
    "$1",
    "{0}",
    "%s",
    "\\'; SELECT pg_sleep(9) --",
    "a'||pg_sleep(9)||'",
    "x\"}' ? (@ == 1)",
    "$.**",
    "*",
    "\u202e\u0000",
    "\ud7ff\uffff",
    "9" * 400,
    "(" * 400,
    "-1e99",
    "metadata.x'; --",
    'metadata."x"',
]


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize(
    "dialect", [each for each in DIALECTS if not each.is_xporter], ids=lambda each: each.name
)
async def test_nothing_of_a_request_reaches_the_database_as_text(
    clients: Clients, dialect: Dialect, nasty: str
) -> None:
    quoted = nasty.replace("'", "''").replace("\\", "\\\\")
    for operation_id in ("getAllUsers", "getAllEnrollments", "getAllResults"):
        for parameters in (
            {"filter": nasty},
            {"filter": f"{nasty}='x'"},
            {"filter": f"status='{nasty}'"},
            {"filter": f"sourcedId='{quoted}'"},
            {"filter": f"metadata.x~'{quoted}'"},
            {"filter": f"metadata.{nasty}='x'"},
            {"sort": nasty},
            {"sort": f"metadata.{nasty}"},
            {"fields": nasty},
            {"search": nasty},
            {"cursor": nasty},
            {"limit": nasty},
            {"orderBy": nasty},
        ):
            answer = await ask(clients, dialect, operation_id, **parameters)
            assert answer.status_code in {200, 400, 422}, answer.text
            if "sourcedId" in parameters.get("filter", "") and answer.status_code == 200:
                (records,) = answer.json().values()
                assert records == []
    assert json.loads((await ask(clients, EDTECH_V1P2, "getAllUsers")).text)["users"]
