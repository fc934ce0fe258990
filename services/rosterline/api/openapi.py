"""The OpenAPI document of what is served, made from the endpoint table. Pure."""

from http import HTTPStatus

from pydantic.json_schema import models_json_schema

from rosterline.api.attributes import attributes
from rosterline.api.dialects import TOKEN_PATH, Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import CodeMinor
from rosterline.api.filters import Attribute
from rosterline.api.query import DEFAULT_LIMIT, MAX_LIMIT
from rosterline.oneroster.v1p2 import MODELS
from rosterline.oneroster.vocabulary import Entity

Node = dict[str, object]
SCHEMA_PATH = "#/components/schemas/"
SCHEME = "OAuth2"
STATUS_INFO = "StatusInfo"

ERRORS: dict[int, str] = {
    400: "The query cannot be processed: invalid_filter_field, invalid_selection_field, or "
    "invaliddata for limit, offset, orderBy and cursor.",
    401: "No valid access token: unauthorisedrequest.",
    403: "The token lacks the scope, or the connection is for another version: forbidden.",
    404: "No such record here: unknownobject.",
    500: "Something failed: internal_server_error.",
    503: "The first load is not complete, or the database is away: server_busy, with Retry-After.",
}


def build_document(dialect: Dialect, base_url: str) -> Node:
    """The document of a dialect for a server at this address."""
    rows = dialect.endpoints
    scopes = {scope: scope.rpartition("/")[2] for row in rows for scope in row.scopes}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rosterline",
            "version": "1.2",
            "description": "OneRoster 1.2 rostering, fed by every committed change of the SIS. "
            "Follow the `next` links: no record is lost or repeated while the data changes. For "
            "the next delta ask for `dateLastModified` greater than the largest one you saw, or "
            "than the `Rosterline-Watermark` of your first page.",
        },
        "servers": [{"url": base_url}],
        "paths": _paths(dialect),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                SCHEME: {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": f"{base_url}{TOKEN_PATH}",
                            "scopes": scopes,
                        }
                    },
                }
            },
        },
    }


def _paths(dialect: Dialect) -> Node:
    paths: dict[str, Node] = {}
    for endpoint in dialect.endpoints:
        paths.setdefault(dialect.path(endpoint), {})[endpoint.method.lower()] = _operation(endpoint)
    return {**paths, TOKEN_PATH: {"post": _token_operation()}}


def _operation(endpoint: Endpoint) -> Node:
    is_collection = endpoint.shape is Shape.COLLECTION
    return {
        "operationId": endpoint.operation_id,
        "summary": _summary(endpoint),
        "tags": [endpoint.path.split("/")[1]],
        # Alternatives: any one of the scopes suffices.
        "security": [{SCHEME: [scope]} for scope in endpoint.scopes],
        "parameters": [
            *(_collection_parameters() if is_collection else [_id_parameter()]),
            _fields_parameter(endpoint.entity),
        ],
        "responses": {
            "200": _success(endpoint),
            **{
                str(status): _error(status)
                for status in ERRORS
                if status != HTTPStatus.NOT_FOUND or not is_collection
            },
        },
    }


def _summary(endpoint: Endpoint) -> str:
    if endpoint.shape is Shape.SINGLE:
        return f"One {endpoint.entity.single}, also when its status is tobedeleted"
    return (
        f"{endpoint.path.strip('/')}: active ones, and tobedeleted ones too when the filter names "
        "status or dateLastModified"
    )


def _parameter(name: str, description: str, schema: Node) -> Node:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _collection_parameters() -> list[Node]:
    names = [attribute.value for attribute in Attribute]
    return [
        _parameter(
            "limit",
            "Records on a page; never cut below what is asked for",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        ),
        _parameter("offset", "Records to skip", {"type": "integer", "minimum": 0, "default": 0}),
        _parameter(
            "sort", "Default: sourcedId; an unknown name too", {"type": "string", "enum": names}
        ),
        _parameter("orderBy", "Direction of sort", {"type": "string", "enum": ["asc", "desc"]}),
        _parameter(
            "filter",
            f"One clause, or two joined by AND or OR, on {', '.join(names)} with = != > >= < <=: "
            "dateLastModified>'2026-11-21T08:15:00.000Z' AND status='active'",
            {"type": "string"},
        ),
        _parameter("cursor", "As in a next link; not to be made up", {"type": "string"}),
    ]


def _id_parameter() -> Node:
    return {
        "name": "sourcedId",
        "in": "path",
        "required": True,
        "description": "The record's id; encode a slash as %2F",
        "schema": {"type": "string"},
    }


def _fields_parameter(entity: Entity) -> Node:
    return {
        **_parameter(
            "fields",
            "Only these attributes of each record",
            {"type": "array", "items": {"type": "string", "enum": sorted(attributes(entity))}},
        ),
        "style": "form",
        "explode": False,
    }


def _success(endpoint: Endpoint) -> Node:
    record: Node = {"$ref": f"{SCHEMA_PATH}{MODELS[endpoint.entity].__name__}"}
    is_collection = endpoint.shape is Shape.COLLECTION
    body: Node = {"type": "array", "items": record} if is_collection else record
    headers = {
        "Rosterline-Watermark": _header(
            "The largest dateLastModified that this answer can hold; later changes have later ones",
            "date-time",
        )
    }
    if is_collection:
        headers |= {
            "X-Total-Count": _header("Records that match, on all pages", None),
            "Link": _header("first, prev, next, last; no next on the last page", None),
        }
    return {
        "description": HTTPStatus.OK.phrase,
        "headers": headers,
        "content": _json(
            {
                "type": "object",
                "properties": {endpoint.key: body},
                "required": [endpoint.key],
                "additionalProperties": False,
            }
        ),
    }


def _header(description: str, text_format: str | None) -> Node:
    schema: Node = {"type": "string"}
    if text_format is not None:
        schema["format"] = text_format
    return {"description": description, "schema": schema}


def _error(status: int) -> Node:
    answer: Node = {
        "description": ERRORS[status],
        "content": _json({"$ref": f"{SCHEMA_PATH}{STATUS_INFO}"}),
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["headers"] = {"Retry-After": _header("Seconds to wait", None)}
    return answer


def _json(schema: Node) -> Node:
    return {"application/json": {"schema": schema}}


def _schemas() -> Node:
    _, definitions = models_json_schema(
        [(model, "serialization") for model in MODELS.values()],
        ref_template=f"{SCHEMA_PATH}{{model}}",
    )
    return {**definitions["$defs"], STATUS_INFO: _status_info()}


def _status_info() -> Node:
    pair: Node = {
        "type": "object",
        "properties": {
            "imsx_codeMinorFieldName": {"type": "string"},
            "imsx_codeMinorFieldValue": {"enum": [code.value for code in CodeMinor]},
        },
        "required": ["imsx_codeMinorFieldName", "imsx_codeMinorFieldValue"],
    }
    return {
        "type": "object",
        "properties": {
            "imsx_codeMajor": {"enum": ["failure", "unsupported"]},
            "imsx_severity": {"const": "error"},
            "imsx_description": {"type": "string"},
            "imsx_CodeMinor": {
                "type": "object",
                "properties": {"imsx_codeMinorField": {"type": "array", "items": pair}},
            },
        },
        "required": ["imsx_codeMajor", "imsx_severity"],
    }


def _token_operation() -> Node:
    text: Node = {"type": "string"}
    return {
        "operationId": "getToken",
        "summary": "An access token, by OAuth 2 client credentials",
        "tags": ["authorization"],
        "description": "Client id and secret by HTTP Basic, or in the form. Without scope the "
        "token has all scopes of the connection.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "grant_type": {"const": "client_credentials"},
                            "scope": text,
                            "client_id": text,
                            "client_secret": text,
                        },
                        "required": ["grant_type"],
                    }
                }
            },
        },
        "responses": {
            "200": {"description": "access_token, token_type, expires_in and scope"},
            "400": {"description": "invalid_request, invalid_scope or unsupported_grant_type"},
            "401": {"description": "invalid_client"},
            "503": {"description": "The database is away; with Retry-After"},
        },
    }
