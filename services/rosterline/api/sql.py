"""Query → SQL text and parameters. Pure; nothing of a request ever stands in the text.

One statement answers a page: its records (joined as text, ready to send), its total, whether more
follow, where it ended, and the watermark. One statement sees one snapshot, which is what makes the
watermark true of the records (see `rosterline.api.walks`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rosterline.api.endpoints import Endpoint, View
from rosterline.api.filters import Attribute, Clause, Filter, Predicate
from rosterline.api.query import Query
from rosterline.api.walks import Continuation
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import Entity

TABLES: Mapping[Entity, str] = {
    Entity.ORGS: "v1p2.orgs",
    Entity.ACADEMIC_SESSIONS: "v1p2.academic_sessions",
    Entity.COURSES: "v1p2.courses",
    Entity.CLASSES: "v1p2.classes",
    Entity.USERS: "v1p2.users",
    Entity.DEMOGRAPHICS: "v1p2.demographics",
    Entity.ENROLLMENTS: "v1p2.enrollments",
}
COLUMNS: Mapping[Attribute, str] = {
    Attribute.SOURCED_ID: "sourced_id",
    Attribute.STATUS: "status",
    Attribute.DATE_LAST_MODIFIED: "date_last_modified",
}
TYPES: Mapping[Attribute, str] = {
    Attribute.SOURCED_ID: "text",
    Attribute.STATUS: "text",
    Attribute.DATE_LAST_MODIFIED: "timestamptz",
}
OPERATORS: Mapping[Predicate, str] = {
    Predicate.EQUAL: "=",
    Predicate.NOT_EQUAL: "<>",
    Predicate.GREATER: ">",
    Predicate.GREATER_OR_EQUAL: ">=",
    Predicate.LESS: "<",
    Predicate.LESS_OR_EQUAL: "<=",
}
STAMP_MEMBER = (
    """'"dateLastModified":"' || to_char(date_last_modified AT TIME ZONE 'UTC', """
    """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'"""
)


CLOCK = "SELECT last_stamp FROM rosterline.clock"
# `final` is the page's last record; rows compare member by member, and `place` comes first.
PAGE = """
SELECT ({clock}) AS clock,
    ({total}) AS total,
    string_agg(document, ',' ORDER BY {order}) FILTER (WHERE place <= {limit}) AS records,
    count(*) AS found,
    max(ROW(place, is_late, sort_value, sourced_id)) FILTER (WHERE place <= {limit}) AS final
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
    """What the collection's records counted when the clock stood at `stamp`."""

    stamp: datetime
    total: int


@dataclass(slots=True)
class _Parameters:
    values: list[object] = field(default_factory=list)

    def add(self, value: object, type_name: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{type_name}"


def record_statement(endpoint: Endpoint) -> str:
    """One record by its id ($1), deleted or not, with the watermark."""
    return (
        f"SELECT document, ({CLOCK}) AS watermark "
        f"FROM {TABLES[endpoint.entity]} "
        f"WHERE {' AND '.join(['sourced_id = $1', *_view(endpoint.view)])}"
    )


def page_statement(
    endpoint: Endpoint,
    query: Query,
    continuation: Continuation | None,
    known: KnownTotal | None,
) -> Statement:
    """A page of a collection: one row, whether or not there are records."""
    parameters = _Parameters()
    table = TABLES[endpoint.entity]
    conditions = [*_view(endpoint.view), *_filter(query.filter, parameters)]
    order = _order(query)
    limit = parameters.add(query.limit, "bigint")
    offset = parameters.add(0 if continuation else query.offset, "bigint")
    branches = _branches(query, continuation, parameters)
    selects = [
        f"(SELECT sourced_id, {_sort_value(query)}, {branch.document} AS document, "
        f"{branch.is_late} AS is_late FROM {table} "
        f"WHERE {_all((*conditions, *branch.conditions))} "
        f"ORDER BY {order} LIMIT {limit} + 1 OFFSET {offset})"
        for branch in branches
    ]
    outer_order = _outer_order(query, is_split=len(branches) > 1)
    text = PAGE.format(
        found=" UNION ALL ".join(selects),
        clock=CLOCK,
        order=outer_order,
        limit=limit,
        total=_total(query, continuation, known, source=(table, conditions), parameters=parameters),
    )
    return Statement(text, tuple(parameters.values))


@dataclass(frozen=True, slots=True)
class _Branch:
    """A run of records in order."""

    is_late: bool = False
    conditions: tuple[str, ...] = ()
    document: str = "document"


def _branches(
    query: Query, continuation: Continuation | None, parameters: _Parameters
) -> list[_Branch]:
    if continuation is None:
        return [_Branch()]
    position = continuation.position
    watermark = parameters.add(position.watermark, "timestamptz")
    behind = _behind(query, continuation, parameters)
    held, changed = f"date_last_modified <= {watermark}", f"date_last_modified > {watermark}"
    if query.is_bounded:
        return [_Branch(conditions=(held, behind))]
    shown = parameters.add(f'"dateLastModified":"{format_stamp(position.watermark)}"', "text")
    capped = f"replace(document, {STAMP_MEMBER}, {shown})"
    if not continuation.by_offset:
        either = f"CASE WHEN {changed} THEN {capped} ELSE document END"
        return [_Branch(conditions=(behind,), document=either)]
    if position.is_late:
        return [_Branch(is_late=True, conditions=(changed, behind), document=capped)]
    return [
        _Branch(conditions=(held, behind)),
        _Branch(is_late=True, conditions=(changed,), document=capped),
    ]


def _behind(query: Query, continuation: Continuation, parameters: _Parameters) -> str:
    position = continuation.position
    comparison = "<" if query.descending else ">"
    sourced_id = parameters.add(position.sourced_id, "text")
    if query.sort is Attribute.SOURCED_ID:
        return f"sourced_id {comparison} {sourced_id}"
    value = parameters.add(position.sort_value, TYPES[query.sort])
    return f"({COLUMNS[query.sort]}, sourced_id) {comparison} ({value}, {sourced_id})"


def _total(
    query: Query,
    continuation: Continuation | None,
    known: KnownTotal | None,
    *,
    source: tuple[str, list[str]],
    parameters: _Parameters,
) -> str:
    table, conditions = source
    if continuation is None:
        count = f"SELECT count(*) FROM {table} WHERE {_all(conditions)}"
        if known is None:
            return count
        stamp = parameters.add(known.stamp, "timestamptz")
        total = parameters.add(known.total, "bigint")
        return f"CASE WHEN ({CLOCK}) = {stamp} THEN {total} ELSE ({count}) END"
    first = parameters.add(continuation.position.total, "bigint")
    if query.is_bounded or not continuation.by_offset:
        return first
    # What may come twice adds to the total, or a client that stops at it would stop too early.
    watermark = parameters.add(continuation.position.watermark, "timestamptz")
    late = _all((*conditions, f"date_last_modified > {watermark}"))
    return f"{first} + (SELECT count(*) FROM {table} WHERE {late})"


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "true"


def _sort_value(query: Query) -> str:
    if query.sort is Attribute.SOURCED_ID:
        return "NULL::text AS sort_value"
    return f"{COLUMNS[query.sort]} AS sort_value"


def _order(query: Query) -> str:
    direction = " DESC" if query.descending else ""
    columns = dict.fromkeys((COLUMNS[query.sort], "sourced_id"))
    return ", ".join(f"{column}{direction}" for column in columns)


def _outer_order(query: Query, *, is_split: bool) -> str:
    direction = " DESC" if query.descending else ""
    columns = ["sourced_id"]
    if query.sort is not Attribute.SOURCED_ID:
        columns.insert(0, "sort_value")
    ordered = ", ".join(f"{column}{direction}" for column in columns)
    return f"is_late, {ordered}" if is_split else ordered


def _view(view: View | None) -> list[str]:
    if view is None:
        return []
    # From the endpoint table, never from a request: a literal lets partial indexes serve.
    return [view.column if view.value is None else f"{view.column} = '{view.value}'"]


def _filter(filtered: Filter | None, parameters: _Parameters) -> list[str]:
    conditions = []
    if filtered is None or not filtered.shows_deleted:
        conditions.append("status = 'active'")
    if filtered is not None:
        joint = " OR " if filtered.either else " AND "
        clauses = [_clause(clause, parameters) for clause in filtered.clauses]
        conditions.append(f"({joint.join(clauses)})")
    return conditions


def _clause(clause: Clause, parameters: _Parameters) -> str:
    value = parameters.add(clause.value, TYPES[clause.attribute])
    return f"{COLUMNS[clause.attribute]} {OPERATORS[clause.predicate]} {value}"
