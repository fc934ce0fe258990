"""Rosterline's own addresses of writing, as the document of 1.2 tells of them. Pure."""

from rosterline.api.dialects import Dialect
from rosterline.api.limits import BATCH_PATH
from rosterline.api.openapi.nodes import TEXT, Node, example, header, json_body, refer
from rosterline.api.openapi.responses import FAULTS
from rosterline.api.openapi.security import OAUTH2
from rosterline.api.openapi.writes import COMMAND_ID, WAIT, WRITE_FAULTS
from rosterline.api.writing.lines import MOST_LINE_BYTES
from rosterline.events.commands import State
from rosterline.oneroster.scopes import WRITING

TAG = "Ingest"
NUMBER: Node = {"type": "integer", "minimum": 0}
STATES = ", ".join(f"`{state}`" for state in State)
REJECTION = {
    "line": 17,
    "collection": "assessmentResults",
    "sourcedId": "a7c2d9b4-58e1-4c06-8f3d-91b0c4e7d501",
    "status": 404,
    "codeMinor": "unknownobject",
    "description": "No student record exists with the GUID 0A987F90-B6F1-47C1-8967-1A8A1234D563",
}
BATCH = (
    "Newline-delimited JSON of any length, taken in as it comes. Each line is the body of a PUT, "
    'such as `{"assessmentResult": {…}}`, or `{"delete": "assessmentResults/<sourcedId>"}`; at '
    f"most {MOST_LINE_BYTES} bytes. Lines are stored one by one, in their order. The token needs "
    "every scope of the connection by which it writes. A batch that breaks off is stored as far "
    "as it came: send it again, what was stored stays as it is."
)


def ingest_operations(dialect: Dialect) -> dict[str, Node]:
    """Batches, and what became of commands, by path."""
    scopes = sorted({scope for row in dialect.writes for scope in row.scopes} & WRITING)
    security: list[Node] = [{OAUTH2: [scope]} for scope in scopes]
    batch: Node = {
        "operationId": "postBatch",
        "summary": "Write many records at once",
        "description": BATCH,
        "tags": [TAG],
        "security": security,
        "parameters": [refer("parameters", WAIT)],
        "requestBody": _lines(),
        "responses": {"202": _accepted()} | _faults(400, 401, 403, 415, 422, 431, 500, 503),
    }
    command: Node = {
        "operationId": "getCommand",
        "summary": "What became of a write or a batch",
        "description": f"Of the same connection. States: {STATES}.",
        "tags": [TAG],
        "security": security,
        "parameters": [_id(), _page("limit", 100), _page("offset", 0)],
        "responses": {"200": _told()} | _faults(400, 401, 403, 404, 431, 500, 503),
    }
    return {BATCH_PATH: {"post": batch}, "/ingest/{id}": {"get": command}}


def _faults(*statuses: int) -> Node:
    own = {400, 415, 422}
    return {
        str(status): refer("responses", (WRITE_FAULTS if status in own else FAULTS)[status].name)
        for status in statuses
    }


def _lines() -> Node:
    line = '{"category": {"sourcedId": "homework", "title": "Homework"}}'
    return {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": TEXT,
                "examples": {"two": example(f'{line}\n{{"delete": "categories/quiz"}}\n')},
            }
        },
    }


def _accepted() -> Node:
    body = {"id": COMMAND_ID, "state": "queued", "lines": 2}
    schema: Node = {
        "type": "object",
        "properties": {"id": TEXT, "state": TEXT, "lines": NUMBER},
        "required": list(body),
    }
    return {
        "description": "All of it is kept, and decided from now on",
        "headers": {
            "Location": header("Where to ask for what became of it", f"/ingest/{COMMAND_ID}")
        },
        "content": json_body(schema, {"kept": example(body)}),
    }


def _id() -> Node:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "As the answer to the write tells it.",
        "schema": TEXT,
        "example": COMMAND_ID,
    }


def _page(name: str, default: int) -> Node:
    return {
        "name": name,
        "in": "query",
        "description": "Which of the rejections to show, in the order of their lines.",
        "schema": {**NUMBER, "default": default},
        "example": default,
    }


def _told() -> Node:
    counts = {"lines": 2500, "stored": 2499, "rejected": 1}
    whole = {"id": COMMAND_ID, "state": "mixed", **counts, "limit": 100, "offset": 0}
    single = {"id": COMMAND_ID, "state": "stored", "lines": 1, "stored": 1, "rejected": 0}
    schema: Node = {
        "type": "object",
        "properties": {
            "id": TEXT,
            "state": {"type": "string", "enum": list(State)},
            **dict.fromkeys(counts, NUMBER),
            "status": {**NUMBER, "description": "That of the same write at once"},
            "error": {"type": "object", "description": "The body of the same write at once"},
            "limit": NUMBER,
            "offset": NUMBER,
            "rejections": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["id", "state", *counts],
    }
    return {
        "description": "How it stands",
        "content": json_body(
            schema,
            {
                "batch": example({**whole, "rejections": [REJECTION]}, "A batch"),
                "single": example({**single, "status": 201}, "A write"),
            },
        ),
    }
