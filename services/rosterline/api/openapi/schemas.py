"""Schemas of records and of status objects, of each version of OneRoster apart. Pure."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from rosterline.api.dialects import Dialect
from rosterline.api.errors import WORDS_V1P1, CodeMinor
from rosterline.api.openapi.nodes import TEXT, Node, refer
from rosterline.api.openapi.written import (
    WRITTEN_REFERENCE,
    written_reference,
    written_schema,
)
from rosterline.events.catalogue import MODELS, RecordSchema
from rosterline.oneroster.vocabulary import Entity, Version

STATUS_INFO = "StatusInfo"
STATUS_INFO_SET = "StatusInfoSet"
OAUTH_ERROR = "OAuthError"
TOKEN = "Token"  # noqa: S105 - the name of a schema


class WireSchema(RecordSchema):
    """Schemas of what is sent; they fit OpenAPI 3.0 and 3.1 alike: no null, no constants."""

    @override
    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        inner: Any = field["schema"]
        return bool(inner["type"] != "default" or inner["default"] is not None)

    @override
    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"type": "string", "enum": list(schema["expected"])}


def schema_name(entity: Entity, version: Version) -> str:
    """What the schema of a record is called."""
    return MODELS[version][entity].__name__


def written_name(entity: Entity, version: Version) -> str:
    """What the schema of a record is called that somebody writes."""
    return f"Written{schema_name(entity, version)}"


def build_schemas(dialect: Dialect, entities: frozenset[Entity]) -> Node:
    """The components of a document that describes these entities."""
    models: list[type[BaseModel]] = [
        model for entity, model in MODELS[dialect.version].items() if entity in entities
    ]
    _, definitions = WireSchema(
        by_alias=True, ref_template="#/components/schemas/{model}"
    ).generate_definitions(
        [(model, "serialization", model.__pydantic_core_schema__) for model in models]
    )
    found: dict[str, dict[str, Any]] = {str(name): each for name, each in definitions.items()}
    if dialect.is_xporter:
        found["User"] = _xporter_user(found["User"])
    schemas: Node = dict(found)
    if dialect.version is Version.V1P1:
        schemas |= {
            STATUS_INFO: _status_info_v1p1(),
            STATUS_INFO_SET: _closed({"statusInfoSet": status_info_list()}, ["statusInfoSet"]),
        }
    else:
        schemas[STATUS_INFO] = _status_info()
    written = {row.entity for row in dialect.writes} & entities
    schemas |= {
        written_name(entity, dialect.version): written_schema(
            entity, found[schema_name(entity, dialect.version)]
        )
        for entity in sorted(written)
    }
    if written:
        schemas[WRITTEN_REFERENCE] = written_reference()
    return schemas | {TOKEN: _token(), OAUTH_ERROR: _oauth_error()}


def status_info_list() -> Node:
    """The list of status objects in an answer of 1.1."""
    return {"type": "array", "minItems": 1, "items": refer("schemas", STATUS_INFO)}


def _xporter_user(user: dict[str, Any]) -> dict[str, Any]:
    """Seed 004, Users: `orgSourcedIds` is an "array of org ID strings"."""
    properties = {
        ("orgSourcedIds" if name == "orgs" else name): (
            {"type": "array", "items": TEXT} if name == "orgs" else schema
        )
        for name, schema in user["properties"].items()
    }
    required = ["orgSourcedIds" if name == "orgs" else name for name in user["required"]]
    return {**user, "properties": properties, "required": required}


def _closed(properties: Node, required: list[str]) -> Node:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _words(*words: str) -> Node:
    return {"type": "string", "enum": list(words)}


def _status_info() -> Node:
    field = _closed(
        {
            "imsx_codeMinorFieldName": _words("TargetEndSystem"),
            "imsx_codeMinorFieldValue": _words(*CodeMinor),
        },
        ["imsx_codeMinorFieldName", "imsx_codeMinorFieldValue"],
    )
    fields: Node = {"imsx_codeMinorField": {"type": "array", "minItems": 1, "items": field}}
    return _closed(
        {
            "imsx_codeMajor": _words("failure", "unsupported"),
            "imsx_severity": _words("error"),
            "imsx_description": TEXT,
            "imsx_CodeMinor": _closed(fields, ["imsx_codeMinorField"]),
        },
        ["imsx_codeMajor", "imsx_severity", "imsx_description", "imsx_CodeMinor"],
    )


def _status_info_v1p1() -> Node:
    return _closed(
        {
            "imsx_codeMajor": _words("success", "failure", "unsupported"),
            "imsx_severity": _words("warning", "error"),
            "imsx_codeMinor": _words(*(WORDS_V1P1.get(code, code.value) for code in CodeMinor)),
            "imsx_description": TEXT,
            "imsx_operationRefIdentifier": TEXT,
        },
        ["imsx_codeMajor", "imsx_severity", "imsx_codeMinor", "imsx_description"],
    )


def _token() -> Node:
    return {
        "type": "object",
        "properties": {
            "access_token": TEXT,
            "token_type": _words("Bearer"),
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds"},
            "scope": {**TEXT, "description": "The scopes that it has, separated by spaces"},
        },
        "required": ["access_token", "token_type", "expires_in"],
    }


def _oauth_error() -> Node:
    return {
        "type": "object",
        "properties": {"error": TEXT, "error_description": TEXT},
        "required": ["error"],
    }
