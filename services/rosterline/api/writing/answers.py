"""A verdict → the answer that its writer gets, at once or when it asks later. Pure."""

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from rosterline.api.endpoints import Shape
from rosterline.api.errors import ApiError, CodeMinor, payload, payload_v1p1
from rosterline.api.responses import JSON
from rosterline.api.writing.commands import Command, Pair, joined
from rosterline.api.writing.receipts import Receipt
from rosterline.api.writing.writer import Kept
from rosterline.events.commands import NOTHING_STORED, Rejection, State, Verdict
from rosterline.oneroster.vocabulary import Version

RECEIPTS_PATH = "/ingest"
CREATED, NO_CONTENT = 201, 204


def respond(verdict: Verdict, command: Command, shape: Shape) -> Response:
    """The response to a write that was decided; raises the ApiError that refuses it."""
    if verdict.state is State.REJECTED:
        raise refusal(verdict.rejections, verdict.lines)
    status = verdict.status or CREATED
    if not command.pairs:
        return Response(status_code=status)
    body = orjson.dumps({"sourcedIdPairs": pairs_of(command.pairs, shape)})
    return Response(body, status_code=status, media_type=JSON)


def respond_later(kept: Kept, command: Command, shape: Shape, *, was_asked: bool) -> Response:
    """202: where to ask for the verdict, and the ids that were allocated."""
    body: dict[str, Any] = {"id": kept.command_id, "state": State.QUEUED}
    if command.pairs:
        body["sourcedIdPairs"] = pairs_of(command.pairs, shape)
    return accepted(kept.command_id, body, was_asked=was_asked)


def accepted(name: str, body: dict[str, Any], *, was_asked: bool) -> Response:
    """202 with the address of what has this name."""
    headers = {"Location": f"{RECEIPTS_PATH}/{name}"}
    if was_asked:
        headers["Preference-Applied"] = "respond-async"
    return Response(orjson.dumps(body), status_code=202, media_type=JSON, headers=headers)


def pairs_of(pairs: Sequence[Pair], shape: Shape) -> object:
    """Of one record an object (TIMEBACK, Writes), of several a list (ONEROSTER §4.6)."""
    told = [
        {"suppliedSourcedId": each.supplied, "allocatedSourcedId": each.allocated} for each in pairs
    ]
    return told if shape is Shape.COLLECTION else told[0]


def refusal(rejections: Sequence[Rejection], lines: int) -> ApiError:
    """The first line's status and code, and what is wrong with each; lines count from 0 here."""
    causes = causes_of(rejections)
    texts = [each.description for each in causes]
    if lines > 1:
        places = [f"{each.collection or 'records'}[{each.line - 1}]" for each in causes]
        texts = [f"{place}: {text}" for place, text in zip(places, texts, strict=True)]
    return ApiError(causes[0].status, code_of(causes[0]), joined(texts))


def causes_of(rejections: Sequence[Rejection]) -> Sequence[Rejection]:
    """Without the lines of an atomic batch that others took with them."""
    taken = {NOTHING_STORED.format(line=each.line) for each in rejections}
    return [each for each in rejections if each.description not in taken] or rejections


def code_of(rejection: Rejection) -> CodeMinor:
    """The word for it, as the rules gave it."""
    known = {code.value for code in CodeMinor}
    return CodeMinor(rejection.code_minor) if rejection.code_minor in known else INVALID


INVALID = CodeMinor.INVALID_DATA


def told_of(
    name: str, receipt: Receipt, version: Version, *, limit: int, offset: int
) -> dict[str, Any]:
    """What `GET /ingest/{id}` answers.

    `error` is the payload of the refusal that the same write would have got at once.
    """
    body: dict[str, Any] = {
        "id": name,
        "state": receipt.state,
        "lines": receipt.lines,
        "stored": receipt.stored,
        "rejected": receipt.rejected,
    }
    is_refused = receipt.state is State.REJECTED and not receipt.is_batch
    if is_refused and receipt.rejections:
        error = refusal(receipt.rejections, receipt.lines)
        body["status"] = error.status
        body["error"] = orjson.loads(payload_of(error, version))
    elif receipt.status is not None:
        body["status"] = receipt.status
    if receipt.is_batch or receipt.lines > 1:
        body |= {"limit": limit, "offset": offset}
        body["rejections"] = [
            each.model_dump(by_alias=True, exclude_none=True) for each in receipt.rejections
        ]
    return body


def payload_of(error: ApiError, version: Version) -> bytes:
    """The error in the words of a version, at an address that is none of its dialects'."""
    if version is Version.V1P1:
        return payload_v1p1(error.status, error.code, error.message, None)
    return payload(error.status, error.code, error.message)
