"""The writes of a dialect: what each takes, what it answers, and every error. Pure."""

from typing import Any

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import CodeMinor
from rosterline.api.limits import MOST_BODY_BYTES
from rosterline.api.openapi.examples import collection_of, example_record
from rosterline.api.openapi.kinds import KINDS
from rosterline.api.openapi.nodes import TEXT, Node, example, header, json_body, refer
from rosterline.api.openapi.parameters import id_places, path_parameters
from rosterline.api.openapi.responses import FAULTS, Fault, fault_response, foreign_faults
from rosterline.api.openapi.schemas import written_name
from rosterline.api.openapi.security import operation_security
from rosterline.api.writing.preferences import RESPOND_ASYNC
from rosterline.events.commands import WAIT_HEADER

INVALID = CodeMinor.INVALID_DATA
PREFER = "Prefer"
WAIT = "RosterlineWait"
COMMAND_ID = "0b7c6f0e-54a4-4a5e-9f6a-2f1d7c1f7a10"
STUDENT = "0A987F90-B6F1-47C1-8967-1A8A1234D563"
LINE_ITEM = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01"
MISALIGNED = (
    "Cannot put record. Attempted to modify an existing record with wrong student alignment"
)
# Those that stand for others than the ones of reads.
WRITE_FAULTS: dict[int, Fault] = {
    400: Fault(
        "BadPreference",
        f"`{WAIT_HEADER}` is no number of seconds, or is not for this request.",
        {"wait": (INVALID, f"{WAIT_HEADER} must be a whole number of seconds from 0 to 86400")},
    ),
    404: Fault(
        "UnknownReference",
        "There is no such record, or none that the address or the body names, for this connection.",
        {
            "student": (
                CodeMinor.UNKNOWN_OBJECT,
                f"No student record exists with the GUID {STUDENT}",
            ),
            "lineItem": (
                CodeMinor.UNKNOWN_OBJECT,
                f"No assessment line item record exists with the GUID {LINE_ITEM}",
            ),
        },
    ),
    413: Fault(
        "BodyTooLarge",
        "The body is larger than is read: send less at a time.",
        {"large": (INVALID, f"The body is larger than {MOST_BODY_BYTES} bytes")},
    ),
    415: Fault(
        "BodyCoding",
        "The body is compressed, or no JSON by its header.",
        {"coding": (INVALID, "Content-Encoding 'gzip': send it as it is")},
    ),
    422: Fault(
        "InvalidRecord",
        "The body is not what it must be, all that is wrong with it stands in the description; or "
        "others refer to the record that was to be deleted.",
        {
            "body": (INVALID, 'The body must be {"result": {…}}; result is missing'),
            "alignment": (INVALID, MISALIGNED),
            "linked": (CodeMinor.DELETE_FAILURE, "Results refer to the line item: delete these"),
        },
    ),
    503: Fault(
        "NotWritable",
        "Nothing can be written at the moment. Whether something was kept stands in the "
        "description; a second time changes nothing.",
        {"away": (CodeMinor.SERVER_BUSY, "Nothing can be written at the moment")},
    ),
}
# What Rosterline sets.
OURS = frozenset({"status", "dateLastModified"})
SHARED_FAULTS = (401, 403, 414, 429, 431, 500)


def write_parameters() -> Node:
    """The parameters that writes refer to, by the name of their component."""
    return {
        PREFER: {
            "name": "Prefer",
            "in": "header",
            "description": f"`{RESPOND_ASYNC}`: 202 as soon as it is kept; ask for what became of "
            "it at `Location`.",
            "schema": TEXT,
            "examples": {
                "none": example("", "Answer when it can be read"),
                "later": example(RESPOND_ASYNC, "Answer when it is kept"),
            },
        },
        WAIT: {
            "name": WAIT_HEADER,
            "in": "header",
            "description": "Seconds in which the roster may still come to know what the record "
            f"names, with `Prefer: {RESPOND_ASYNC}` alone.",
            "schema": {"type": "integer", "minimum": 0},
            "example": 600,
        },
    }


def write_responses(dialect: Dialect) -> Node:
    """The errors of writes, by the name of their component."""
    return {
        fault.name: fault_response(status, fault, dialect) for status, fault in WRITE_FAULTS.items()
    }


def write_operation(endpoint: Endpoint, dialect: Dialect, base: str, *, has_app: bool) -> Node:
    """All of a write but its tags."""
    headers = [refer("parameters", name) for name in (PREFER, WAIT)]
    operation: Node = {
        "operationId": endpoint.operation_id,
        "summary": _summary(endpoint),
        "description": _description(endpoint),
        "security": operation_security(endpoint, dialect),
        "parameters": [*path_parameters(endpoint, has_app=has_app), *headers],
        "responses": _responses(endpoint, dialect),
    }
    if endpoint.method != "DELETE":
        operation["requestBody"] = _body(endpoint, dialect, base)
    return operation


def _summary(endpoint: Endpoint) -> str:
    kind = KINDS[collection_of(endpoint)].single
    one = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if endpoint.shape is Shape.COLLECTION:
        parents = " in a ".join(parent.single for _, parent in reversed(id_places(endpoint)))
        return f"Create {kind}s of a {parents.replace('in a academic', 'in an academic')}"
    return {
        "PUT": f"Create or replace {one}",
        "POST": f"Create {one}",
        "PATCH": f"Change members of {one}",
        "DELETE": f"Delete {one}",
    }[endpoint.method]


def _description(endpoint: Endpoint) -> str:
    if endpoint.shape is Shape.COLLECTION:
        given = " and ".join(f"`{member}`" for member in endpoint.given if member)
        return (
            "Each record is stored under an id that is allocated and told in the answer; all are "
            f"stored or none. {given} may be left out: the address names it."
        )
    return {
        "PUT": "The whole record: what is left out is gone. A reference needs its `sourcedId` "
        "alone. Once it is answered, every reader sees it.",
        "POST": "Under the `sourcedId` that it has, or a new one, which the answer tells.",
        "PATCH": "Members that are not given stay as they are; null takes one away.",
        "DELETE": "It is read as `tobedeleted` by its id and by deltas from then on. Refused while "
        "other records refer to it.",
    }[endpoint.method]


def _body(endpoint: Endpoint, dialect: Dialect, base: str) -> Node:
    record = refer("schemas", written_name(endpoint.entity, endpoint.version))
    is_several = endpoint.shape is Shape.COLLECTION
    shown = _written(example_record(endpoint, dialect, base))
    value: Node = {"type": "array", "minItems": 1, "items": record} if is_several else record
    schema: Node = {
        "type": "object",
        "properties": {endpoint.key: value},
        "required": [endpoint.key],
    }
    body = {endpoint.key: [shown] if is_several else shown}
    return {"required": True, "content": json_body(schema, {"record": example(body)})}


def _written(record: Any) -> Any:  # noqa: ANN401 - any JSON
    """An example as a writer would send it."""
    return {
        name: {"sourcedId": value["sourcedId"]} if _is_reference(value) else value
        for name, value in record.items()
        if name not in OURS
    }


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and "href" in value


def _responses(endpoint: Endpoint, dialect: Dialect) -> Node:
    left_out = foreign_faults(dialect)
    shared = {
        str(status): refer("responses", FAULTS[status].name)
        for status in SHARED_FAULTS
        if status not in left_out
    }
    own = {
        str(status): refer("responses", fault.name)
        for status, fault in WRITE_FAULTS.items()
        if endpoint.method != "DELETE" or status not in (413, 415)
    }
    return dict(sorted({**_successes(endpoint), **shared, **own}.items()))


def _successes(endpoint: Endpoint) -> Node:
    if endpoint.method == "DELETE":
        return {"204": {"description": "Deleted"}, "202": _accepted()}
    if endpoint.method == "PATCH":
        return {"200": {"description": "Changed; it can be read"}, "202": _accepted()}
    created: Node = {"description": "Created; it can be read"}
    replaced: Node = {"description": "Replaced; it can be read"}
    if endpoint.method == "POST":
        created["content"] = replaced["content"] = _pairs(endpoint)
    if endpoint.shape is Shape.COLLECTION:
        return {"201": created, "202": _accepted()}
    return {"200": replaced, "201": created, "202": _accepted()}


def _pairs(endpoint: Endpoint) -> Node:
    shown = KINDS[collection_of(endpoint)].shown
    pair = {"suppliedSourcedId": shown, "allocatedSourcedId": shown}
    schema: Node = {
        "type": "object",
        "properties": dict.fromkeys(pair, TEXT),
        "required": list(pair),
        "additionalProperties": False,
    }
    is_several = endpoint.shape is Shape.COLLECTION
    value: Node = {"type": "array", "items": schema} if is_several else schema
    pairs: object = [pair | {"suppliedSourcedId": "1"}] if is_several else pair
    return json_body(
        {
            "type": "object",
            "properties": {"sourcedIdPairs": value},
            "required": ["sourcedIdPairs"],
            "additionalProperties": False,
        },
        {"created": example({"sourcedIdPairs": pairs})},
    )


def _accepted() -> Node:
    schema: Node = {
        "type": "object",
        "properties": {"id": TEXT, "state": {"type": "string", "enum": ["queued"]}},
        "required": ["id", "state"],
    }
    return {
        "description": "Kept, and decided later: as it was preferred, or since it takes its time",
        "headers": {
            "Location": header("Where to ask for what became of it", f"/ingest/{COMMAND_ID}"),
            "Preference-Applied": header("That it was preferred", RESPOND_ASYNC),
        },
        "content": json_body(schema, {"kept": example({"id": COMMAND_ID, "state": "queued"})}),
    }
