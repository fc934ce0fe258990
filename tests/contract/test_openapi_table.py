"""The endpoint table says what the standard says: operations, scopes, parameters, tags, keys."""

from typing import Any

import pytest

from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2
from rosterline.api.endpoints import Endpoint, Service, Shape
from rosterline.api.openapi.documents import build_service_document
from rosterline.api.operations import V1P1, V1P2
from rosterline.api.query.fields import members
from rosterline.api.write_operations import STANDARD_V1P2, TIMEBACK, WRITES_V1P1, WRITES_V1P2
from rosterline.oneroster.scopes import ROSTER_DEMOGRAPHICS
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from tests.support.api import BASE_URL
from tests.support.official import official

Node = dict[str, Any]
IDS = [endpoint.operation_id for endpoint in V1P2]
DOCUMENTS: dict[Service, Node] = {
    service: build_service_document(EDTECH_V1P2, service, BASE_URL, "") for service in Service
}
OWN_PARAMETERS = {"cursor", "search", "If-None-Match", "Prefer", "Rosterline-Wait"}
STANDARD = (*V1P2, *STANDARD_V1P2)
STANDARD_IDS = [endpoint.operation_id for endpoint in STANDARD]
WRITE_IDS = [endpoint.operation_id for endpoint in STANDARD_V1P2]
SERVICE_OF = {row.entity: row.service for row in V1P2}


def described(endpoint: Endpoint) -> Node:
    """The operation as our own document tells it."""
    operation: Node = DOCUMENTS[endpoint.service]["paths"][endpoint.path][endpoint.method.lower()]
    return operation


def theirs_of(endpoint: Endpoint) -> Node:
    """The operation as 1EdTech tells it."""
    operation: Node = official(endpoint.service)["paths"][endpoint.path][endpoint.method.lower()]
    return operation


def key_of(service: Service, schema: Node) -> str:
    """The one member of a body that 1EdTech describes."""
    name = schema["$ref"].rpartition("/")[2]
    (key,) = official(service)["components"]["schemas"][name]["properties"]
    return str(key)


def named(service: Service, parameter: Node) -> Node:
    """A parameter, also where it is a reference."""
    if "$ref" not in parameter:
        return parameter
    found: Node = DOCUMENTS[service]["components"]["parameters"][
        parameter["$ref"].rpartition("/")[2]
    ]
    return found


def facts(parameter: Node) -> tuple[str, str, bool, str | None]:
    """What a caller must know of a parameter."""
    schema = parameter["schema"]
    return parameter["name"], parameter["in"], parameter.get("required", False), schema["type"]


@pytest.mark.parametrize("service", list(Service))
def test_the_table_has_every_operation_of_1edtech_and_no_other(service: Service) -> None:
    operations = {
        (method.upper(), path, operation["operationId"])
        for path, methods in official(service)["paths"].items()
        for method, operation in methods.items()
    }
    rows = [row for row in STANDARD if row.service is service]
    assert {(row.method, row.path, row.operation_id) for row in rows} == operations


def test_the_operations_are_as_many_as_the_standards() -> None:
    counts = {service: sum(row.service is service for row in V1P2) for service in Service}
    assert counts == {Service.ROSTERING: 41, Service.GRADEBOOK: 19, Service.RESOURCES: 5}
    older = {service: sum(row.service is service for row in V1P1) for service in Service}
    assert older == {Service.ROSTERING: 41, Service.GRADEBOOK: 10, Service.RESOURCES: 4}
    assert (len(STANDARD_V1P2), len(WRITES_V1P1), len(TIMEBACK)) == (16, 6, 12)
    for rows in ((*V1P1, *WRITES_V1P1), (*V1P2, *WRITES_V1P2)):
        assert len({row.operation_id for row in rows}) == len(rows)
        assert len({(row.service, row.method, row.path) for row in rows}) == len(rows)


@pytest.mark.parametrize("endpoint", STANDARD, ids=STANDARD_IDS)
def test_scopes_and_tags_are_1edtechs(endpoint: Endpoint) -> None:
    theirs = theirs_of(endpoint)
    ours = described(endpoint)
    assert set(theirs["security"][0]["OAuth2CC"]) == set(endpoint.scopes)
    assert {scope for each in ours["security"] for scope in each["OAuth2"]} == set(endpoint.scopes)
    assert ours["tags"] == theirs["tags"]


@pytest.mark.parametrize("endpoint", STANDARD, ids=STANDARD_IDS)
def test_parameters_are_1edtechs_and_our_own(endpoint: Endpoint) -> None:
    theirs = theirs_of(endpoint)
    expected = {facts(parameter) for parameter in theirs["parameters"]}
    ours = [named(endpoint.service, each) for each in described(endpoint)["parameters"]]
    assert expected == {facts(each) for each in ours if each["name"] not in OWN_PARAMETERS}
    for parameter in ours:
        assert parameter["description"]
        assert "example" in parameter or "examples" in parameter or parameter["name"] == "cursor"


@pytest.mark.parametrize("endpoint", V1P2, ids=IDS)
def test_the_answer_has_1edtechs_key_and_headers(endpoint: Endpoint) -> None:
    theirs = theirs_of(endpoint)["responses"]["200"]
    schema = theirs["content"]["application/json"]["schema"]
    assert key_of(endpoint.service, schema) == endpoint.key
    ours = described(endpoint)["responses"]["200"]
    assert set(ours["content"]["application/json"]["schema"]["properties"]) == {endpoint.key}
    assert set(theirs.get("headers", {})) <= set(ours["headers"])
    assert ("X-Total-Count" in ours["headers"]) is (endpoint.shape is Shape.COLLECTION)


@pytest.mark.parametrize("endpoint", STANDARD_V1P2, ids=WRITE_IDS)
def test_a_write_takes_and_answers_what_1edtechs_does(endpoint: Endpoint) -> None:
    theirs, ours = theirs_of(endpoint), described(endpoint)
    assert ("requestBody" in ours) is ("requestBody" in theirs)
    if "requestBody" in theirs:
        schema = theirs["requestBody"]["content"]["application/json"]["schema"]
        own = ours["requestBody"]["content"]["application/json"]["schema"]
        assert key_of(endpoint.service, schema) == endpoint.key
        assert set(own["properties"]) == {endpoint.key}
    for status in ("201", "204"):
        assert (status in ours["responses"]) is (status in theirs["responses"])
        content = theirs["responses"].get(status, {}).get("content")
        own_content = ours["responses"].get(status, {}).get("content")
        assert (content is None) is (own_content is None)
        if content is not None:
            key = key_of(endpoint.service, content["application/json"]["schema"])
            assert set(own_content["application/json"]["schema"]["properties"]) == {key}
    # Nobody is refused for too many requests who has a token.
    assert set(theirs["responses"]) - {"default", "429"} <= set(ours["responses"])


def test_1_1_asks_for_the_same_scopes_where_it_has_them() -> None:
    newer = {row.operation_id: row for row in EDTECH_V1P2.operations}
    for row in EDTECH_V1P1.operations:
        of_newer = {scope.replace("v1p2", "v1p1") for scope in newer[row.operation_id].scopes}
        assert set(row.scopes) <= of_newer
        assert row.scopes
        assert row.path == newer[row.operation_id].path


def test_only_demographics_need_their_own_scope() -> None:
    paths = {row.path for row in V1P2 if ROSTER_DEMOGRAPHICS in row.scopes}
    assert paths == {"/demographics", "/demographics/{sourcedId}"}


@pytest.mark.parametrize("entity", list(Entity))
def test_fields_can_name_just_what_the_standard_knows(entity: Entity) -> None:
    name = entity.single[0].upper() + entity.single[1:]
    schema = official(SERVICE_OF[entity])["components"]["schemas"][f"{name}DType"]
    assert members(Collection(Version.V1P2, entity)) == set(schema["properties"])
