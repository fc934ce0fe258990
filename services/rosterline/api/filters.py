r"""The `filter` parameter: text ↔ Filter. Pure.

    filter = clause [ " AND " clause | " OR " clause ]
    clause = attribute predicate "'" value "'"

Inside a value `''` and `\'` are a quote and `\\` is a backslash.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from rosterline.api.errors import ApiError, CodeMinor, bad_request

# Possessive, so that no text makes it try a clause in two ways.
CLAUSE = re.compile(
    r"\s*+(?P<attribute>[A-Za-z_][\w.]*+)\s*+(?P<predicate>!=|>=|<=|[=<>~])\s*+"
    r"'(?P<value>(?:''|\\['\\]|[^'])*+)'\s*+"
)
OPERATOR = re.compile(r"(?<=\s)(AND|OR)(?=\s)")
ESCAPED = re.compile(r"''|\\(['\\])")
# A raw `+` in a query string means a space, so an offset `+02:00` arrives as ` 02:00`.
LOST_PLUS = re.compile(r"([Tt ]\d\d:\d\d[\d:.]*) (\d\d:?\d\d)$")


class Attribute(StrEnum):
    """The attributes that can be filtered and sorted on."""

    SOURCED_ID = "sourcedId"
    STATUS = "status"
    DATE_LAST_MODIFIED = "dateLastModified"


class Predicate(StrEnum):
    """Comparisons; texts compare by code point."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="


ATTRIBUTES = {attribute.value: attribute for attribute in Attribute}


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; the value of `dateLastModified` is a moment, that of the others a text."""

    attribute: Attribute
    predicate: Predicate
    value: str | datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """One or two clauses; `either` joins them with OR."""

    clauses: tuple[Clause, ...]
    either: bool = False

    @property
    def shows_deleted(self) -> bool:
        """Whether it names an attribute by which a client asks for `tobedeleted` records too."""
        return any(clause.attribute is not Attribute.SOURCED_ID for clause in self.clauses)

    @property
    def names_stamp(self) -> bool:
        """Whether it asks for a delta."""
        return any(clause.attribute is Attribute.DATE_LAST_MODIFIED for clause in self.clauses)


def parse_filter(text: str) -> Filter:
    """Check a filter; raises ApiError with `invalid_filter_field`."""
    if "\0" in text:
        raise _fault("filter contains a NUL character")
    first = CLAUSE.match(text)
    if first is None:
        raise _fault("filter must begin with a clause such as status='active'")
    if first.end() == len(text):
        return Filter((_clause(first),))
    operator = OPERATOR.match(text, first.end())
    if operator is None:
        raise _fault("after a clause only ' AND ' or ' OR ' and another clause can stand")
    second = CLAUSE.match(text, operator.end())
    if second is None:
        raise _fault(f"after {operator[1]} another clause must follow")
    if second.end() != len(text):
        raise _fault("filter can hold two clauses, joined by one AND or OR")
    return Filter((_clause(first), _clause(second)), either=operator[1] == "OR")


def format_filter(checked: Filter) -> str:
    """The text of a filter, such that `parse_filter` gives the same filter."""
    joint = " OR " if checked.either else " AND "
    return joint.join(_format_clause(clause) for clause in checked.clauses)


def parse_moment(text: str) -> datetime:
    """A date (its midnight, UTC) or a date with time, without zone UTC; raises ValueError."""
    if not text.isascii():
        raise ValueError("digits of ASCII only")
    moment = datetime.fromisoformat(LOST_PLUS.sub(r"\1+\2", text).upper())
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def _clause(match: re.Match[str]) -> Clause:
    name = match["attribute"]
    attribute = ATTRIBUTES.get(name)
    if attribute is None:
        raise _fault(f"Unknown filter field {name[:60]!r}; choose among {', '.join(Attribute)}")
    if match["predicate"] == "~":
        raise _fault(f"{name} cannot be compared with ~")
    value = ESCAPED.sub(lambda found: found[1] or "'", match["value"])
    return Clause(attribute, Predicate(match["predicate"]), _value(attribute, value))


def _value(attribute: Attribute, text: str) -> str | datetime:
    if attribute is not Attribute.DATE_LAST_MODIFIED:
        return text
    try:
        return parse_moment(text.strip())
    except ValueError:
        raise _fault(
            f"dateLastModified cannot be compared with {text[:60]!r}; "
            "write 2026-11-21 or 2026-11-21T08:15:00.000Z"
        ) from None


def _format_clause(clause: Clause) -> str:
    value = clause.value
    text = (
        value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if isinstance(value, datetime)
        else value.replace("\\", "\\\\").replace("'", "''")
    )
    return f"{clause.attribute}{clause.predicate}'{text}'"


def _fault(message: str) -> ApiError:
    return bad_request(CodeMinor.INVALID_FILTER_FIELD, message)
