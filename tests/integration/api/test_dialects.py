"""The same records at every dialect's addresses, each in its own words."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio

from rosterline.api.access import connections
from rosterline.api.dialects import (
    CAMPUS_APP_V1P1,
    CAMPUS_APP_V1P2,
    CAMPUS_V1P2,
    DIALECTS,
    EDTECH_V1P1,
    EDTECH_V1P2,
    XPORTER,
    XPORTER_PATH,
    Dialect,
)
from rosterline.api.endpoints import NUMBERS, Shape
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster import v1p1
from rosterline.oneroster.v1p1 import in_v1p1
from rosterline.oneroster.vocabulary import Entity, Version
from tests.support.api import BASE_URL, ONE_OF_EACH, Served, Stored, client_for, serving
from tests.support.servers import fresh_databases

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCHOOL = "0a987f90-b6f1-47c1-8967-1a8a1234d563"
WHOLE = [dialect for dialect in DIALECTS if dialect is not XPORTER]
OLDER_USER = v1p1.User.model_validate(
    {
        "sourcedId": "s1",
        "status": "active",
        "username": "zoe",
        "enabledUser": "true",
        "givenName": "Zoë",
        "familyName": "Adams",
        "role": "student",
        "orgs": (v1p1.reference(Entity.ORGS, "school-1"), v1p1.reference(Entity.ORGS, SCHOOL)),
    }
)


def older(stored: Stored) -> Stored:
    """A record as 1.1 has it, with its own addresses."""
    model = type(stored.record)
    text = in_v1p1(stored.record.model_dump_json(by_alias=True, exclude_none=True))
    return replace(stored, record=model.model_validate_json(text), version=Version.V1P1)


OLDER = [
    *(
        older(each)
        for each in ONE_OF_EACH
        if each.entity not in {Entity.USERS, Entity.DEMOGRAPHICS}
    ),
    Stored(Entity.USERS, OLDER_USER, version=Version.V1P1),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(postgres_server: EmbeddedPostgres) -> AsyncIterator[Served]:
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            await served.read_model.write(*ONE_OF_EACH, *OLDER)
            yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(served: Served) -> AsyncIterator[dict[Version, httpx.AsyncClient]]:
    """A client for each version, with the token of a connection `<version>`."""
    found = {}
    for version in Version:
        made = await connections.add(served.connection, version.value, NUMBERS[version])
        http = await client_for(served.transport, made)
        found[version] = http
    yield found
    for client in found.values():
        await client.aclose()


def address(dialect: Dialect, operation_id: str) -> str:
    """The path of an operation to the connection of the version's name."""
    (row,) = (row for row in dialect.endpoints if row.operation_id == operation_id)
    return dialect.path(row).replace("{appName}", dialect.version.value)


@pytest.mark.parametrize("dialect", WHOLE, ids=lambda each: each.name)
async def test_references_lead_to_the_addresses_of_the_dialect(
    clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    client = clients[dialect.version]
    answer = await client.get(address(dialect, "getAllEnrollments"))
    assert answer.status_code == 200, answer.text
    enrollment = answer.json()["enrollments"][0]
    assert enrollment["class"]["href"] == BASE_URL + address(dialect, "getClass").replace(
        "{sourcedId}", "class-1"
    )
    assert (await client.get(enrollment["class"]["href"])).json()["class"]["sourcedId"] == "class-1"
    link = answer.links["first"]["url"]
    assert link.startswith(BASE_URL + address(dialect, "getAllEnrollments"))
    assert (await client.get(link)).json() == answer.json()


async def test_the_standard_has_its_addresses_and_campus_its_prefixes() -> None:
    paths = {dialect.name: address(dialect, "getAllOrgs") for dialect in DIALECTS}
    assert paths == {
        "1edtech-1.2": "/ims/oneroster/rostering/v1p2/orgs",
        "1edtech-1.1": "/ims/oneroster/v1p1/orgs",
        "campus-app-1.2": "/api/oneroster/v1p2/v1p2/ims/oneroster/rostering/v1p2/orgs",
        "campus-1.2": "/campus/api/ims/oneroster/rostering/v1p2/orgs",
        "campus-app-1.1": "/api/oneroster/v1p1/v1p1/ims/oneroster/v1p1/orgs",
        "xporter": "/api/ims/oneroster/v1p1/school/orgs",
    }


@pytest.mark.parametrize("dialect", [CAMPUS_APP_V1P2, CAMPUS_APP_V1P1], ids=lambda each: each.name)
async def test_the_application_in_the_address_must_be_the_callers(
    clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    (row,) = (row for row in dialect.endpoints if row.operation_id == "getAllOrgs")
    path = dialect.path(row).replace("{appName}", "somebody-else")
    answer = await clients[dialect.version].get(path)
    assert answer.status_code == 403
    assert "another application" in answer.text


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
async def test_a_token_of_the_other_version_is_refused(
    clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    (other,) = set(Version) - {dialect.version}
    answer = await clients[other].get(address(dialect, "getAllOrgs"))
    assert answer.status_code == 403
    assert "OneRoster 1." in answer.text


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
async def test_errors_are_written_as_the_version_writes_them(
    clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    client = clients[dialect.version]
    orgs = address(dialect, "getAllOrgs")
    unknown = await client.get(orgs.replace("/orgs", "/teapots"))
    wrong = await client.get(orgs, params={"filter": "shoeSize='9'"})
    method = await client.put(orgs, json={})
    nobody = await client.get(orgs, headers={"Authorization": ""})
    found = [(each.status_code, codes(each, dialect)) for each in (unknown, method, nobody)]
    words = {
        Version.V1P2: ("unknownobject", "invaliddata", "unauthorisedrequest"),
        Version.V1P1: ("unknown object", "invalid data", "unauthorized"),
    }[dialect.version]
    statuses = (404, 405, 401)
    if dialect is XPORTER:
        words, statuses = ("invalid data", "invalid data", "unauthorized"), (400, 400, 401)
    assert found == list(zip(statuses, words, strict=True))
    assert method.headers["Allow"] == "GET, HEAD"
    assert nobody.headers["WWW-Authenticate"].startswith("Bearer")
    if dialect is not XPORTER:
        assert (wrong.status_code, codes(wrong, dialect)) == (400, "invalid_filter_field")
        assert "shoeSize" in wrong.text


BELOW = "/".join("x" * 30)
NO_ADDRESSES = ("", "/", "/orgs/", f"/orgs/{SCHOOL}", "/students", "/auth", "/auth/teapots")


@pytest.mark.parametrize("path", [*NO_ADDRESSES, f"/{BELOW}", f"/orgs/{BELOW}"])
async def test_xporter_answers_what_it_does_not_serve_as_a_bad_request(
    served: Served, path: str
) -> None:
    """Seed 004 lists 200, 400, 401, 403 and 500 alone."""
    for method in ("GET", "POST", "DELETE"):
        answer = await served.http.request(method, f"{XPORTER_PATH}{path}")
        assert (answer.status_code, codes(answer, XPORTER)) == (400, "invalid data")
        assert answer.json()["statusInfoSet"][0]["imsx_codeMajor"] == "failure"


@pytest.mark.parametrize("path", ["orgs", "version", "auth/version"])
async def test_xporter_answers_other_methods_as_bad_requests(served: Served, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = await served.http.request(method, f"{XPORTER_PATH}/{path}")
        assert (answer.status_code, codes(answer, XPORTER)) == (400, "invalid data")


@pytest.mark.parametrize("path", ["", "/orgs"])
async def test_beside_xporters_addresses_there_is_nothing(served: Served, path: str) -> None:
    answer = await served.http.get(f"{XPORTER_PATH}house{path}")
    assert answer.status_code == 404


def codes(answer: httpx.Response, dialect: Dialect) -> str:
    """The minor code of an error, out of the version's own payload."""
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    if dialect.version is Version.V1P2:
        assert body["imsx_codeMajor"] in {"failure", "unsupported"}
        ((field,),) = body["imsx_CodeMinor"].values()
        assert field["imsx_codeMinorFieldName"] == "TargetEndSystem"
        return str(field["imsx_codeMinorFieldValue"])
    (status,) = body["statusInfoSet"]
    assert (status["imsx_codeMajor"], status["imsx_severity"])[1] == "error"
    return str(status["imsx_codeMinor"])


async def test_an_empty_answer_and_a_head_request_are_no_errors(
    clients: dict[Version, httpx.AsyncClient],
) -> None:
    client = clients[Version.V1P2]
    path = address(EDTECH_V1P2, "getAllUsers")
    beyond = await client.get(path, params={"offset": "5000"})
    assert (beyond.status_code, beyond.json()) == (200, {"users": []})
    assert beyond.headers["X-Total-Count"] == "2"
    head = await client.head(path)
    whole = await client.get(path)
    assert head.status_code == 200
    assert head.headers["ETag"] == whole.headers["ETag"]


@pytest.mark.parametrize("dialect", WHOLE, ids=lambda each: each.name)
async def test_what_is_unchanged_is_answered_by_304(
    served: Served, clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    client = clients[dialect.version]
    for operation in ("getAllOrgs", "getOrg"):
        path = address(dialect, operation).replace("{sourcedId}", "school-1")
        before = await client.get(path)
        tag = before.headers["ETag"]
        for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await client.get(path, headers={"If-None-Match": header})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == tag
            assert again.headers["Rosterline-Watermark"]
        other = await client.get(path, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.json()) == (200, before.json())
        await served.read_model.write(*ONE_OF_EACH[:2], *OLDER[:2])
        changed = await client.get(path, headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["Rosterline-Watermark"] > before.headers["Rosterline-Watermark"]


async def test_a_change_on_another_page_is_no_304(
    served: Served, clients: dict[Version, httpx.AsyncClient]
) -> None:
    client, path = clients[Version.V1P2], address(EDTECH_V1P2, "getAllOrgs")
    parameters = {"limit": "1", "filter": "dateLastModified>'1970-01-01'"}
    first = await client.get(path, params=parameters)
    (shown,) = first.json()["orgs"]
    other = next(
        each
        for each in ONE_OF_EACH
        if each.entity is Entity.ORGS and each.record.sourced_id != shown["sourcedId"]
    )
    await served.read_model.write(other)
    again = await client.get(
        path, params=parameters, headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.json()) == (200, first.json())


async def test_xporter_has_six_collections_of_one_school(
    clients: dict[Version, httpx.AsyncClient],
) -> None:
    assert {row.path for row in XPORTER.endpoints} == {
        "/orgs", "/users", "/academicSessions", "/classes", "/courses", "/enrollments"
    }  # fmt: skip
    assert {row.shape for row in XPORTER.endpoints} == {Shape.COLLECTION}
    refused = await clients[Version.V1P1].get(address(XPORTER, "getAllUsers"))
    assert (refused.status_code, codes(refused, XPORTER)) == (403, "forbidden")
    assert XPORTER.token_path in refused.text


@pytest_asyncio.fixture(loop_scope="module")
async def partner(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token of a connection that is limited to one school, with one user."""
    made = await connections.add(served.connection, "rp", "1.1", schools=[SCHOOL])
    await served.read_model.write(
        *(replace(each, schools=(SCHOOL,)) for each in OLDER if each.entity is Entity.USERS),
        Stored(
            Entity.ORGS,
            OLDER[1].record.model_copy(update={"sourced_id": SCHOOL}),
            (SCHOOL,),
            version=Version.V1P1,
        ),
    )
    async with httpx.AsyncClient(transport=served.transport, base_url=BASE_URL) as http:
        token = await http.post(
            EDTECH_V1P1.token_path,
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        yield http
    await connections.remove(served.connection, "rp")


async def test_xporters_users_name_their_orgs_by_id(partner: httpx.AsyncClient) -> None:
    (user,) = (await partner.get(address(XPORTER, "getAllUsers"))).json()["users"]
    assert (user["sourcedId"], user["orgSourcedIds"]) == ("s1", [SCHOOL])
    assert "orgs" not in user
    (usual,) = (await partner.get(address(EDTECH_V1P1, "getAllUsers"))).json()["users"]
    assert [org["sourcedId"] for org in usual["orgs"]] == [SCHOOL]


@pytest.mark.parametrize(
    "fields", ["orgSourcedIds", "orgs", "orgs.sourcedId", "orgs.href", "orgs.href,orgs.type"]
)
async def test_xporters_ids_of_orgs_can_be_chosen_by_every_name(
    partner: httpx.AsyncClient, fields: str
) -> None:
    asked = {"fields": f"sourcedId,{fields}"}
    body = (await partner.get(address(XPORTER, "getAllUsers"), params=asked)).json()
    assert body == {"users": [{"sourcedId": "s1", "orgSourcedIds": [SCHOOL]}]}


async def test_xporters_ids_of_orgs_are_left_out_with_other_fields(
    partner: httpx.AsyncClient,
) -> None:
    asked = {"fields": "username"}
    body = (await partner.get(address(XPORTER, "getAllUsers"), params=asked)).json()
    assert body == {"users": [{"username": "zoe"}]}


@pytest.mark.parametrize(("wanted", "found"), [(SCHOOL, ["s1"]), ("school-1", [])])
async def test_xporters_users_are_found_by_the_ids_of_their_orgs(
    partner: httpx.AsyncClient, wanted: str, found: list[str]
) -> None:
    for name in ("orgSourcedIds", "orgs.sourcedId"):
        asked = {"filter": f"{name}='{wanted}'"}
        answer = await partner.get(address(XPORTER, "getAllUsers"), params=asked)
        assert [user["sourcedId"] for user in answer.json()["users"]] == found


async def test_the_ids_of_orgs_are_xporters_name_alone(partner: httpx.AsyncClient) -> None:
    asked = {"filter": f"orgSourcedIds='{SCHOOL}'"}
    answer = await partner.get(address(EDTECH_V1P1, "getAllUsers"), params=asked)
    assert (answer.status_code, codes(answer, EDTECH_V1P1)) == (400, "invalid_filter_field")
    wrong = await partner.get(address(XPORTER, "getAllOrgs"), params=asked)
    assert (wrong.status_code, codes(wrong, XPORTER)) == (400, "invalid_filter_field")
    assert "orgSourcedIds" in wrong.text


async def test_campus_names_of_its_own_can_be_chosen(
    clients: dict[Version, httpx.AsyncClient],
) -> None:
    path = address(CAMPUS_V1P2, "getAllEnrollments")
    asked = {"fields": "userSourcedId,user.sourcedId,role", "limit": "1"}
    ((shown,),) = (await clients[Version.V1P2].get(path, params=asked)).json().values()
    assert shown.keys() == {"user", "role"}
    assert shown["user"].keys() == {"sourcedId"}


@pytest.mark.parametrize("dialect", [CAMPUS_V1P2, CAMPUS_APP_V1P2, CAMPUS_APP_V1P1])
async def test_campus_gives_tokens_at_its_own_address(served: Served, dialect: Dialect) -> None:
    assert dialect.token_path == "/campus/oauth2/token"
    answer = await served.http.post(
        dialect.token_path,
        data={"grant_type": "client_credentials"},
        auth=(served.vendor.client_id, served.vendor.client_secret),
    )
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"


@pytest.mark.parametrize("dialect", [CAMPUS_V1P2, CAMPUS_APP_V1P2, CAMPUS_APP_V1P1])
async def test_campus_refuses_offsets_and_limits_in_its_own_words(
    clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    client, path = clients[dialect.version], address(dialect, "getAllOrgs")
    between = await client.get(path, params={"limit": "100", "offset": "150"})
    assert between.status_code == 422
    assert "offset is not a modulus of limit" in between.text
    assert "Invalid parameter 'offset' value of '150'." in between.text
    many = await client.get(path, params={"limit": "50001"})
    assert many.status_code == 422
    assert "Pagination limit value must not be greater than 50000" in many.text
    assert "Invalid parameter 'limit' value of '50001'." in many.text
    assert (await client.get(path, params={"limit": "50000"})).status_code == 200
    assert (await client.get(path, params={"limit": "2", "offset": "4"})).status_code == 200


@pytest.mark.parametrize("dialect", [CAMPUS_V1P2, CAMPUS_APP_V1P2, CAMPUS_APP_V1P1])
async def test_campus_knows_its_own_names_and_takes_any_case(
    clients: dict[Version, httpx.AsyncClient], dialect: Dialect
) -> None:
    client, path = clients[dialect.version], address(dialect, "getAllEnrollments")
    for condition in (
        "userSourcedId='student-1' AND classSourcedId='class-1'",
        "userSourcedId='STUDENT-1' AND role='Student'",
        "classSourcedId ='class-1' AND userSourcedId='student-1'",
    ):
        answer = await client.get(path, params={"filter": condition})
        assert answer.status_code == 200, answer.text
        assert [row["sourcedId"] for row in answer.json()["enrollments"]] == ["enrollment-1"]
    ignored = await client.get(path, params={"sort": "shoeSize"})
    assert (ignored.status_code, len(ignored.json()["enrollments"])) == (200, 2)


async def test_1_1_answers_with_a_warning_what_1_2_refuses(
    clients: dict[Version, httpx.AsyncClient],
) -> None:
    older, newer = clients[Version.V1P1], clients[Version.V1P2]
    path = address(EDTECH_V1P1, "getAllOrgs")
    for parameters, code in (
        ({"fields": "name,shoeSize"}, "invalid_selection_field"),
        ({"sort": "shoeSize"}, "invalid_sort_field"),
    ):
        body = (await older.get(path, params=parameters)).json()
        assert body["orgs"] == (await older.get(path)).json()["orgs"]
        (status,) = body["statusInfoSet"]
        assert (status["imsx_codeMajor"], status["imsx_severity"]) == ("success", "warning")
        assert status["imsx_codeMinor"] == code
        assert "shoeSize" in status["imsx_description"]
        answer = await newer.get(address(EDTECH_V1P2, "getAllOrgs"), params=parameters)
        assert answer.status_code == (400 if "fields" in parameters else 200)
    blank = await older.get(path, params={"fields": "name,,type"})
    assert (blank.status_code, codes(blank, EDTECH_V1P1)) == (400, "invalid_blank_selection_field")
    one = await older.get(f"{path}/school-1", params={"fields": "shoeSize"})
    assert one.json()["org"]["sourcedId"] == "school-1"
    assert one.json()["statusInfoSet"][0]["imsx_codeMinor"] == "invalid_selection_field"


async def test_xporter_joins_clauses_by_small_letters(served: Served) -> None:
    made = await connections.add(served.connection, "small", "1.1", schools=[SCHOOL])
    enrollment = next(each for each in OLDER if each.entity is Entity.ENROLLMENTS)
    moved = enrollment.record.model_copy(
        update={"school": v1p1.reference(Entity.ORGS, SCHOOL), "sourced_id": "x1"}
    )
    await served.read_model.write(replace(enrollment, record=moved, schools=(SCHOOL,)))
    async with httpx.AsyncClient(transport=served.transport, base_url=BASE_URL) as http:
        token = await http.post(
            EDTECH_V1P1.token_path,
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        answer = await http.get(
            address(XPORTER, "getAllEnrollments"),
            params={"filter": "class.sourcedId='class-1' and role='student'"},
        )
        assert [row["sourcedId"] for row in answer.json()["enrollments"]] == ["x1"]
