"""Query → SQL text and parameters. Pure; nothing of a request ever stands in the text.

One statement answers a page: its records (joined and encoded, ready to send), its total, whether
more follow, where it ended, and the watermark. One statement sees one snapshot, which is what makes
the watermark true of the records (see `rosterline.api.reading.walks`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rosterline.api.endpoints import Endpoint
from rosterline.api.query.filters import Predicate
from rosterline.api.query.parsing import Query
from rosterline.api.reading.conditions import SortKey, filter_condition, sort_key
from rosterline.api.reading.walks import Continuation
from rosterline.api.relations import Relation
from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.sources import Source, find_source
from rosterline.api.viewing.viewers import Viewer
from rosterline.api.viewing.visibility import TABLES
from rosterline.oneroster.vocabulary import ACTIVE, Collection, Entity, Version

WATERMARK = "watermark"
Within = Callable[[Source], Sequence[str]]

CLOCK = "SELECT last_stamp FROM rosterline.clock"
NEWEST = "SELECT max(date_last_modified) FROM {table}"
# In the snapshot of what is read: it tells whether the viewer is still what it was taken for.
SWITCH = "(SELECT switched_at FROM rosterline.connection WHERE app = {app}) AS switched_at"
# `final` is the page's last record; rows compare member by member, and `place` comes first.
PAGE = """
SELECT ({clock}) AS clock,
    ({total}) AS total,
    ({basis}) AS basis,
    convert_to(
        string_agg({document}, ',' ORDER BY {order}) FILTER (WHERE place <= {limit}), 'UTF8'
    ) AS records,
    count(*) AS found,
    max(ROW(place, is_late, sort_value, sourced_id)) FILTER (WHERE place <= {limit}) AS final
    {switch}
FROM (
    SELECT *, row_number() OVER (ORDER BY {order}) AS place
    FROM ({found}) AS found
    ORDER BY {order} LIMIT {limit} + 1
) AS page
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A text and its parameters, $1 first."""

    text: str
    parameters: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class KnownTotal:
    """What was counted when the basis of the count stood at `stamp`; None is known of nothing."""

    stamp: datetime | None
    total: int


def record_statement(endpoint: Endpoint, viewer: Viewer, sourced_id: str) -> Statement:
    """One record by its id, deleted or not, with the watermark."""
    parameters = Parameters()
    source = find_source(endpoint.collection, viewer, parameters, filtered=None, shows_deleted=True)
    wanted = f"sourced_id = {parameters.add(sourced_id, 'text')}"
    text = (
        f"SELECT convert_to({source.document}, 'UTF8') AS document, ({CLOCK}) AS watermark"
        f"{_switch(endpoint, viewer, parameters)} FROM {source.table} "
        f"WHERE {_all((wanted, *source.conditions, *source.view(endpoint.view)))}"
    )
    return Statement(text, tuple(parameters.values))


def parents_statement(
    relation: Relation, ids: Sequence[str], version: Version, viewer: Viewer
) -> Statement:
    """Whether the viewer sees all parents, each where its predecessor stands."""
    parameters = Parameters()
    places = [parameters.add(each, "text") for each in ids]
    found = []
    for parent, place in zip(relation.parents, places, strict=True):
        source = find_source(
            Collection(version, parent.entity),
            viewer,
            parameters,
            filtered=None,
            shows_deleted=False,
        )
        wanted = (
            f"sourced_id = {place}",
            parent.condition.format(*places),
            *source.view(parent.view),
            *source.conditions,
        )
        found.append(f"EXISTS (SELECT FROM {source.table} WHERE {_all(wanted)})")
    return Statement(f"SELECT {_all(found)}", tuple(parameters.values))


def page_statement(
    endpoint: Endpoint,
    query: Query,
    continuation: Continuation | None,
    *,
    viewer: Viewer,
    known: KnownTotal | None,
    within: Within | None = None,
) -> Statement:
    """A page of a collection: one row, whether or not there are records.

    `within` gives the conditions of a relation to parents.
    """
    parameters = Parameters()
    filtered = query.filter
    shows_deleted = viewer.tombstones or (filtered is not None and filtered.shows_deleted)
    source = find_source(
        endpoint.collection, viewer, parameters, filtered=filtered, shows_deleted=shows_deleted
    )
    conditions = [
        *source.conditions,
        *source.view(endpoint.view),
        *(within(source) if within else ()),
    ]
    conditions += [] if shows_deleted else [f"status = '{ACTIVE}'"]
    conditions += [] if filtered is None else [filter_condition(filtered, source)]
    limit = parameters.add(query.limit, "bigint")
    skipped = 0 if continuation else query.offset
    offset = parameters.add(skipped, "bigint") if skipped else None
    branches = _branches(query, continuation, source)
    selects = [
        _select(
            query, source, branch, (*conditions, *branch.conditions), limit=limit, offset=offset
        )
        for branch in branches
    ]
    basis = _basis(endpoint, query, viewer)
    text = PAGE.format(
        found=" UNION ALL ".join(selects),
        clock=CLOCK,
        order=_outer_order(query, is_split=len(branches) > 1),
        document=_document(query, continuation, source),
        limit=limit,
        total=_total(query, continuation, known, source=source, basis=basis, conditions=conditions),
        basis=basis if continuation is None else "NULL::timestamptz",
        switch=_switch(endpoint, viewer, parameters),
    )
    return Statement(text, tuple(parameters.values))


@dataclass(frozen=True, slots=True)
class _Branch:
    """A run of records in order; those that are late go by their ids, which no change moves."""

    is_late: bool = False
    conditions: tuple[str, ...] = ()


def _branches(query: Query, continuation: Continuation | None, source: Source) -> list[_Branch]:
    if continuation is None:
        return [_Branch()]
    position = continuation.position
    behind = _behind(query, continuation, source)
    held = source.compare(Predicate.LESS_OR_EQUAL, position.watermark, WATERMARK)
    if not _has_late_run(query, continuation):
        return [_Branch(conditions=(held, behind) if query.is_bounded else (behind,))]
    changed = source.compare(Predicate.GREATER, position.watermark, WATERMARK)
    if position.is_late:
        return [_Branch(is_late=True, conditions=(changed, behind))]
    return [
        _Branch(conditions=(held, behind)),
        _Branch(is_late=True, conditions=(changed,)),
    ]


def _document(query: Query, continuation: Continuation | None, source: Source) -> str:
    """What a record of the page is sent as: made of no more records than are sent."""
    if continuation is None or query.is_bounded:
        return source.document
    watermark = continuation.position.watermark
    changed = source.compare(Predicate.GREATER, watermark, WATERMARK)
    return f"CASE WHEN {changed} THEN {source.stamped(watermark)} ELSE {source.document} END"


def _has_late_run(query: Query, continuation: Continuation) -> bool:
    """Whether what changed since the watermark comes behind all others."""
    return not query.is_bounded and (continuation.by_offset or query.sort is not None)


def _select(
    query: Query,
    source: Source,
    branch: _Branch,
    conditions: Sequence[str],
    *,
    limit: str,
    offset: str | None,
) -> str:
    """The first of a run's records, and one more, behind the offset."""
    key = None if query.sort is None else sort_key(query.sort, source)

    def first(table: str, bounds: str, *bounded: str) -> str:
        return (
            f"(SELECT sourced_id, {_sort_value(key, branch)} AS sort_value, "
            f"{branch.is_late} AS is_late, {', '.join(source.carried)} "
            f"FROM {table} WHERE {_all((*conditions, *bounded))} "
            f"ORDER BY {_order(query, None if branch.is_late else key)} {bounds})"
        )

    page = f"LIMIT {limit} + 1"
    if offset is not None and query.sort is None and not source.parts:
        # What is skipped is counted in an index, which is no place for documents.
        start = (
            f"SELECT sourced_id FROM {source.table} WHERE {_all(conditions)} "
            f"ORDER BY {_order(query, None)} LIMIT 1 OFFSET {offset}"
        )
        comparison = "<=" if query.descending else ">="
        return first(source.table, page, f"sourced_id {comparison} ({start})")
    bounds = page if offset is None else f"{page} OFFSET {offset}"
    if not source.parts:
        return first(source.table, bounds)
    longest = page if offset is None else f"{page} + {offset}"
    runs = (first(part, longest) for part in source.parts)
    order = _outer_order(query, is_split=False)
    return f"(SELECT * FROM ({' UNION ALL '.join(runs)}) AS runs ORDER BY {order} {bounds})"


def _behind(query: Query, continuation: Continuation, source: Source) -> str:
    position = continuation.position
    comparison = "<" if query.descending else ">"
    sourced_id = source.parameters.add(position.sourced_id, "text")
    if query.sort is None or position.is_late:
        return f"sourced_id {comparison} {sourced_id}"
    key = sort_key(query.sort, source)
    value = source.parameters.add(position.sort_value, key.type_name)
    return f"({key.text}, sourced_id) {comparison} ({value}, {sourced_id})"


def _basis(endpoint: Endpoint, query: Query, viewer: Viewer) -> str:
    """The stamp that moves with whatever a total counts.

    No row of a collection changes or is added without a stamp greater than all before, and none is
    taken away; so its newest stamp stands while others are written. Tombstones beside it come and
    go only with a user or record that is stored anew, in one transaction, and a connection's own
    with its switch, which a known total is bound to. Members of parents depend on other tables, and
    so does what a filter meets in documents that are cut to some schools: there it is the clock.
    """
    is_alone = endpoint.relation is None and (viewer.schools is None or query.filter is None)
    return NEWEST.format(table=TABLES[endpoint.collection]) if is_alone else CLOCK


def _total(
    query: Query,
    continuation: Continuation | None,
    known: KnownTotal | None,
    *,
    source: Source,
    basis: str,
    conditions: Sequence[str],
) -> str:
    parameters = source.parameters
    if continuation is None:
        count = f"SELECT count(*) FROM {source.table} WHERE {_all(conditions)}"
        if known is None:
            return count
        stamp = parameters.add(known.stamp, "timestamptz")
        total = parameters.add(known.total, "bigint")
        return f"CASE WHEN ({basis}) = {stamp} THEN {total} ELSE ({count}) END"
    first = parameters.add(continuation.position.total, "bigint")
    if not _has_late_run(query, continuation):
        return first
    # What may come twice adds to the total, or a client that stops at it would stop too early.
    changed = source.compare(Predicate.GREATER, continuation.position.watermark, WATERMARK)
    late = _all((*conditions, changed))
    return f"{first} + (SELECT count(*) FROM {source.table} WHERE {late})"


def _switch(endpoint: Endpoint, viewer: Viewer, parameters: Parameters) -> str:
    if endpoint.entity is not Entity.USERS:
        return ""
    return ", " + SWITCH.format(app=parameters.once("app", viewer.app, "text"))


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "true"


def _sort_value(key: SortKey | None, branch: _Branch) -> str:
    if key is None:
        return "NULL::text"
    return f"NULL::{key.type_name}" if branch.is_late else key.text


def _order(query: Query, key: SortKey | None) -> str:
    direction = " DESC" if query.descending else ""
    keys = ["sourced_id"] if key is None else [key.text, "sourced_id"]
    return ", ".join(f"{each}{direction}" for each in keys)


def _outer_order(query: Query, *, is_split: bool) -> str:
    direction = " DESC" if query.descending else ""
    columns = ["sourced_id"] if query.sort is None else ["sort_value", "sourced_id"]
    ordered = ", ".join(f"{column}{direction}" for column in columns)
    return f"is_late, {ordered}" if is_split else ordered
