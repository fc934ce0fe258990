"""Takes the writes of the endpoint table, in every dialect: body, command, verdict, answer."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rosterline.api.access.admission import Authenticator, admit
from rosterline.api.access.tokens import Caller
from rosterline.api.endpoints import Endpoint
from rosterline.api.errors import (
    ApiError,
    CodeMinor,
    bad_request,
    forbidden,
    too_large,
    unknown_object,
)
from rosterline.api.limits import MOST_BODY_BYTES, is_id, why_no_id
from rosterline.api.readiness import Readiness
from rosterline.api.reading.store import knows_parents
from rosterline.api.routing import Operation
from rosterline.api.writing.answers import respond, respond_later
from rosterline.api.writing.commands import build_command
from rosterline.api.writing.preferences import read_preference
from rosterline.api.writing.writer import Kept, Writer
from rosterline.events.commands import WAIT_HEADER

IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Scribe:
    """What the writes share within one application."""

    pool: asyncpg.Pool
    authenticator: Authenticator
    readiness: Readiness
    writer: Writer

    async def take(self, request: Request, operation: Operation, endpoint: Endpoint) -> Response:
        """The response to a write; raises ApiError."""
        caller = await admit(request, operation, endpoint, self.authenticator)
        require_whole(caller)
        await self.readiness.require()
        preference = read_preference(request.headers, self.writer.settings.longest_wait_seconds)
        body = b"" if endpoint.method == "DELETE" else await read_body(request)
        await self._require_parents(operation, endpoint, caller)
        command = build_command(endpoint, operation.ids, body, lambda: str(uuid.uuid4()))
        if command.operation is None and preference.wait_seconds:
            raise bad_request(
                CodeMinor.INVALID_DATA, f"{WAIT_HEADER} is not for several records at once"
            )
        outcome = await self.writer.write(caller, command, preference)
        if isinstance(outcome, Kept):
            return respond_later(outcome, command, endpoint.shape, was_asked=preference.is_async)
        return respond(outcome, command, endpoint.shape)

    async def _require_parents(
        self, operation: Operation, endpoint: Endpoint, caller: Caller
    ) -> None:
        """ONEROSTER §4.5: 404 "on PUT/POST an unknown *parent* in the path"."""
        relation, ids = endpoint.relation, operation.ids
        if relation is None:
            return
        is_known = all(map(is_id, ids)) and await knows_parents(
            self.pool,
            relation,
            ids,
            version=endpoint.version,
            viewer=caller.see_as(caller.vendor),
        )
        if not is_known:
            shown = " or ".join(repr(each[:60]) for each in ids)
            raise unknown_object(f"No record here has the sourcedId {shown}" + why_no_id(ids))


def require_whole(caller: Caller) -> None:
    """Raise 403 for a token of some of the connection's schools: ingest knows the connection."""
    if caller.schools is not None and set(caller.schools) != set(caller.vendor.schools or ()):
        raise forbidden("The access token is limited to a school: write with the connection's own")


async def read_body(request: Request) -> bytes:
    """The body; raises 413 for one that is too large, and 415 for one that is compressed."""
    require_plain(request)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > MOST_BODY_BYTES:
        raise _excess()
    body = bytearray()
    async for chunk in read_chunks(request):
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise _excess()
    return bytes(body)


async def read_chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes; raises 408 when nothing does for a while, and 400 when it breaks."""
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield chunk
    except TimeoutError:
        message = f"Nothing came for {IDLE_SECONDS:g} seconds"
        raise ApiError(
            408, CodeMinor.INVALID_DATA, message, headers={"Connection": "close"}
        ) from None
    except ClientDisconnect:
        # Nobody is there to read it.
        raise bad_request(CodeMinor.INVALID_DATA, "The body broke off") from None


def require_plain(request: Request) -> None:
    """Raise 415 for a body that is compressed."""
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        raise ApiError(
            415, CodeMinor.INVALID_DATA, f"Content-Encoding {coding[:20]!r}: send it as it is"
        )


def _excess() -> ApiError:
    return too_large(
        f"The body is larger than {MOST_BODY_BYTES} bytes: send less at a time, or many records as "
        "POST /ingest/batch, which may have any length"
    )
