"""The route of the endpoint table: finds the operation of a request, and who answers it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from rosterline.api.endpoints import Endpoint
from rosterline.api.errors import ApiError, CodeMinor, unknown_object
from rosterline.api.limits import require_bounded
from rosterline.api.responses import error_response
from rosterline.api.routing import Operation, Routing, raw_path

Handler = Callable[[Request, Operation, Endpoint], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who answers reads, and who takes writes; both raise ApiError."""

    read: Handler
    write: Handler


class Endpoints(BaseRoute):
    """The route of every endpoint of every dialect.

    With `takes_rest` it takes, too, what else is asked for below their services.
    """

    def __init__(self, routing: Routing, handlers: Handlers, *, takes_rest: bool = False) -> None:
        self._routing = routing
        self._handlers = handlers
        self._takes_rest = takes_rest

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        operation = self._routing.find(raw_path(scope), scope["method"])
        if operation is None or not (operation.methods or self._takes_rest):
            return Match.NONE, {}
        return Match.FULL, {"operation": operation}

    @override
    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        raise NoMatchFound(name, path_params)

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation: Operation = scope["operation"]
        request = Request(scope, receive)
        try:
            response = await self._answer(request, operation)
        except ApiError as error:
            response = error_response(error, operation)
        await response(scope, receive, send)

    async def _answer(self, request: Request, operation: Operation) -> Response:
        require_bounded(request.scope)
        endpoint = operation.endpoint
        if endpoint is None:
            raise _absent(request.method, operation.methods)
        handlers = self._handlers
        handler = handlers.read if endpoint.method == "GET" else handlers.write
        return await handler(request, operation, endpoint)


def _absent(method: str, offered: tuple[str, ...]) -> ApiError:
    if not offered:
        return unknown_object("There is no such endpoint here")
    allowed = ", ".join("GET, HEAD" if each == "GET" else each for each in offered)
    return ApiError(
        405,
        CodeMinor.INVALID_DATA,
        f"{method[:20]} is not offered here",
        headers={"Allow": allowed},
    )
