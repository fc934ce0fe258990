"""Runs the statements of `rosterline.api.sql` on the read model; the only reader of records.

A database that cannot be reached, or does not answer in time, is ApiError 503, so that a caller
tries again and never takes a failure for an empty list.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from rosterline.api.endpoints import Endpoint
from rosterline.api.errors import unavailable
from rosterline.api.query import Query
from rosterline.api.sql import KnownTotal, page_statement, record_statement
from rosterline.api.walks import Continuation, Position

ACQUIRE_SECONDS = 5.0
STATEMENT_SECONDS = 60.0
MOST_TOTALS = 1000

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """Records as joined JSON texts, and where the walk stands.

    `end` is where the page ended: with its last record, or where the page before it did when it is
    empty; None when an empty page is the first. `has_more` says that records follow.
    """

    watermark: datetime
    total: int
    records: str
    count: int
    has_more: bool
    end: Position | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as JSON text, and the clock's last stamp when it was read."""

    document: str
    watermark: datetime


class Totals:
    """The last total of each query, true for as long as the clock stands where it stood."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, KnownTotal] = OrderedDict()

    def find(self, key: Hashable) -> KnownTotal | None:
        """The total that was last counted."""
        return self._known.get(key)

    def remember(self, key: Hashable, known: KnownTotal) -> None:
        """A total, with the stamp at which it was counted."""
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > MOST_TOTALS:
            self._known.popitem(last=False)


@asynccontextmanager
async def reaching_database() -> AsyncIterator[None]:
    """Turns the failures of a database that is away into 503."""
    try:
        yield
    except UNREACHABLE as error:
        log.warning("the database cannot be used", error=type(error).__name__)
        raise unavailable("The database cannot be reached; try again shortly") from error


async def read_page(
    pool: asyncpg.Pool,
    totals: Totals,
    endpoint: Endpoint,
    query: Query,
    *,
    continuation: Continuation | None,
) -> Page:
    """One page in one snapshot."""
    key = (endpoint.operation_id, query.filter)
    statement = page_statement(endpoint, query, continuation, totals.find(key))
    async with reaching_database():
        row = await _fetch_row(pool, statement.text, *statement.parameters)
    if row is None:
        raise RuntimeError("rosterline.clock has no row; run `rosterline migrate`")
    if continuation is None:
        totals.remember(key, KnownTotal(row["clock"], row["total"]))
    watermark = continuation.position.watermark if continuation else row["clock"]
    total = continuation.position.total if continuation else row["total"]
    end = continuation.position if continuation else None
    if row["sourced_id"] is not None:
        end = Position(watermark, total, row["sort_value"], row["sourced_id"], row["is_late"])
    return Page(
        watermark=watermark,
        total=row["total"],
        records=row["records"] or "",
        count=min(row["found"], query.limit),
        has_more=row["found"] > query.limit,
        end=end,
    )


async def find_record(pool: asyncpg.Pool, endpoint: Endpoint, sourced_id: str) -> Record | None:
    """A record by its id, whatever its status."""
    async with reaching_database():
        row = await _fetch_row(pool, record_statement(endpoint), sourced_id)
    return Record(row["document"], row["watermark"]) if row else None


async def _fetch_row(pool: asyncpg.Pool, text: str, *parameters: object) -> asyncpg.Record | None:
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        return await connection.fetchrow(text, *parameters, timeout=STATEMENT_SECONDS)
