"""What is served is valid: every operation's answers, over a generated district.

Those of 1.2 by 1EdTech's own files, those of all dialects by the documents that are served.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker

from rosterline.api.dialects import DIALECTS, EDTECH_V1P2, XPORTER, Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.openapi.documents import build_document
from rosterline.api.operations import V1P2
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.scopes import RESOURCE_CORE, ROSTER_DEMOGRAPHICS
from rosterline.oneroster.vocabulary import Version
from tests.support.api import BASE_URL
from tests.support.official import official
from tests.support.servers import fresh_databases
from tests.support.whole_district import District, filled, whole_district

pytestmark = pytest.mark.asyncio(loop_scope="module")
Node = dict[str, Any]
IDS = [endpoint.operation_id for endpoint in V1P2]
RELATED = [pytest.param(row, id=row.operation_id) for row in V1P2 if row.relation]
SPOKEN = [(dialect, row) for dialect in DIALECTS for row in dialect.endpoints]
SPOKEN_IDS = [f"{dialect.name}-{row.operation_id}" for dialect, row in SPOKEN]
MANY = "50000"
DOCUMENTS: dict[str, Node] = {each.name: build_document(each, BASE_URL) for each in DIALECTS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def district(postgres_server: EmbeddedPostgres) -> AsyncIterator[District]:
    with fresh_databases(postgres_server) as databases:
        async with whole_district(databases) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def narrow(district: District) -> dict[str, str]:
    """Tokens that have one scope only."""
    scopes = (ROSTER_DEMOGRAPHICS, RESOURCE_CORE)
    return {scope: await district.token(Version.V1P2, scope) for scope in scopes}


def check_official(endpoint: Endpoint, answer: httpx.Response) -> Node:
    """Validate by the schema that 1EdTech gives for this status; what it leaves out is a 400."""
    document = official(endpoint.service)
    responses = document["paths"][endpoint.path]["get"]["responses"]
    found = responses.get(str(answer.status_code), responses["400"])
    schema = found["content"]["application/json"]["schema"]
    body: Node = answer.json()
    Draft4Validator(
        {**schema, "components": document["components"]}, format_checker=FormatChecker()
    ).validate(body)
    assert answer.headers["content-type"] == "application/json"
    return body


def described(dialect: Dialect, endpoint: Endpoint) -> Node:
    """The answers that our own document tells of."""
    answers: Node = DOCUMENTS[dialect.name]["paths"][dialect.path(endpoint)]["get"]["responses"]
    return answers


def check_served(dialect: Dialect, endpoint: Endpoint, answer: httpx.Response) -> Node:
    """Validate by the schema and the headers that our own document gives for this status."""
    document = DOCUMENTS[dialect.name]
    found = described(dialect, endpoint)[str(answer.status_code)]
    if "$ref" in found:
        found = document["components"]["responses"][found["$ref"].rpartition("/")[2]]
    schema = found["content"]["application/json"]["schema"]
    body: Node = answer.json()
    Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=FormatChecker()
    ).validate(body)
    assert set(found.get("headers", {})) <= set(map(restored, answer.headers))
    return body


def restored(name: str) -> str:
    """A header's name as the document writes it."""
    written = {"etag": "ETag", "x-total-count": "X-Total-Count", "link": "Link"}
    return written.get(name, name.title())


@pytest.mark.parametrize("endpoint", V1P2, ids=IDS)
async def test_every_answer_holds_records_and_is_valid_by_1edtech(
    district: District, endpoint: Endpoint
) -> None:
    address = await district.address(EDTECH_V1P2, endpoint)
    answer = await district.get(EDTECH_V1P2, address, limit=MANY)
    assert answer.status_code == 200
    body = check_official(endpoint, answer)
    assert list(body) == [endpoint.key]
    assert body[endpoint.key]
    if endpoint.shape is Shape.COLLECTION:
        assert int(answer.headers["X-Total-Count"]) == len(body[endpoint.key])


@pytest.mark.parametrize("endpoint", V1P2, ids=IDS)
async def test_tombstones_are_valid_by_1edtech(district: District, endpoint: Endpoint) -> None:
    address = await district.address(EDTECH_V1P2, endpoint)
    query = {"filter": "status='tobedeleted'", "limit": MANY}
    answer = await district.get(EDTECH_V1P2, address, **query)
    assert answer.status_code == 200
    check_official(endpoint, answer)


@pytest.mark.parametrize("endpoint", RELATED)
async def test_a_parent_without_members_has_an_empty_list(
    district: District, endpoint: Endpoint
) -> None:
    path = filled(EDTECH_V1P2.path(endpoint), district.lonely(endpoint))
    answer = await district.get(EDTECH_V1P2, path)
    assert answer.status_code == 200
    assert check_official(endpoint, answer) == {endpoint.key: []}
    assert answer.headers["X-Total-Count"] == "0"


@pytest.mark.parametrize("endpoint", V1P2, ids=IDS)
async def test_errors_are_valid_by_1edtech(
    district: District, narrow: dict[str, str], endpoint: Endpoint
) -> None:
    path = await district.address(EDTECH_V1P2, endpoint)
    wrong = await district.get(EDTECH_V1P2, path, fields="shoeSize")
    nobody = await district.get(EDTECH_V1P2, path, token="")
    scope = ROSTER_DEMOGRAPHICS if RESOURCE_CORE in endpoint.scopes else RESOURCE_CORE
    other = await district.get(EDTECH_V1P2, path, token=narrow[scope])
    assert [each.status_code for each in (wrong, nobody, other)] == [400, 401, 403]
    for answer in (wrong, nobody, other):
        check_official(endpoint, answer)
    if endpoint.relation or endpoint.shape is Shape.SINGLE:
        unknown = await district.get(EDTECH_V1P2, made_up(EDTECH_V1P2.path(endpoint)))
        assert unknown.status_code == 404
        check_official(endpoint, unknown)


def made_up(path: str) -> str:
    """A path of the endpoint table with ids that nothing has."""
    return "/".join("nobody" if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize(("dialect", "endpoint"), SPOKEN, ids=SPOKEN_IDS)
async def test_every_answer_is_as_its_document_says(
    district: District, dialect: Dialect, endpoint: Endpoint
) -> None:
    token = await xporter_token(district) if dialect is XPORTER else None
    path = await district.address(dialect, endpoint, token=token)
    answer = await district.get(dialect, path, token=token, limit="1000")
    assert answer.status_code == 200, answer.text
    body = check_served(dialect, endpoint, answer)
    assert body[endpoint.key]
    tag = answer.headers["ETag"]
    unchanged = await district.get(dialect, path, token=token, tag=tag, limit="1000")
    assert unchanged.status_code == 304
    assert "304" in described(dialect, endpoint)
    for query in ({"fields": ""}, {"filter": "shoeSize='42'"}):
        wrong = await district.get(dialect, path, token=token, **query)
        if wrong.status_code != 200:
            check_served(dialect, endpoint, wrong)
    refused = await district.get(dialect, path, token="")
    assert refused.status_code == 401
    check_served(dialect, endpoint, refused)


async def xporter_token(district: District) -> str:
    """A token for the school of the class."""
    vendor = district.vendors[Version.V1P1]
    name = f"{vendor.app}|{district.row['estab']}"
    answer = await district.served.http.post(XPORTER.token_path, auth=(name, vendor.client_secret))
    token: str = answer.json()["access_token"]
    return token
