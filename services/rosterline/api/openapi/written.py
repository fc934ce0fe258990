"""What a writer may send: the schemas of records, less what Rosterline fills in. Pure.

They say what a body needs to be taken; what else it must be, the rules tell when they refuse it.
"""

from typing import Any

from rosterline.api.openapi.nodes import TEXT, Node, refer
from rosterline.oneroster.vocabulary import Entity

WRITTEN_REFERENCE = "WrittenReference"
FILLED_IN = frozenset({"sourcedId", "status", "dateLastModified", "scoreStatus"})
# Seed 002 demands of a result `student` and a line item, which has two names.
NOT_DEMANDED: dict[Entity, frozenset[str]] = {
    Entity.ASSESSMENT_RESULTS: frozenset({"assessmentLineItem", "scoreDate"}),
}


def written_schema(entity: Entity, record: dict[str, Any]) -> Node:
    """The schema of a body's record, by that of the record as it is read."""
    optional = FILLED_IN | NOT_DEMANDED.get(entity, frozenset())
    properties = {
        name: _written_member(schema)
        for name, schema in record["properties"].items()
        if name != "dateLastModified"
    }
    if entity is Entity.ASSESSMENT_RESULTS:
        properties["lineItem"] = properties["assessmentLineItem"]
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in record["required"] if name not in optional],
        "additionalProperties": True,
    }


def written_reference() -> Node:
    """A reference as it may be written: the id says it all."""
    return {
        "type": "object",
        "properties": {"sourcedId": TEXT, "href": TEXT, "type": TEXT},
        "required": ["sourcedId"],
        "additionalProperties": True,
    }


def _written_member(schema: dict[str, Any]) -> dict[str, Any]:
    is_reference = str(schema.get("$ref", "")).endswith("/Reference")
    return refer("schemas", WRITTEN_REFERENCE) if is_reference else schema
