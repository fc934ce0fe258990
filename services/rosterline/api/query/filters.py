r"""The `filter` parameter: text ↔ Filter. Pure.

    filter  = both { " OR " both }
    both    = single { " AND " single }
    single  = clause | "(" filter ")"
    clause  = field predicate ( "'" value "'" | number | "true" | "false" )

Inside a value `''` and `\'` are a quote and `\\` is a backslash. The standard knows two clauses,
one operator and values in quotes; the rest is what its users write beyond it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import ClassVar

from typing_extensions import override

from rosterline.api.errors import ApiError, CodeMinor, bad_request
from rosterline.api.query.fields import Field, fields_of, find_field, parts
from rosterline.api.query.rules import QueryRules
from rosterline.api.query.shapes import STATUS
from rosterline.api.query.values import Predicate as Predicate
from rosterline.api.query.values import check_value, parse_moment
from rosterline.oneroster.vocabulary import Collection

MOST_CHARACTERS = 4000
MOST_CLAUSES = 50
MOST_DEPTH = 20

# Possessive, so that no text makes it try a clause in two ways.
CLAUSE = re.compile(
    r"\s*+(?P<name>[A-Za-z_][\w:-]*+(?:\s*+\.\s*+[\w:-]*+)*+)\s*+(?P<predicate>!=|>=|<=|[=<>~])\s*+"
    r"(?:'(?P<quoted>(?:''|\\['\\]|[^'])*+)'"
    r"|(?P<bare>[-+]?+[0-9]++(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+|true|false)(?=[\s)]|\Z))\s*+"
)
OPERATOR = re.compile(r"(?<=[\s)])(?:AND|OR|and|or)(?=[\s(])")
OPENING = re.compile(r"\s*+\(")
CLOSING = re.compile(r"\s*+\)\s*+")
ESCAPED = re.compile(r"''|\\(['\\])")


class Filter(ABC):
    """A condition on records."""

    __slots__ = ()

    @property
    @abstractmethod
    def clauses(self) -> "Iterator[Clause]":
        """All comparisons in it."""

    @abstractmethod
    def implies_after(self, moment: datetime) -> bool:
        """Whether it can only hold of records with a stamp later than this."""

    @property
    def names_stamp(self) -> bool:
        """Whether it asks for a delta."""
        return any(clause.field.is_stamp for clause in self.clauses)

    @property
    def shows_deleted(self) -> bool:
        """Whether it names a field by which a client asks for `tobedeleted` records too."""
        return self.names_stamp or any(clause.field.name == STATUS for clause in self.clauses)


@dataclass(frozen=True, slots=True)
class Clause(Filter):
    """One comparison; with `folds_case` not even ids and words of the standard have a case."""

    field: Field
    predicate: Predicate
    value: str
    folds_case: bool = False

    @property
    @override
    def clauses(self) -> "Iterator[Clause]":
        """Itself."""
        yield self

    @override
    def implies_after(self, moment: datetime) -> bool:
        """Whether it compares the stamp with something later."""
        if not self.field.is_stamp or self.predicate is Predicate.CONTAINS:
            return False
        value = parse_moment(self.value)
        if self.predicate is Predicate.GREATER:
            return value >= moment
        return self.predicate in {Predicate.GREATER_OR_EQUAL, Predicate.EQUAL} and value > moment


@dataclass(frozen=True, slots=True)
class Joint(Filter):
    """Several conditions."""

    operator: ClassVar[str]
    children: tuple[Filter, ...]

    @property
    @override
    def clauses(self) -> Iterator[Clause]:
        """Those of all its conditions."""
        return (clause for child in self.children for clause in child.clauses)


class And(Joint):
    """All conditions hold."""

    __slots__ = ()
    operator = "AND"

    @override
    def implies_after(self, moment: datetime) -> bool:
        """One that does is enough."""
        return any(child.implies_after(moment) for child in self.children)


class Or(Joint):
    """One of the conditions holds."""

    __slots__ = ()
    operator = "OR"

    @override
    def implies_after(self, moment: datetime) -> bool:
        """All must."""
        return all(child.implies_after(moment) for child in self.children)


def parse_filter(text: str, collection: Collection, rules: QueryRules) -> Filter:
    """Check a filter on records of a collection; raises ApiError with `invalid_filter_field`."""
    if "\0" in text:
        raise _fault("filter contains a NUL character")
    if len(text) > MOST_CHARACTERS:
        raise _fault(f"filter is longer than {MOST_CHARACTERS} characters")
    reader = _Reader(text, collection, rules)
    found = reader.read_either("filter must begin with")
    reader.require_end()
    return found


def format_filter(checked: Filter) -> str:
    """The text of a filter, such that `parse_filter` gives the same filter."""
    if isinstance(checked, Joint):
        texts = (
            f"({format_filter(child)})" if isinstance(child, Joint) else format_filter(child)
            for child in checked.children
        )
        return f" {checked.operator} ".join(texts)
    (clause,) = checked.clauses
    value = clause.value.replace("\\", "\\\\").replace("'", "''")
    return f"{clause.field.name}{clause.predicate}'{value}'"


@dataclass(slots=True)
class _Reader:
    """Reads a filter from left to right; `before` says what a clause must follow."""

    text: str
    collection: Collection
    rules: QueryRules
    position: int = 0
    depth: int = 0
    count: int = 0

    def read_either(self, before: str) -> Filter:
        children = [self._read_both(before)]
        while self._take_operator(Or.operator):
            children.append(self._read_both("after OR must follow"))
        return children[0] if len(children) == 1 else Or(tuple(children))

    def require_end(self) -> None:
        if self.position == len(self.text):
            return
        if CLOSING.match(self.text, self.position):
            raise _fault("filter closes a parenthesis that it did not open")
        raise _fault("after a clause only ' AND ' or ' OR ' and another clause can stand")

    def _read_both(self, before: str) -> Filter:
        children = [self._read_single(before)]
        while self._take_operator(And.operator):
            children.append(self._read_single("after AND must follow"))
        return children[0] if len(children) == 1 else And(tuple(children))

    def _read_single(self, before: str) -> Filter:
        opening = OPENING.match(self.text, self.position)
        if opening is None:
            return self._read_clause(before)
        self.position = opening.end()
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise _fault(f"filter has more than {MOST_DEPTH} parentheses within each other")
        found = self.read_either("after a parenthesis must follow")
        closing = CLOSING.match(self.text, self.position)
        if closing is None:
            raise _fault("filter opens a parenthesis that it does not close")
        self.position = closing.end()
        self.depth -= 1
        return found

    def _read_clause(self, before: str) -> Clause:
        match = CLAUSE.match(self.text, self.position)
        if match is None:
            raise _fault(f"{before} a clause such as status='active'")
        self.position = match.end()
        self.count += 1
        if self.count > MOST_CLAUSES:
            raise _fault(f"filter has more than {MOST_CLAUSES} clauses")
        # Seed 002 writes "parentAssessmentLineItem. sourcedId=".
        name = "".join(match["name"].split())
        field = self._find(name)
        quoted = match["quoted"]
        value = (
            match["bare"] if quoted is None else ESCAPED.sub(lambda found: found[1] or "'", quoted)
        )
        predicate = Predicate(match["predicate"])
        try:
            check_value(field, predicate, value)
        except ValueError as error:
            raise _fault(f"{name} cannot be compared with {value[:60]!r}; {error}") from None
        return Clause(field, predicate, value, self.rules.folds_case)

    def _find(self, name: str) -> Field:
        standard = self.rules.standard_name(name, self.collection)
        field = find_field(self.collection, standard)
        if field is not None:
            return field
        if standard in parts(self.collection):
            raise _fault(f"Filter field {name!r} has parts; name one, such as {name}.sourcedId")
        alike = get_close_matches(name[:60], fields_of(self.collection), 1)
        advice = f"; do you mean {alike[0]}?" if alike else ""
        raise _fault(f"Unknown filter field {name[:60]!r} of {self.collection.entity}{advice}")

    def _take_operator(self, operator: str) -> bool:
        match = OPERATOR.match(self.text, self.position)
        if match is None or operator != (
            match[0].upper() if self.rules.lower_operators else match[0]
        ):
            return False
        self.position = match.end()
        return True


def _fault(message: str) -> ApiError:
    return bad_request(CodeMinor.INVALID_FILTER_FIELD, message)
