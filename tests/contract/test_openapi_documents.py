"""The served documents are valid, complete, and hold examples that are valid themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from rosterline.api.dialects import (
    APP_NAME,
    DIALECTS,
    EDTECH_V1P2,
    XPORTER,
    XPORTER_PATH,
    Dialect,
)
from rosterline.api.endpoints import NUMBERS, Endpoint, Shape
from rosterline.api.openapi.documents import build_document
from rosterline.api.query.parsing import SEARCHED
from rosterline.oneroster.vocabulary import Version
from tests.support.api import BASE_URL

Node = dict[str, Any]
NAMES = [dialect.name for dialect in DIALECTS]
SPOKEN = [(dialect, row) for dialect in DIALECTS for row in dialect.endpoints]
SPOKEN_IDS = [f"{dialect.name}-{row.operation_id}" for dialect, row in SPOKEN]
WRITTEN = [(dialect, row) for dialect in DIALECTS for row in dialect.writes]
WRITTEN_IDS = [f"{dialect.name}-{row.operation_id}" for dialect, row in WRITTEN]
DOCUMENTS: dict[str, Node] = {each.name: build_document(each, BASE_URL) for each in DIALECTS}
ALWAYS = {"200", "304", "400", "401", "403", "500", "503"}


def resolved(document: Node, node: Node) -> Node:
    """A component, where the node refers to one."""
    while "$ref" in node:
        _, _, kind, name = node["$ref"].split("/")
        node = document["components"][kind][name]
    return node


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Every operation with its path and method."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def faults(document: Node, schema: Node, value: object) -> list[str]:
    """What is wrong with a value."""
    validator = Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=FormatChecker()
    )
    return [error.message for error in validator.iter_errors(value)]


def examples(node: Node) -> list[object]:
    """The examples of a parameter, header or body."""
    several = [each["value"] for each in node.get("examples", {}).values()]
    return [*several, node["example"]] if "example" in node else several


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_valid_openapi(name: str) -> None:
    errors = OpenAPIV31SpecValidator(DOCUMENTS[name]).iter_errors()
    assert [error.message for error in errors] == []


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
def test_every_endpoint_and_nothing_else_is_described(dialect: Dialect) -> None:
    described = {
        (path, method): operation["operationId"]
        for path, method, operation in operations(DOCUMENTS[dialect.name])
    }
    expected = {
        (dialect.path(row), row.method.lower()): row.operation_id for row in dialect.operations
    }
    expected[dialect.token_path, "post"] = "getToken"
    if dialect is EDTECH_V1P2:
        expected |= {("/ingest/batch", "post"): "postBatch", ("/ingest/{id}", "get"): "getCommand"}
    if dialect is XPORTER:
        expected[f"{XPORTER_PATH}/version", "get"] = "getVersion"
        expected[f"{XPORTER_PATH}/auth/version", "get"] = "getAuthVersion"
    assert described == expected
    assert len(set(described.values())) == len(described)


@pytest.mark.parametrize(("dialect", "endpoint"), SPOKEN, ids=SPOKEN_IDS)
def test_parameters_scopes_and_answers_are_described(dialect: Dialect, endpoint: Endpoint) -> None:
    document = DOCUMENTS[dialect.name]
    operation = document["paths"][dialect.path(endpoint)]["get"]
    is_older, is_xporter = dialect.version is Version.V1P1, dialect is XPORTER
    is_collection = endpoint.shape is Shape.COLLECTION
    tokens = [{"OAuth2": [scope]} for scope in endpoint.scopes]
    signed: list[Node] = [{"OAuth1": []}] if is_older and not is_xporter else []
    assert operation["security"] == [*tokens, *signed]
    names = {resolved(document, each)["name"] for each in operation["parameters"]}
    expected = {"fields", "If-None-Match"}
    expected |= {part.strip("{}") for part in dialect.path(endpoint).split("/") if "{" in part}
    if is_collection:
        expected |= {"limit", "offset", "sort", "orderBy", "filter"}
        expected |= set() if is_xporter else {"cursor"}
        expected |= {"search"} if endpoint.entity in SEARCHED and dialect is EDTECH_V1P2 else set()
    assert names == expected
    answers = set(ALWAYS)
    answers |= {"404"} if endpoint.relation or not is_collection else set()
    answers |= {"422"} if dialect.rules.strict_offset and is_collection else set()
    answers |= {"429"} if signed else set()
    answers |= set() if is_xporter else {"414", "431"}
    assert set(operation["responses"]) == answers
    headers = operation["responses"]["200"]["headers"]
    assert {"ETag", "Rosterline-Watermark"} <= set(headers)
    assert ({"X-Total-Count", "Link"} <= set(headers)) is is_collection


@pytest.mark.parametrize(("dialect", "endpoint"), WRITTEN, ids=WRITTEN_IDS)
def test_bodies_and_answers_of_writes_are_described(dialect: Dialect, endpoint: Endpoint) -> None:
    document = DOCUMENTS[dialect.name]
    operation = document["paths"][dialect.path(endpoint)][endpoint.method.lower()]
    answers = {"400", "401", "403", "404", "414", "422", "431", "500", "503", "202"}
    is_older, is_single = dialect.version is Version.V1P1, endpoint.shape is Shape.SINGLE
    answers |= {"429"} if is_older else set()
    if endpoint.method == "DELETE":
        assert set(operation["responses"]) == answers | {"204"}
        assert "requestBody" not in operation
        return
    answers |= {"413", "415"}
    answers |= {"200"} if is_single else set()
    answers |= {"201"} if endpoint.method != "PATCH" else set()
    assert set(operation["responses"]) == answers
    body = operation["requestBody"]["content"]["application/json"]["examples"]["record"]["value"]
    record = body[endpoint.key] if is_single else body[endpoint.key][0]
    assert "status" not in record
    references = [each for each in record.values() if isinstance(each, dict)]
    assert all(set(each) == {"sourcedId"} for each in references)


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_valid(name: str) -> None:
    document = DOCUMENTS[name]
    wrong, count = [], 0
    for path, _, operation in operations(document):
        shown: list[tuple[str, Node]] = []
        for parameter in operation.get("parameters", []):
            found = resolved(document, parameter)
            shown.append((f"{path} {found['name']}", found))
        content = operation.get("requestBody", {}).get("content", {})
        shown += [(f"{path} body", media) for media in content.values()]
        for status, response in operation["responses"].items():
            answer = resolved(document, response)
            shown += [(f"{path} {status}", media) for media in answer.get("content", {}).values()]
            shown += [
                (f"{path} {status} {header}", resolved(document, node))
                for header, node in answer.get("headers", {}).items()
            ]
        for place, node in shown:
            for value in examples(node):
                count += 1
                wrong += [f"{place}: {fault}" for fault in faults(document, node["schema"], value)]
    assert wrong == []
    assert count > 10 * len(document["paths"])


@pytest.mark.parametrize(("dialect", "endpoint"), SPOKEN, ids=SPOKEN_IDS)
def test_an_answer_shows_a_record_of_its_version(dialect: Dialect, endpoint: Endpoint) -> None:
    operation = DOCUMENTS[dialect.name]["paths"][dialect.path(endpoint)]["get"]
    body = operation["responses"]["200"]["content"]["application/json"]["examples"]["found"]
    record = body["value"][endpoint.key]
    record = record[0] if isinstance(record, list) else record
    assert record["status"] == "active"
    version = f"/{dialect.version}/"
    for member in record.values():
        if isinstance(member, dict):
            assert member["href"].startswith(BASE_URL + dialect.prefix)
            assert version in member["href"]


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
def test_every_error_has_a_body_in_the_shape_of_its_version(dialect: Dialect) -> None:
    document = DOCUMENTS[dialect.name]
    responses = document["components"]["responses"]
    bodies = [
        body
        for response in responses.values()
        for media in response.get("content", {}).values()
        for body in examples(media)
    ]
    assert len(bodies) >= len(responses) - 1
    key = "statusInfoSet" if dialect.version is Version.V1P1 else "imsx_codeMajor"
    assert all(isinstance(body, dict) and key in body for body in bodies)
    used = {
        each["$ref"].rpartition("/")[2]
        for _, _, operation in operations(document)
        for each in operation["responses"].values()
        if "$ref" in each
    }
    assert set(responses) == used


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
def test_a_document_names_this_server_and_its_version(dialect: Dialect) -> None:
    document = DOCUMENTS[dialect.name]
    assert [server["url"] for server in document["servers"]] == [BASE_URL]
    assert document["info"]["version"] == NUMBERS[dialect.version]
    flow = document["components"]["securitySchemes"]["OAuth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == BASE_URL + dialect.token_path
    assert set(flow["scopes"]) == {scope for row in dialect.operations for scope in row.scopes}
    assert ("appName" in document["components"]["parameters"]) is (APP_NAME in dialect.prefix)
    described = {tag["name"] for tag in document["tags"]}
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    assert described == used
