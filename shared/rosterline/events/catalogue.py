"""JSON Schemas of every event, made from the models; the golden files beside this module hold them.

`python -m rosterline.events.catalogue` writes them anew; a test compares.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from rosterline.events.source import SOURCE_MESSAGE
from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.v1p2 import Record
from rosterline.oneroster.vocabulary import ALL_COLLECTIONS, Collection, Entity, Version

FOLDER = Path(__file__).parent / "schemas"
MODELS: dict[Version, dict[Entity, type[Record]]] = {
    Version.V1P2: v1p2.MODELS,
    Version.V1P1: v1p1.MODELS,
}


class RecordSchema(GenerateJsonSchema):
    """Schemas of records as they are sent: what is absent is left out, and never null."""

    @override
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The value, when there is one."""
        return self.generate_inner(schema["schema"])

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The value; readers are to put nothing in the place of an absent one."""
        return self.generate_inner(schema["schema"])

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        """A member's name says enough."""
        return False


def event_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """File name and schema of every event."""
    for collection in ALL_COLLECTIONS:
        name = f"{collection.version.value}.{collection.entity.single}"
        yield f"{name}.json", record_schema(collection)
    yield "source.json", SOURCE_MESSAGE.json_schema(mode="serialization")


def record_schema(collection: Collection) -> dict[str, Any]:
    """The schema of an event that carries a record of the collection."""
    version, entity = collection
    model = MODELS[version][entity]
    record = model.model_json_schema(
        by_alias=True, mode="serialization", schema_generator=RecordSchema
    )
    record["required"].append("dateLastModified")
    definitions = record.pop("$defs", {})
    definitions[model.__name__] = record
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:rosterline:schema:{version.value}:{entity.single}:1",
        "type": "object",
        "properties": {entity.single: {"$ref": f"#/$defs/{model.__name__}"}},
        "required": [entity.single],
        "additionalProperties": False,
        "$defs": definitions,
    }


def schema_text(schema: dict[str, Any]) -> str:
    """The golden form: sorted, indented, with a newline at the end."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(schema, option=options).decode()


def write_schemas() -> None:
    """Write every golden file."""
    FOLDER.mkdir(exist_ok=True)
    for name, schema in event_schemas():
        (FOLDER / name).write_text(schema_text(schema))


if __name__ == "__main__":
    write_schemas()
