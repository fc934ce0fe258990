"""Faults → responses: every error of the application leaves in OneRoster's own shape.

Nothing of an unexpected error reaches the caller or the log but its kind and place: its message
may hold personal data.
"""

import traceback

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rosterline.api.errors import CODE_OF_STATUS, ApiError, CodeMinor, payload, payload_v1p1
from rosterline.api.routing import Operation
from rosterline.oneroster.vocabulary import Version

JSON = "application/json"
FAILED = "The request failed unexpectedly"
OWN_CODE = "/rosterline/"
MOST_PLACES = 3
UNKNOWN_TO_XPORTER = frozenset({404, 405, 414, 431})

log = structlog.get_logger()


async def api_error_response(_: Request, error: Exception) -> Response:
    """The response to an ApiError at an address of no dialect."""
    if not isinstance(error, ApiError):
        raise error
    return plain_response(error)


def plain_response(error: ApiError) -> Response:
    """The response to an ApiError in the words of 1.2."""
    return Response(
        payload(error.status, error.code, error.message),
        status_code=error.status,
        media_type=JSON,
        headers=error.headers,
    )


def error_response(error: ApiError, operation: Operation) -> Response:
    """The response to an ApiError, in the words of the version that the address speaks.

    Xporter's partners know 400 for whatever is wrong with a request (seed 004).
    """
    endpoint = operation.endpoint
    name = endpoint.operation_id if endpoint else None
    if operation.dialect.is_xporter and error.status in UNKNOWN_TO_XPORTER:
        error = ApiError(400, CodeMinor.INVALID_DATA, error.message, headers=error.headers)
    body = (
        payload_v1p1(error.status, error.code, error.message, name)
        if operation.dialect.version is Version.V1P1
        else payload(error.status, error.code, error.message)
    )
    return Response(body, status_code=error.status, media_type=JSON, headers=error.headers)


async def http_error_response(_: Request, error: Exception) -> Response:
    """The response to an error of routing: an unknown path, a method that is not offered."""
    if not isinstance(error, HTTPException):
        raise error
    code = CODE_OF_STATUS.get(error.status_code, CodeMinor.INVALID_DATA)
    return Response(
        payload(error.status_code, code, str(error.detail)),
        status_code=error.status_code,
        media_type=JSON,
        headers=error.headers,
    )


class LastResort:
    """Answers 500 where nothing else answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; on an unexpected error send a response if none has begun."""
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            log.error(  # noqa: TRY400 - the message of the error may hold personal data
                "a request failed",
                error=type(error).__name__,
                at=places(error),
            )
            if has_begun or scope["type"] != "http":
                raise
            failure = ApiError(500, CodeMinor.INTERNAL_SERVER_ERROR, FAILED)
            operation: Operation | None = scope.get("operation")
            answer = error_response(failure, operation) if operation else plain_response(failure)
            await answer(scope, receive, send)


def places(error: Exception) -> list[str]:
    """Where it was raised, and the last places in our own code on the way there."""
    frames = traceback.extract_tb(error.__traceback__)
    kept = [frame for frame in frames[:-1] if OWN_CODE in frame.filename][-MOST_PLACES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in (*kept, *frames[-1:])]
