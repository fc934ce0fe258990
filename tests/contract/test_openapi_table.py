"""The served OpenAPI document says what the endpoint table says, the table what the standard."""

import json
from typing import Any

import pytest

from rosterline.api.attributes import attributes
from rosterline.api.dialects import EDTECH_V1P2
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.openapi import SCHEME, build_document
from rosterline.api.operations import V1P2 as ENDPOINTS
from rosterline.api.scopes import ROSTER_DEMOGRAPHICS
from rosterline.oneroster.vocabulary import Entity
from tests.support.api import BASE_URL
from tests.support.official import read_official

Node = dict[str, Any]
IDS = [endpoint.operation_id for endpoint in ENDPOINTS]
DOCUMENT: Node = build_document(EDTECH_V1P2, BASE_URL)


@pytest.fixture(scope="module")
def official() -> Node:
    return read_official("onerosterv1p2rostersservice_openapi3_v1p0.json")


def test_the_core_has_22_operations_and_demographics_2() -> None:
    demographics = [row for row in ENDPOINTS if row.scopes == (ROSTER_DEMOGRAPHICS,)]
    assert (len(ENDPOINTS) - len(demographics), len(demographics)) == (22, 2)
    assert len(set(IDS)) == len(IDS)


def test_every_endpoint_and_nothing_else_is_described() -> None:
    described = {
        (path, method): operation["operationId"]
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    expected = {(EDTECH_V1P2.path(row), "get"): row.operation_id for row in ENDPOINTS}
    assert described == expected | {("/oauth2/token", "post"): "getToken"}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
def test_scopes_parameters_and_errors_are_described(endpoint: Endpoint) -> None:
    operation = DOCUMENT["paths"][EDTECH_V1P2.path(endpoint)]["get"]
    assert operation["security"] == [{SCHEME: [scope]} for scope in endpoint.scopes]
    names = {parameter["name"] for parameter in operation["parameters"]}
    answers = set(operation["responses"])
    if endpoint.shape is Shape.COLLECTION:
        paging = {"limit", "offset", "sort", "orderBy", "filter", "cursor"}
        assert names == paging | {"fields"}
        assert answers == {"200", "400", "401", "403", "500", "503"}
    else:
        assert names == {"sourcedId", "fields"}
        assert answers == {"200", "400", "401", "403", "404", "500", "503"}


def test_every_reference_in_the_document_resolves() -> None:
    names = set(DOCUMENT["components"]["schemas"])
    text = json.dumps(DOCUMENT)
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used
    assert used <= names


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
def test_the_table_says_what_the_standard_says(endpoint: Endpoint, official: Node) -> None:
    operation = official["paths"][endpoint.path]["get"]
    assert operation["operationId"] == endpoint.operation_id
    assert set(operation["security"][0]["OAuth2CC"]) == set(endpoint.scopes)


@pytest.mark.parametrize("entity", list(Entity))
def test_fields_can_name_just_what_the_standard_knows(entity: Entity, official: Node) -> None:
    name = entity.single[0].upper() + entity.single[1:]
    schema = official["components"]["schemas"][f"{name}DType"]
    assert attributes(entity) == set(schema["properties"])
