"""Rosterline's own addresses of writing: batches of any length, and what became of commands."""

from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.access.admission import Authenticator
from rosterline.api.access.tokens import Caller
from rosterline.api.endpoints import VERSIONS
from rosterline.api.errors import ApiError, CodeMinor, bad_request, forbidden, unknown_object
from rosterline.api.limits import BATCH_PATH, require_bounded
from rosterline.api.readiness import Readiness
from rosterline.api.responses import JSON
from rosterline.api.routes.writes import read_chunks, require_plain, require_whole
from rosterline.api.writing.answers import RECEIPTS_PATH, accepted, payload_of, told_of
from rosterline.api.writing.batches import Batch
from rosterline.api.writing.preferences import read_preference
from rosterline.api.writing.writer import Writer
from rosterline.events.commands import State
from rosterline.oneroster.scopes import WRITING

NDJSON = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-lines",
        "application/jsonlines",
    }
)
DEFAULT_LIMIT, MOST_SHOWN = 100, 10_000


@dataclass(frozen=True, slots=True)
class Intake:
    """What these addresses need."""

    authenticator: Authenticator
    readiness: Readiness
    writer: Writer


def ingest_routes(intake: Intake) -> list[Route]:
    """`POST /ingest/batch` and `GET /ingest/{id}`; errors are told in the caller's version."""

    async def batch(request: Request) -> Response:
        require_bounded(request.scope)
        caller = await intake.authenticator.authenticate(request)
        try:
            return await _take_batch(request, caller, intake)
        except ApiError as error:
            return _refuse(error, caller)

    async def receipt(request: Request) -> Response:
        require_bounded(request.scope)
        caller = await intake.authenticator.authenticate(request)
        try:
            return await _tell(request, caller, intake.writer)
        except ApiError as error:
            return _refuse(error, caller)

    return [
        Route(BATCH_PATH, batch, methods=["POST"], name="batch"),
        Route(f"{RECEIPTS_PATH}/{{name}}", receipt, methods=["GET"], name="receipt"),
    ]


async def _take_batch(request: Request, caller: Caller, intake: Intake) -> Response:
    _require_all_writing(caller)
    require_whole(caller)
    await intake.readiness.require()
    settings = intake.writer.settings
    preference = read_preference(request.headers, settings.longest_wait_seconds, is_async=True)
    _require_ndjson(request)
    batch = Batch(intake.writer, caller, preference)
    await batch.take(read_chunks(request))
    body = {"id": batch.batch_id, "state": State.QUEUED, "lines": batch.lines}
    return accepted(batch.batch_id, body, was_asked="prefer" in request.headers)


async def _tell(request: Request, caller: Caller, writer: Writer) -> Response:
    if caller.scopes.isdisjoint(WRITING):
        raise forbidden("The access token needs a scope that allows to write")
    limit = _number(request, "limit", DEFAULT_LIMIT, 1, MOST_SHOWN)
    offset = _number(request, "offset", 0, 0, None)
    name = request.path_params["name"]
    receipt = await writer.find_receipt(caller.vendor.app, name, limit=limit, offset=offset)
    if receipt is None:
        raise unknown_object("No command of this connection has this id, or it was long ago")
    version = VERSIONS[caller.vendor.version]
    body = told_of(name, receipt, version, limit=limit, offset=offset)
    return Response(orjson.dumps(body), media_type=JSON, headers={"Cache-Control": "no-store"})


def _require_all_writing(caller: Caller) -> None:
    """A batch may hold anything that the connection may write, and ingest knows the connection."""
    may_write = WRITING.intersection(caller.vendor.scopes)
    if not may_write:
        raise forbidden("This connection has no scope that allows to write")
    if missing := sorted(may_write - caller.scopes):
        raise forbidden(
            f"The access token of a batch needs every scope of the connection that allows to "
            f"write: {' and '.join(missing)} too"
        )


def _require_ndjson(request: Request) -> None:
    require_plain(request)
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in NDJSON:
        raise ApiError(
            415, CodeMinor.INVALID_DATA, "Send the batch as application/x-ndjson, JSON line by line"
        )


def _number(request: Request, name: str, default: int, least: int, most: int | None) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if number < least or (most is not None and number > most):
        upper = "" if most is None else f" to {most}"
        message = f"{name} must be a whole number from {least}{upper}"
        raise bad_request(CodeMinor.INVALID_DATA, message)
    return number


def _refuse(error: ApiError, caller: Caller) -> Response:
    body = payload_of(error, VERSIONS[caller.vendor.version])
    return Response(body, status_code=error.status, media_type=JSON, headers=error.headers)
