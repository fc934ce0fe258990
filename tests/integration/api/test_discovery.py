"""Each service of 1.2 tells what it supports, by both names of the file, without a token."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from rosterline.api.dialects import APP_NAME, DIALECTS, Dialect
from rosterline.api.endpoints import Service
from rosterline.oneroster.vocabulary import Version
from tests.support.api import BASE_URL, serving
from tests.support.servers import Databases

NAMES = {
    Service.ROSTERING: (
        "onerosterv1p2rostersservice_openapi3_v1p0.json",
        "imsorv1p2_rostering_openapi3_v1p0.json",
    ),
    Service.GRADEBOOK: (
        "onerosterv1p2gradebookservice_openapi3_v1p0.json",
        "imsorv1p2_gradebook_openapi3_v1p0.json",
    ),
    Service.RESOURCES: (
        "onerosterv1p2resourcesservice_openapi3_v1p0.json",
        "imsorv1p2_resources_openapi3_v1p0.json",
    ),
}
SERVICES = [
    (dialect, service)
    for dialect in DIALECTS
    if dialect.version is Version.V1P2
    for service in Service
]
IDS = [f"{dialect.name}-{service}" for dialect, service in SERVICES]


def root(dialect: Dialect, service: Service) -> str:
    """The service's address, for the connection `acme`."""
    return (dialect.prefix + dialect.paths[service]).replace(APP_NAME, "acme")


def texts(node: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


@pytest.mark.parametrize(("dialect", "service"), SERVICES, ids=IDS)
async def test_a_service_tells_just_what_it_supports(
    databases: Databases, dialect: Dialect, service: Service
) -> None:
    async with serving(databases.dsn) as served:
        first, second = [
            await served.http.get(f"{root(dialect, service)}/discovery/{name}")
            for name in NAMES[service]
        ]
        assert first.status_code == second.status_code == 200
        assert first.headers["content-type"] == "application/json"
        assert first.content == second.content
        document = first.json()
        errors = OpenAPIV30SpecValidator(document).iter_errors()
        assert [error.message for error in errors] == []
        assert document["openapi"].startswith("3.0.")
        assert [server["url"] for server in document["servers"]] == [
            BASE_URL + root(dialect, service)
        ]
        assert {
            (path, method, operation["operationId"])
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        } == {
            (row.path, row.method.lower(), row.operation_id)
            for row in dialect.operations
            if row.service is service
        }
        (scheme,) = document["components"]["securitySchemes"].values()
        flow = scheme["flows"]["clientCredentials"]
        assert flow["tokenUrl"] == BASE_URL + dialect.token_path
        assert APP_NAME not in "".join(texts(document))


async def test_an_application_is_told_its_own_address_whatever_its_name(
    databases: Databases,
) -> None:
    async with serving(databases.dsn) as served:
        folder = "/api/oneroster/v1p2/a%2Fb%20%22c/ims/oneroster/rostering/v1p2/discovery"
        answer = await served.http.get(f"{folder}/{NAMES[Service.ROSTERING][0]}")
        # A slash in a name ends the segment; there is no connection of such a name.
        assert answer.status_code == 404
        folder = "/api/oneroster/v1p2/a%20%22c/ims/oneroster/rostering/v1p2"
        answer = await served.http.get(f"{folder}/discovery/{NAMES[Service.ROSTERING][0]}")
        assert answer.json()["servers"][0]["url"] == f"{BASE_URL}{folder}"


@pytest.mark.parametrize(
    "path",
    [
        "/ims/oneroster/rostering/v1p2/discovery/imsorv1p2_gradebook_openapi3_v1p0.json",
        "/ims/oneroster/rostering/v1p2/discovery",
        "/ims/oneroster/v1p1/discovery/imsorv1p2_rostering_openapi3_v1p0.json",
    ],
)
async def test_there_is_no_other_file(databases: Databases, path: str) -> None:
    async with serving(databases.dsn) as served:
        assert (await served.http.get(path)).status_code == 404
