"""The query language in plain Python: what the SQL of `reading.conditions` must select.

One record after another, one clause after another, with nothing shared with the SQL but the parsed
filter and the table of fields.
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from rosterline.api.query.fields import Field
from rosterline.api.query.filters import And, Filter, Joint
from rosterline.api.query.parsing import Query
from rosterline.api.query.shapes import Kind
from rosterline.api.query.values import Predicate, parse_moment

Document = dict[str, Any]

COMPARE: Mapping[Predicate, Callable[[Any, Any], bool]] = {
    Predicate.EQUAL: operator.eq,
    Predicate.NOT_EQUAL: operator.ne,
    Predicate.GREATER: operator.gt,
    Predicate.GREATER_OR_EQUAL: operator.ge,
    Predicate.LESS: operator.lt,
    Predicate.LESS_OR_EQUAL: operator.le,
}
OF_SETS = {Predicate.EQUAL, Predicate.NOT_EQUAL, Predicate.CONTAINS}
# PostgreSQL 18 knows letters of Unicode 15 and 16, Python 3.11 those of 14; and it maps each
# character to one.
LOWER = {
    "\u0130": "i",
    "\u1c89": "\u1c8a",
    "\ua7cb": "\u0264",
    "\ua7cc": "\ua7cd",
    "\ua7da": "\ua7db",
    "\ua7dc": "\u019b",
    **{chr(code): chr(code + 0x20) for code in range(0x10D50, 0x10D66)},
}
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
    r"(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?",
    re.ASCII,
)


class Number(str):
    """A number as the document has it."""

    __slots__ = ()


def read_document(text: str) -> Document:
    """The record, its numbers as they are written."""
    found: Document = json.loads(text, parse_float=Number, parse_int=Number)
    return found


@cache
def fold(text: str) -> str:
    """Lower case, character by character, as `lower(… COLLATE "pg_c_utf8")`."""
    return "".join(LOWER.get(each, each.lower()) for each in text)


def select(documents: Iterable[Document], query: Query, *, tombstones: bool = False) -> list[str]:
    """The ids of all records that the query selects, in its order."""
    filtered = query.filter
    shows_deleted = tombstones or (filtered is not None and filtered.shows_deleted)
    found = [
        document
        for document in documents
        if (shows_deleted or document["status"] == "active")
        and (filtered is None or matches(document, filtered))
    ]

    def key(document: Document) -> tuple[Any, ...]:
        ranks = () if query.sort is None else (sort_value(document, query.sort),)
        return (*ranks, document["sourcedId"])

    return [each["sourcedId"] for each in sorted(found, key=key, reverse=query.descending)]


def matches(document: Document, filtered: Filter) -> bool:
    """Whether the filter selects the record."""
    if isinstance(filtered, Joint):
        joined = all if isinstance(filtered, And) else any
        return joined(matches(document, child) for child in filtered.children)
    (clause,) = filtered.clauses
    field = clause.field
    value = re.sub(r"^[A-Za-z]+://.*?(?=/ims/)", "~", clause.value)
    clause_value = value if field.kind is Kind.ADDRESS else clause.value
    found, is_list = look_up(document, field)
    if not found:
        return False
    compares = Comparison(field.kind, folds_case=clause.folds_case)
    if not is_list:
        return compares(found[0], clause.predicate, clause_value)
    if clause.predicate not in OF_SETS:
        return any(compares(each, clause.predicate, clause_value) for each in found)
    parts = [part.strip() for part in clause.value.split(",") if part.strip()] or [""]
    if field.kind is Kind.ADDRESS:
        parts = [re.sub(r"^[A-Za-z]+://.*?(?=/ims/)", "~", part) for part in parts]
    held = [any(compares(each, Predicate.EQUAL, part) for each in found) for part in parts]
    if clause.predicate is Predicate.CONTAINS:
        return any(held)
    return all(held) is (clause.predicate is Predicate.EQUAL)


def look_up(document: Document, field: Field) -> tuple[list[str], bool]:
    """The texts at the field's place, and whether they are a list's."""
    if field.is_list:
        return list(flattened(document, field.path)), True
    found: Any = document
    for name in field.path:
        if isinstance(found, list) and re.fullmatch("[0-9]{1,9}", name):
            found = found[int(name)] if int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list):
        return [text for each in found if (text := as_text(each)) is not None], True
    text = as_text(found)
    return [] if text is None else [text], False


def flattened(found: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The texts that the path leads to, through every list on its way."""
    if isinstance(found, list):
        for each in found:
            yield from flattened(each, path)
    elif path:
        if isinstance(found, dict) and path[0] in found:
            yield from flattened(found[path[0]], path[1:])
    elif (text := as_text(found)) is not None:
        yield text


def as_text(found: Any) -> str | None:
    """A scalar as text; None for what has none."""
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else None


class Comparison:
    """Compares a text of a record with a value of a filter."""

    def __init__(self, kind: Kind, *, folds_case: bool) -> None:
        self.kind = kind
        self.folds_case = folds_case

    def __call__(self, text: str, predicate: Predicate, value: str) -> bool:
        """Whether it holds."""
        if predicate is Predicate.CONTAINS:
            return self.contains(text, value)
        if self.kind in {Kind.ID, Kind.ENUM, Kind.ADDRESS, Kind.TEXT, Kind.OPEN}:
            return self.compare_texts(text, predicate, value)
        if self.kind is Kind.BOOLEAN:
            return COMPARE[predicate](text.lower(), value.strip().lower())
        one: Any
        other: Any
        if self.kind is Kind.NUMBER:
            one, other = read_number(text), Decimal(value.strip())
        else:
            one = read_moment(text[:10] if self.kind is Kind.DATE else text)
            other = parse_moment(value)
        return one is not None and COMPARE[predicate](one, other)

    def contains(self, text: str, value: str) -> bool:
        """Whether the value is a part of the text."""
        if self.kind in {Kind.TEXT, Kind.OPEN}:
            return fold(value) in fold(text)
        if self.folds_case and self.kind in {Kind.ID, Kind.ENUM, Kind.ADDRESS}:
            return fold(value) in fold(text)
        return value in text

    def compare_texts(self, text: str, predicate: Predicate, value: str) -> bool:
        """As code points, but for what is equal in spite of its case."""
        if predicate not in {Predicate.EQUAL, Predicate.NOT_EQUAL}:
            return COMPARE[predicate](text, value)
        if self.kind in {Kind.TEXT, Kind.OPEN} or (self.folds_case and self.kind is Kind.ENUM):
            is_equal = fold(text) == fold(value)
        elif self.folds_case:
            is_equal = text in {value, value.lower(), value.upper()}
        else:
            is_equal = text == value
        return is_equal is (predicate is Predicate.EQUAL)


def read_number(text: str) -> Decimal | None:
    """A number, also one that is sent as a text."""
    is_number = re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", text, re.ASCII)
    return Decimal(text) if is_number else None


def read_moment(text: str) -> datetime | None:
    """A moment to the millisecond; without zone it is UTC."""
    if not MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    zoned = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return zoned.replace(microsecond=zoned.microsecond // 1000 * 1000)


def sort_value(document: Document, field: Field) -> Any:
    """What is sorted by: what has no value comes first."""
    found, _ = look_up(document, field)
    if field.kind is Kind.NUMBER:
        number = read_number(found[0]) if found else None
        return Decimal("-Infinity") if number is None else number
    return found[0][:255] if found else ""
