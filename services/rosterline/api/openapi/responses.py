"""The answers of an operation: what it gives, and every error in the shape of its version. Pure."""

from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import RETRY_SECONDS, CodeMinor, payload, payload_v1p1, warnings_v1p1
from rosterline.api.limits import MOST_ADDRESS_BYTES, MOST_HEADERS
from rosterline.api.openapi.examples import STAMP, example_record
from rosterline.api.openapi.nodes import Node, example, header, json_body, refer
from rosterline.api.openapi.parameters import ENTITY_TAG
from rosterline.api.openapi.schemas import (
    STATUS_INFO,
    STATUS_INFO_SET,
    schema_name,
    status_info_list,
)
from rosterline.api.openapi.security import is_signed
from rosterline.oneroster.vocabulary import Version

WATERMARK = "Rosterline-Watermark"
LATER = frozenset({429, 503})


class Fault(NamedTuple):
    """An error: the name of its component, when it comes, and bodies by what they show."""

    name: str
    description: str
    shown: dict[str, tuple[CodeMinor, str]]


INVALID = CodeMinor.INVALID_DATA
UNKNOWN = "Unknown selection field 'shoeSize' of users"
# Seed 001, Common Errors.
UNEVEN = "Invalid data; offset is not a modulus of limit"
TOO_LARGE = "Invalid data: Pagination limit value must not be greater than 50000"
FAULTS: dict[int, Fault] = {
    400: Fault(
        "BadRequest",
        "The query cannot be answered: what is wrong stands in the description.",
        {
            "filter": (CodeMinor.INVALID_FILTER_FIELD, "Unknown filter field 'shoeSize' of users"),
            "fields": (CodeMinor.INVALID_SELECTION_FIELD, UNKNOWN),
            "blank": (CodeMinor.INVALID_BLANK_SELECTION_FIELD, "fields contains an empty name"),
            "limit": (INVALID, "limit must be a whole number from 1 to 50000, not '0'"),
        },
    ),
    401: Fault(
        "Unauthorised",
        "There is no access token, or it has expired, or is none of this server.",
        {"expired": (CodeMinor.UNAUTHORISED_REQUEST, "The access token has expired")},
    ),
    403: Fault(
        "Forbidden",
        "The token is good, but its scopes, version or application do not fit.",
        {"scope": (CodeMinor.FORBIDDEN, "The access token needs another scope")},
    ),
    404: Fault(
        "UnknownObject",
        "There is no such record here for this connection: is the id that of another kind of "
        "record, or of a school outside its scope?",
        {"unknown": (CodeMinor.UNKNOWN_OBJECT, "No user has the sourcedId '0042'")},
    ),
    414: Fault(
        "AddressTooLong",
        "Path and query are longer than is read: ask with a shorter filter.",
        {"long": (INVALID, f"The address is longer than {MOST_ADDRESS_BYTES} bytes")},
    ),
    422: Fault(
        "InvalidPaging",
        "`limit` is greater than 50000, or `offset` is no multiple of it.",
        {
            "offset": (
                INVALID,
                f"{UNEVEN}: Invalid parameter 'offset' value of '600'.",
            ),
            "limit": (
                INVALID,
                f"{TOO_LARGE}: Invalid parameter 'limit' value of '60000'.",
            ),
        },
    ),
    429: Fault(
        "TooManyRequests",
        "Too many requests with wrong signatures came from there.",
        {"later": (CodeMinor.SERVER_BUSY, "Too many requests with wrong credentials")},
    ),
    431: Fault(
        "HeadersTooLarge",
        "The headers of the request are more, or larger, than is read.",
        {"many": (INVALID, f"The request has more than {MOST_HEADERS} headers")},
    ),
    500: Fault(
        "InternalServerError",
        "The request failed through no fault of yours; the server's log says where.",
        {"failed": (CodeMinor.INTERNAL_SERVER_ERROR, "The request failed unexpectedly")},
    ),
    503: Fault(
        "ServerBusy",
        "The first load is not complete, or the database is away; never a partial list instead.",
        {"loading": (CodeMinor.SERVER_BUSY, "The first load is not complete; try again shortly")},
    ),
}


def shared_headers(address: str) -> Node:
    """The headers of answers, by the name of their component; `address` is a collection's."""
    return {
        "X-Total-Count": header(
            "Records that match, on all pages", 1234, {"type": "integer", "minimum": 0}
        ),
        "Link": header(
            "Other pages: `first`, `prev`, `next`, `last`; the last page has no `next`",
            f'<{address}?limit=100&offset=0>; rel="first", '
            f'<{address}?limit=100&offset=100&cursor=djE…>; rel="next", '
            f'<{address}?limit=100&offset=1200>; rel="last"',
        ),
        WATERMARK: header(
            "The largest `dateLastModified` that this answer can hold: ask the next time for "
            "`dateLastModified` greater than the one of your first page",
            STAMP,
            {"type": "string", "format": "date-time"},
        ),
        "ETag": header("Changes with the answer; for `If-None-Match`", ENTITY_TAG),
        "Retry-After": header("Seconds to wait", RETRY_SECONDS, {"type": "integer"}),
    }


def shared_responses(dialect: Dialect) -> Node:
    """The answers that are alike for all operations, by the name of their component."""
    not_modified: Node = {
        "description": "Nothing has changed since the answer with the `ETag` that was sent.",
        "headers": {name: refer("headers", name) for name in ("ETag", WATERMARK)},
    }
    faults = {
        fault.name: fault_response(status, fault, dialect) for status, fault in FAULTS.items()
    }
    for status in foreign_faults(dialect):
        del faults[FAULTS[status].name]
    return {"NotModified": not_modified, **faults}


def operation_responses(endpoint: Endpoint, dialect: Dialect, base: str) -> Node:
    """Every answer of an endpoint, by its status."""
    is_collection = endpoint.shape is Shape.COLLECTION
    names_records = not is_collection or endpoint.relation is not None
    left_out = set(foreign_faults(dialect))
    left_out |= set() if names_records else {404}
    left_out |= set() if is_collection else {422}
    return {
        "200": _success(endpoint, dialect, base),
        "304": refer("responses", "NotModified"),
        **{
            str(status): refer("responses", fault.name)
            for status, fault in FAULTS.items()
            if status not in left_out
        },
    }


def foreign_faults(dialect: Dialect) -> frozenset[int]:
    """The errors that this dialect does not know: Xporter has few, and collections only."""
    known = {422: dialect.rules.strict_offset, 429: is_signed(dialect)}
    known |= dict.fromkeys((404, 414, 431), not dialect.is_xporter)
    return frozenset(status for status, is_known in known.items() if not is_known)


def _success(endpoint: Endpoint, dialect: Dialect, base: str) -> Node:
    is_collection = endpoint.shape is Shape.COLLECTION
    record: Node = refer("schemas", schema_name(endpoint.entity, endpoint.version))
    shown = example_record(endpoint, dialect, base)
    properties: Node = {
        endpoint.key: {"type": "array", "items": record} if is_collection else record
    }
    body: dict[str, Any] = {endpoint.key: [shown] if is_collection else shown}
    examples = {"found": example(body, "Found")}
    if is_collection:
        examples["empty"] = example({endpoint.key: []}, "Nothing matches")
    if dialect.version is Version.V1P1:
        properties["statusInfoSet"] = status_info_list()
        examples["warned"] = example(_warned(body, endpoint), "An unknown name in `fields`")
    names = ["X-Total-Count", "Link"] if is_collection else []
    return {
        "description": HTTPStatus.OK.phrase,
        "headers": {name: refer("headers", name) for name in (*names, WATERMARK, "ETag")},
        "content": json_body(
            {
                "type": "object",
                "properties": properties,
                "required": [endpoint.key],
                "additionalProperties": False,
            },
            examples,
        ),
    }


def _warned(body: dict[str, Any], endpoint: Endpoint) -> Node:
    warning = (CodeMinor.INVALID_SELECTION_FIELD, f"{UNKNOWN}; all data is returned")
    statuses = orjson.loads(warnings_v1p1([warning], endpoint.operation_id))
    return {**body, "statusInfoSet": statuses}


def fault_response(status: int, fault: Fault, dialect: Dialect) -> Node:
    """The answer that is an error, in the shape of the dialect's version."""
    is_v1p1 = dialect.version is Version.V1P1
    # Where unknown names are told in a warning, only blank ones are refused.
    foreign = "fields" if dialect.rules.warns else "blank"
    shown = {
        name: example(
            orjson.loads(
                payload_v1p1(status, code, text, "getAllUsers")
                if is_v1p1
                else payload(status, code, text)
            )
        )
        for name, (code, text) in fault.shown.items()
        if name != foreign
    }
    answer: Node = {
        "description": fault.description,
        "content": json_body(refer("schemas", STATUS_INFO_SET if is_v1p1 else STATUS_INFO), shown),
    }
    if status in LATER:
        answer["headers"] = {"Retry-After": refer("headers", "Retry-After")}
    return answer
