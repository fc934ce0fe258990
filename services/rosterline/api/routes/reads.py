"""Answers the endpoints of the table: query, one statement, ready text, headers.

The hot path: records go from the database to the wire as text and never become objects, but for
`fields`.
"""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.admission import admit
from rosterline.api.attributes import attributes
from rosterline.api.cursors import read_cursor, write_cursor
from rosterline.api.directory import Directory, Vendor
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import unauthorised, unavailable, unknown_object
from rosterline.api.links import Paging, link_header
from rosterline.api.query import Query, parse_query, parse_selection
from rosterline.api.readiness import Readiness
from rosterline.api.signing import SigningKeys
from rosterline.api.store import Page, SwitchedError, Totals, find_record, read_page
from rosterline.api.tokens import Caller, Tokens
from rosterline.api.viewers import Viewer
from rosterline.api.walks import Continuation, Position, Walks
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import with_base

JSON = "application/json"
WATERMARK = "Rosterline-Watermark"
MOST_ID_LENGTH = 255
# Of a connection whose switches are turned while it reads; each turn takes about a second.
MOST_READS = 5

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Reader:
    """What the handlers share within one application."""

    pool: asyncpg.Pool
    base_url: str
    tokens: Tokens
    directory: Directory
    keys: SigningKeys
    readiness: Readiness
    walks: Walks
    totals: Totals


def read_route(endpoint: Endpoint, reader: Reader) -> Route:
    """The route of an endpoint; an id may contain slashes, which arrive decoded."""
    path = endpoint.full_path.replace("{sourcedId}", "{sourced_id:path}")
    handler = _collection if endpoint.shape is Shape.COLLECTION else _single
    return Route(
        path, handler(endpoint, reader), methods=[endpoint.method], name=endpoint.operation_id
    )


def _single(endpoint: Endpoint, reader: Reader) -> Handler:
    names = attributes(endpoint.entity)

    async def handle(request: Request) -> Response:
        caller = await admit(request, endpoint, reader.tokens)
        await reader.readiness.require()
        fields = parse_selection(_parameters(request), names)
        sourced_id = str(request.path_params["sourced_id"])
        record = None
        if len(sourced_id) <= MOST_ID_LENGTH and "\0" not in sourced_id:
            record = await _as_seen(
                reader,
                caller,
                lambda viewer: find_record(reader.pool, endpoint, sourced_id, viewer=viewer),
            )
        if record is None:
            raise unknown_object(f"No {endpoint.key} has the sourcedId {sourced_id[:60]!r}")
        document = with_base(record.document, reader.base_url)
        if fields is not None:
            document = select_fields(f"[{document}]", fields)[1:-1]
        return Response(
            f'{{"{endpoint.key}":{document}}}',
            media_type=JSON,
            headers={WATERMARK: format_stamp(record.watermark)},
        )

    return handle


def _collection(endpoint: Endpoint, reader: Reader) -> Handler:
    names = attributes(endpoint.entity)

    async def handle(request: Request) -> Response:
        caller = await admit(request, endpoint, reader.tokens)
        await reader.readiness.require()
        parameters = _parameters(request)
        query = parse_query(parameters, names)
        walk = _Walk(endpoint, reader, caller, query)
        continuation = await walk.find_continuation()
        page = await _as_seen(
            reader,
            caller,
            lambda viewer: read_page(
                reader.pool,
                reader.totals,
                endpoint,
                query,
                viewer=viewer,
                continuation=continuation,
            ),
        )
        cursor = None
        if page.end is not None:
            walk.remember(page.end, page.count, is_last=not page.has_more)
            cursor = await walk.write_next(page.end) if page.has_more else None
        paging = Paging(query.limit, query.offset, page.total, cursor)
        return Response(
            _body(endpoint, reader, query, page),
            media_type=JSON,
            headers={
                "X-Total-Count": str(page.total),
                WATERMARK: format_stamp(page.watermark),
                "Link": link_header(f"{reader.base_url}{endpoint.full_path}", parameters, paging),
            },
        )

    return handle


async def _as_seen(reader: Reader, caller: Caller, read: Callable[[Viewer], Awaitable[T]]) -> T:
    """What the caller's connection sees, also when a switch was turned since it was looked up."""
    vendor: Vendor | None = caller.vendor
    for _ in range(MOST_READS):
        if vendor is None:
            raise unauthorised("The connection of this access token has ended")
        try:
            return await read(vendor.viewer)
        except SwitchedError:
            vendor = await reader.directory.read(caller.vendor.client_id)
    raise unavailable("The connection's switches are being turned; try again shortly")


class _Walk:
    """The page that is asked for, as a part of its client's walk through the collection."""

    def __init__(self, endpoint: Endpoint, reader: Reader, caller: Caller, query: Query) -> None:
        self._reader = reader
        self._query = query
        self._identity: tuple[Hashable, ...] = (
            caller.vendor.app,
            endpoint.operation_id,
            query.filter,
            query.sort,
            query.descending,
        )
        self._continuation: Continuation | None = None

    async def find_continuation(self) -> Continuation | None:
        """Where the page before ended: as the cursor says, or as remembered for its offset."""
        query = self._query
        if query.cursor is not None:
            secrets = await self._reader.keys.secrets()
            self._continuation = read_cursor(query.cursor, repr(self._identity), secrets)
        elif query.offset > 0:
            found = self._reader.walks.find((*self._identity, query.offset))
            if found is not None:
                self._continuation = Continuation(found, by_offset=True)
        return self._continuation

    def remember(self, end: Position, count: int, *, is_last: bool) -> None:
        """Keep where this page ended: some clients count on by the limit, some by what came."""
        if self._query.cursor is not None:
            return
        for step in {count, self._query.limit}:
            self._reader.walks.remember(
                (*self._identity, self._query.offset + step),
                end,
                descending=self._query.descending,
                is_last=is_last,
            )

    async def write_next(self, end: Position) -> str:
        """The cursor of the page behind; it goes on in the way in which this page was found."""
        by_offset = self._continuation is not None and self._continuation.by_offset
        _, secret = await self._reader.keys.newest()
        return write_cursor(Continuation(end, by_offset), repr(self._identity), secret)


def _body(endpoint: Endpoint, reader: Reader, query: Query, page: Page) -> str:
    records = f"[{with_base(page.records, reader.base_url)}]"
    if query.fields is not None:
        records = select_fields(records, query.fields)
    return f'{{"{endpoint.key}":{records}}}'


def select_fields(records: str, fields: tuple[str, ...]) -> str:
    """The list of records with the chosen members only, in the records' own order."""
    chosen = frozenset(fields)
    return orjson.dumps(
        [
            {name: value for name, value in record.items() if name in chosen}
            for record in orjson.loads(records)
        ]
    ).decode()


def _parameters(request: Request) -> list[tuple[str, str]]:
    return parse_qsl(request.url.query, keep_blank_values=True)
