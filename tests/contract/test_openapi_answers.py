"""What is served is valid against 1EdTech's own OpenAPI file, answer by answer."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from jsonschema import Draft4Validator, FormatChecker

from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.operations import ROSTERING_V1P2 as ENDPOINTS
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.v1p2 import ROSTERING_PATH
from tests.support.api import ONE_OF_EACH, Served, serving
from tests.support.official import read_official
from tests.support.servers import fresh_databases

pytestmark = pytest.mark.asyncio(loop_scope="module")
Node = dict[str, Any]
IDS = [endpoint.operation_id for endpoint in ENDPOINTS]


@pytest.fixture(scope="module")
def official() -> Node:
    return read_official("onerosterv1p2rostersservice_openapi3_v1p0.json")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(postgres_server: EmbeddedPostgres) -> AsyncIterator[Served]:
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            await served.read_model.write(*ONE_OF_EACH)
            await served.authorize()
            yield served


def check(official: Node, endpoint: Endpoint, answer: httpx.Response, *, described: str) -> Node:
    """Validate the body against the schema that the file gives for this status."""
    responses = official["paths"][endpoint.path]["get"]["responses"]
    schema = responses[described]["content"]["application/json"]["schema"]
    body: Node = answer.json()
    Draft4Validator(
        {**schema, "components": official["components"]}, format_checker=FormatChecker()
    ).validate(body)
    assert answer.headers["content-type"] == "application/json"
    return body


async def address(served: Served, endpoint: Endpoint) -> str:
    """The endpoint's path, with the id of a record that is there."""
    collection = endpoint.path.removesuffix("/{sourcedId}")
    if endpoint.shape is Shape.COLLECTION:
        return collection
    (records,) = (await served.get(collection)).json().values()
    return f"{collection}/{records[0]['sourcedId']}"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
async def test_answers_are_valid(served: Served, official: Node, endpoint: Endpoint) -> None:
    answer = await served.get(await address(served, endpoint))
    assert answer.status_code == 200
    body = check(official, endpoint, answer, described="200")
    assert list(body) == [endpoint.key]
    assert body[endpoint.key]
    if endpoint.shape is Shape.COLLECTION:
        assert int(answer.headers["X-Total-Count"]) == len(body[endpoint.key])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
async def test_errors_are_valid(served: Served, official: Node, endpoint: Endpoint) -> None:
    path = await address(served, endpoint)
    check(official, endpoint, await served.get(path, fields="shoeSize"), described="400")
    refused = await served.http.get(ROSTERING_PATH + path, headers={"Authorization": ""})
    assert refused.status_code == 401
    check(official, endpoint, refused, described="401")


@pytest.mark.parametrize(
    "endpoint", [row for row in ENDPOINTS if row.shape is Shape.SINGLE], ids=lambda row: row.path
)
async def test_an_unknown_record_is_a_valid_404(
    served: Served, official: Node, endpoint: Endpoint
) -> None:
    answer = await served.get(endpoint.path.replace("{sourcedId}", "nobody"))
    assert answer.status_code == 404
    check(official, endpoint, answer, described="404")
