"""Runs the statements of `sql` on the read model; the only reader of records."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from rosterline.api.borrowing import borrow
from rosterline.api.endpoints import Endpoint
from rosterline.api.query.parsing import Query
from rosterline.api.reading.sql import (
    KnownTotal,
    Statement,
    Within,
    page_statement,
    parents_statement,
    record_statement,
)
from rosterline.api.reading.walks import Continuation, Position
from rosterline.api.relations import Relation, relation_condition
from rosterline.api.viewing.viewers import Viewer
from rosterline.oneroster.vocabulary import Version

MOST_TOTALS = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Records as JSON texts, joined and encoded, and where the walk stands.

    `end` is where the page ended: with its last record, or where the page before it did when it is
    empty; None when an empty page is the first. `has_more` says that records follow.
    """

    watermark: datetime
    total: int
    records: bytes
    count: int
    has_more: bool
    end: Position | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as encoded JSON text, and the clock's last stamp when it was read."""

    document: bytes
    watermark: datetime


class SwitchedError(Exception):
    """The viewer's switches were turned since they were read: read them and the records anew."""


class Totals:
    """The last total of each query, true while the stamp with which it was counted stands."""

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


async def read_page(
    pool: asyncpg.Pool,
    totals: Totals,
    endpoint: Endpoint,
    query: Query,
    *,
    viewer: Viewer,
    continuation: Continuation | None,
    parents: tuple[str, ...] = (),
) -> Page:
    """One page in one snapshot, of the members of these parents; raises SwitchedError."""
    key = (
        endpoint.version,
        endpoint.operation_id,
        parents,
        query.filter,
        viewer.towards(endpoint.entity),
    )
    statement = page_statement(
        endpoint,
        query,
        continuation,
        viewer=viewer,
        known=totals.find(key),
        within=_members(endpoint, parents),
    )
    row = await _fetch_row(pool, statement, viewer)
    if row is None or row["clock"] is None:
        raise RuntimeError("rosterline.clock has no row; run `rosterline migrate`")
    if continuation is None:
        totals.remember(key, KnownTotal(row["basis"], row["total"]))
    watermark = continuation.position.watermark if continuation else row["clock"]
    total = continuation.position.total if continuation else row["total"]
    end = continuation.position if continuation else None
    if row["final"] is not None:
        _, is_late, sort_value, sourced_id = row["final"]
        end = Position(watermark, total, sort_value, sourced_id, is_late)
    return Page(
        watermark=watermark,
        total=row["total"],
        records=row["records"] or b"",
        count=min(row["found"], query.limit),
        has_more=row["found"] > query.limit,
        end=end,
    )


async def find_record(
    pool: asyncpg.Pool, endpoint: Endpoint, sourced_id: str, *, viewer: Viewer
) -> Record | None:
    """A record by its id, whatever its status; raises SwitchedError."""
    row = await _fetch_row(pool, record_statement(endpoint, viewer, sourced_id), viewer)
    return Record(row["document"], row["watermark"]) if row else None


async def knows_parents(
    pool: asyncpg.Pool,
    relation: Relation,
    ids: tuple[str, ...],
    *,
    version: Version,
    viewer: Viewer,
) -> bool:
    """Whether the viewer sees the records that an address names before its last collection."""
    statement = parents_statement(relation, ids, version, viewer)
    async with borrow(pool) as connection:
        return bool(await connection.fetchval(statement.text, *statement.parameters))


def _members(endpoint: Endpoint, parents: tuple[str, ...]) -> Within | None:
    relation = endpoint.relation
    if relation is None:
        return None
    return lambda source: (
        relation_condition(
            relation, parents, source.parameters, schema=endpoint.version, scope=source.scope
        ),
    )


async def _fetch_row(
    pool: asyncpg.Pool, statement: Statement, viewer: Viewer
) -> asyncpg.Record | None:
    async with borrow(pool) as connection:
        row = await connection.fetchrow(statement.text, *statement.parameters)
    # Documents as before the switch beside a clock after it would hide the switch from a poller.
    if row is not None and row.get("switched_at", viewer.switched_at) != viewer.switched_at:
        raise SwitchedError
    return row
