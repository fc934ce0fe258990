"""Answers the reads of the endpoint table, in every dialect: query, one statement, ready text.

The hot path: records go from the database to the wire as text and never become objects.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from rosterline.api.access.admission import Authenticator, admit
from rosterline.api.access.directory import Directory, Vendor
from rosterline.api.access.oauth1 import OWN_PARAMETERS
from rosterline.api.access.signing import SigningKeys
from rosterline.api.access.tokens import Caller
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import unauthorised, unavailable, unknown_object
from rosterline.api.limits import is_id, why_no_id
from rosterline.api.query.parsing import Query, parse_query, parse_selection
from rosterline.api.readiness import Readiness
from rosterline.api.reading.links import Paging, link_header
from rosterline.api.reading.rendering import Warnings, body_of, entity_tag, matches_tag, render
from rosterline.api.reading.store import (
    Page,
    Record,
    SwitchedError,
    Totals,
    find_record,
    knows_parents,
    read_page,
)
from rosterline.api.reading.walking import Walk
from rosterline.api.reading.walks import Walks
from rosterline.api.responses import JSON
from rosterline.api.routing import Operation, raw_path, sent_parameters
from rosterline.api.viewing.viewers import Viewer
from rosterline.oneroster.stamps import format_stamp

WATERMARK = "Rosterline-Watermark"
# Of a connection whose switches are turned while it reads; each turn takes about a second.
MOST_READS = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader:
    """What the answers share within one application."""

    pool: asyncpg.Pool
    base_url: str
    authenticator: Authenticator
    directory: Directory
    keys: SigningKeys
    readiness: Readiness
    walks: Walks
    totals: Totals


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an endpoint by a caller who may use it."""

    request: Request
    operation: Operation
    endpoint: Endpoint
    caller: Caller

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids of the records that the address names before its last collection."""
        ids = self.operation.ids
        return ids if self.endpoint.shape is Shape.COLLECTION else ids[:-1]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The decoded parameters of the query, but for those that only sign it."""
        given = sent_parameters(self.request.scope)
        return [pair for pair in given if not pair[0].startswith(OWN_PARAMETERS)]

    def base(self, base_url: str) -> str:
        """What stands before the paths of this dialect's services."""
        return self.operation.dialect.base(base_url, self.caller.vendor.app)


async def answer(
    request: Request, operation: Operation, endpoint: Endpoint, reader: Reader
) -> Response:
    """The response to a read; raises ApiError."""
    caller = await admit(request, operation, endpoint, reader.authenticator)
    await reader.readiness.require()
    asked = Asked(request, operation, endpoint, caller)
    if endpoint.shape is Shape.COLLECTION:
        return await _collection(asked, reader)
    return await _single(asked, reader)


async def _single(asked: Asked, reader: Reader) -> Response:
    endpoint = asked.endpoint
    dialect = asked.operation.dialect
    selection = parse_selection(asked.parameters, endpoint.collection, dialect.rules)
    sourced_id = asked.operation.ids[-1]
    record: Record | None = None
    if is_id(sourced_id):
        record = await _as_seen(
            asked.caller,
            reader,
            lambda viewer: find_record(reader.pool, endpoint, sourced_id, viewer=viewer),
        )
    if record is None:
        message = f"No {endpoint.key} has the sourcedId {sourced_id[:60]!r}"
        raise unknown_object(message + why_no_id([sourced_id]))
    value = render(
        record.document, endpoint, dialect, asked.base(reader.base_url), selection.fields
    )
    return _respond(asked, value, selection.warnings, {WATERMARK: format_stamp(record.watermark)})


async def _collection(asked: Asked, reader: Reader) -> Response:
    endpoint = asked.endpoint
    parameters = asked.parameters
    query = parse_query(parameters, endpoint.collection, asked.operation.dialect.rules)
    identity = (
        asked.caller.vendor.app,
        asked.caller.schools,
        asked.operation.dialect.name,
        endpoint.operation_id,
        asked.parents,
    )
    walk = Walk(reader.walks, reader.keys, identity, query)
    page = await _as_seen(
        asked.caller, reader, lambda viewer: _read_page(asked, query, walk, reader, viewer)
    )
    cursor = None
    if page.end is not None:
        walk.remember(page.end, page.count, is_last=not page.has_more)
        cursor = await walk.write_next(page.end) if page.has_more else None
    base = asked.base(reader.base_url)
    value = render(page.records, endpoint, asked.operation.dialect, base, query.fields)
    address = reader.base_url + raw_path(asked.request.scope)
    paging = Paging(query.limit, query.offset, page.total, cursor)
    headers = {
        "X-Total-Count": str(page.total),
        WATERMARK: format_stamp(page.watermark),
        "Link": link_header(address, parameters, paging),
    }
    return _respond(asked, value, query.warnings, headers, beside=_beside(query, page))


def _beside(query: Query, page: Page) -> str:
    """What tells one page of these records from another.

    Whoever took the watermark of a page with a 304 would miss what changed on other pages, so on
    one of several it belongs to the page.
    """
    is_whole = query.cursor is None and query.offset == 0 and not page.has_more
    return f"{page.total} {'' if is_whole else format_stamp(page.watermark)}"


async def _read_page(
    asked: Asked, query: Query, walk: Walk, reader: Reader, viewer: Viewer
) -> Page:
    endpoint = asked.endpoint
    relation = endpoint.relation
    if relation is not None and not (
        all(map(is_id, asked.parents))
        and await knows_parents(
            reader.pool, relation, asked.parents, version=endpoint.version, viewer=viewer
        )
    ):
        shown = " or ".join(repr(parent[:60]) for parent in asked.parents)
        raise unknown_object(f"No record here has the sourcedId {shown}" + why_no_id(asked.parents))
    return await read_page(
        reader.pool,
        reader.totals,
        endpoint,
        query,
        viewer=viewer,
        continuation=await walk.find_continuation(),
        parents=asked.parents,
    )


def _respond(
    asked: Asked,
    value: bytes,
    warnings: Warnings,
    headers: dict[str, str],
    *,
    beside: str = "",
) -> Response:
    body = body_of(value, asked.endpoint, warnings)
    tag = entity_tag(body, beside)
    headers |= {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if matches_tag(asked.request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


async def _as_seen(caller: Caller, reader: Reader, read: Callable[[Viewer], Awaitable[T]]) -> T:
    """What the caller's connection sees, also when a switch was turned since it was looked up."""
    vendor: Vendor | None = caller.vendor
    for _ in range(MOST_READS):
        if vendor is None:
            raise unauthorised("The connection of this access token has ended")
        try:
            return await read(caller.see_as(vendor))
        except SwitchedError:
            vendor = await reader.directory.read(caller.vendor.client_id)
    raise unavailable("The connection's switches are being turned; try again shortly")
