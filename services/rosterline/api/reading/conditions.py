"""Filter → a condition in SQL over a Source, and what records are sorted by. Pure.

Everything that a request says is a parameter; names of members come from the table of fields alone.
What a filter means (`tests/support/matching.py` says the same in plain Python):

- What a record does not have matches nothing, not even `!=`.
- Texts compare without regard to case by `=`, `!=` and `~`; ids, addresses and the standard's own
  words compare as they stand. `<` and `>` go by code point.
- A date is its midnight in UTC beside a date with time; moments compare by milliseconds, numbers by
  value. `~` looks for a part of the text that the record shows.
- Of a list `=` wants all parts between commas, `~` one of them, `!=` is not `=`, and `<` and `>`
  want one element. `metadata` may hold both: a text compares as texts do, a list as lists do.
- Where case is folded (Campus), the standard's words compare like texts; ids and addresses match
  as written, in lower and in upper case, which an index can serve.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from rosterline.api.query.fields import COMMON_COLUMNS, FLAGS, Field
from rosterline.api.query.filters import Clause, Filter, Joint
from rosterline.api.query.shapes import Kind
from rosterline.api.query.values import (
    NUMBER,
    WITHIN_THE_DAY,
    Predicate,
    parse_boolean,
    parse_day,
    parse_list,
    parse_moment,
    parse_number,
)
from rosterline.api.relations import View
from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.sources import OPERATORS, Source
from rosterline.oneroster.record import HREF_BASE

# The same in every installation, and what the read model's indexes hold.
FOLDED = 'lower({0} COLLATE "pg_c_utf8")'
# What is taken for a moment is what both languages read alike; the cast says which days exist.
MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?$"
)
ZONE_PATTERN = r"(Z|[+-][0-9]{2}:[0-9]{2})$"
NUMBER_PATTERN = f"^{NUMBER.pattern}$"
STAMP_TEXT = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
ORIGIN = re.compile(r"[A-Za-z]+://.*?(?=/ims/)")
FOLDING = frozenset({Kind.TEXT, Kind.OPEN})
EXACT = frozenset({Kind.ID, Kind.ENUM, Kind.ADDRESS})
NOTHING = "false"
# A longer text is sorted by its beginning, so that a cursor stays short.
MOST_SORTED = 255
LOWEST = "'-Infinity'::numeric"


class SortKey(NamedTuple):
    """What records are sorted by, and its type."""

    text: str
    type_name: str


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of a list: a table expression, an element's text, and which are some."""

    table: str
    text: str
    condition: str = "true"
    column: str | None = None

    @property
    def whole(self) -> str:
        """All of them; a column as it stands, for its index."""
        return self.column or self.array(self.text)

    def any(self, condition: str = "true") -> str:
        """One of them fulfils it."""
        return f"EXISTS (SELECT FROM {self.table} WHERE {self.condition} AND {condition})"

    def array(self, expression: str) -> str:
        """This of each."""
        return f"ARRAY(SELECT {expression} FROM {self.table} WHERE {self.condition})"

    def first(self) -> str:
        """The first one's text."""
        return f"(SELECT {self.text} FROM {self.table} WHERE {self.condition} LIMIT 1)"


def filter_condition(filtered: Filter, source: Source) -> str:
    """What a record fulfils that the filter selects."""
    if isinstance(filtered, Joint):
        texts = (filter_condition(child, source) for child in filtered.children)
        return f"({f' {filtered.operator} '.join(texts)})"
    (clause,) = filtered.clauses
    field = clause.field
    if field.is_stamp:
        return _stamp(clause, source)
    if field.kind is Kind.OPEN:
        return _open(clause, source)
    return _flag(clause, source) or _cut(clause, source) or _closed(clause, source)


def sort_key(field: Field, source: Source) -> SortKey:
    """What comes first, in ascending order, is what has no value."""
    if field.is_stamp:
        return SortKey(source.stamp, "timestamptz")
    if field.kind is Kind.OPEN:
        json = _json(field, source)
        first = _open_elements(json).first()
        text = _by_type(json, several=first, single=f"{json} #>> '{{}}'")
    elif field.is_list:
        text = _elements(field, source).first()
    else:
        text = _text(field, source)
    if field.kind is Kind.NUMBER:
        return SortKey(f"coalesce({_number(text)}, {LOWEST})", "numeric")
    return SortKey(f"coalesce(left({text}, {MOST_SORTED}), '') COLLATE \"C\"", "text")


def _text(field: Field, source: Source) -> str:
    """What the record shows, as text."""
    if field.name in COMMON_COLUMNS or field.column in source.columns:
        return str(field.column)
    if field.name == "email" and "alternative_email" in source.columns:
        return "coalesce(alternative_email, email)"
    return f"({source.holding(field.path[0])})::json #>> '{{{','.join(field.path)}}}'"


def _json(field: Field, source: Source) -> str:
    """What stands below `metadata`, where only the request knows the names."""
    path = source.parameters.once(f"path of {field.name}", list(field.path), "text[]")
    return f"(({source.stored})::json #> {path})"


def _elements(field: Field, source: Source) -> Elements:
    if field.column in source.columns:
        return Elements(f"unnest({field.column}) AS element", "element", column=field.column)
    path = ".".join(f'"{name}"' for name in field.path)
    return Elements(
        f"jsonb_path_query(({source.holding(field.path[0])})::jsonb, '$.{path}[*]') AS element",
        "(element #>> '{}')",
        "jsonb_typeof(element) NOT IN ('object', 'array', 'null')",
    )


def _open_elements(json: str) -> Elements:
    return Elements(
        f"json_array_elements({json}) AS element",
        "(element #>> '{}')",
        "json_typeof(element) NOT IN ('object', 'array', 'null')",
    )


def _by_type(json: str, *, several: str, single: str) -> str:
    """A CASE, so that nothing is asked of JSON that it is not."""
    return (
        f"CASE json_typeof({json}) WHEN 'array' THEN {several} "
        f"WHEN 'object' THEN NULL WHEN 'null' THEN NULL ELSE {single} END"
    )


def _closed(clause: Clause, source: Source) -> str:
    """Of a field whose place in the record the standard says."""
    field = clause.field
    if field.is_list:
        return _list(clause, _elements(field, source), source.parameters)
    if field.name == "email" and clause.predicate is Predicate.EQUAL:
        return _email(clause, source)
    return _compare(clause, _text(field, source), source.parameters)


def _flag(clause: Clause, source: Source) -> str | None:
    """The column that says as much, and has an index, where the clause asks for one word.

    Records write the words in lower case, so that only the value can need folding.
    """
    if clause.predicate is not Predicate.EQUAL:
        return None
    word = clause.value.lower() if clause.folds_case else clause.value
    flag = FLAGS.get(clause.field.name, {}).get(word)
    return " AND ".join(source.view(View(flag))) if flag in source.columns else None


def _cut(clause: Clause, source: Source) -> str | None:
    """Of a member of which the viewer may see less: it is cut only where it may be met at all."""
    if clause.field.path[0] not in source.members or clause.predicate is Predicate.NOT_EQUAL:
        return None
    stored, shown = _closed(clause, source.uncut), _closed(clause, source)
    return f"CASE WHEN {stored} THEN {shown} ELSE {NOTHING} END"


def _stamp(clause: Clause, source: Source) -> str:
    if clause.predicate is Predicate.CONTAINS:
        value = source.parameters.add(clause.value, "text")
        return f"strpos({STAMP_TEXT.format(source.stamp)}, {value}) > 0"
    return source.compare(clause.predicate, parse_moment(clause.value))


def _email(clause: Clause, source: Source) -> str:
    """Each address of a user has an index of its own, where both may be shown."""
    parameters = source.parameters
    if "alternative_email" not in source.columns or "email" in source.columns:
        return _compare(clause, _text(clause.field, source), parameters)
    value = FOLDED.format(parameters.add(clause.value, "text"))
    return (
        f"({FOLDED.format('alternative_email')} = {value} OR "
        f"(alternative_email IS NULL AND {FOLDED.format('email')} = {value}))"
    )


def _open(clause: Clause, source: Source) -> str:
    json = _json(clause.field, source)
    several = _list(clause, _open_elements(json), source.parameters)
    single = _compare(clause, f"({json} #>> '{{}}')", source.parameters)
    return f"coalesce({_by_type(json, several=several, single=single)}, false)"


def _compare(clause: Clause, text: str, parameters: Parameters) -> str:
    """One text, of which we know the kind, and a value."""
    kind, predicate, value = clause.field.kind, clause.predicate, clause.value
    if kind in FOLDING or kind in EXACT:
        return _compare_text(clause, text, parameters)
    if predicate is Predicate.CONTAINS:
        return f"strpos({text}, {parameters.add(value, 'text')}) > 0"
    if kind is Kind.DATE:
        return _compare_day(predicate, text, value, parameters)
    if kind is Kind.BOOLEAN:
        compared = parameters.add(parse_boolean(value), "text")
        return f'{FOLDED.format(text)} COLLATE "C" {OPERATORS[predicate]} {compared}'
    if kind is Kind.NUMBER:
        number = parameters.add(parse_number(value), "numeric")
        return f"{_number(text)} {OPERATORS[predicate]} {number}"
    moment = parameters.add(parse_moment(value), "timestamptz")
    return f"{_moment(text)} {OPERATORS[predicate]} {moment}"


def _compare_text(clause: Clause, text: str, parameters: Parameters) -> str:
    predicate, value = clause.predicate, _shown_value(clause.field, clause.value)
    is_equality = predicate in {Predicate.EQUAL, Predicate.NOT_EQUAL}
    is_folded = clause.field.kind in FOLDING or clause.folds_case
    if predicate is Predicate.CONTAINS:
        part = parameters.add(value, "text")
        if not is_folded:
            return f"strpos({text}, {part}) > 0"
        return f"strpos({FOLDED.format(text)}, {FOLDED.format(part)}) > 0"
    if not is_equality:
        compared = parameters.add(value, "text")
        return f'({text}) COLLATE "C" {OPERATORS[predicate]} {compared}'
    if _is_text(clause):
        compared = FOLDED.format(parameters.add(value, "text"))
        return f"{FOLDED.format(text)} {OPERATORS[predicate]} {compared}"
    if clause.folds_case:
        several = parameters.add(in_cases(value), "text[]")
        is_equal = predicate is Predicate.EQUAL
        return f"{text} = ANY({several})" if is_equal else f"{text} <> ALL({several})"
    return f"{text} {OPERATORS[predicate]} {parameters.add(value, 'text')}"


def _compare_day(predicate: Predicate, text: str, value: str, parameters: Parameters) -> str:
    day, is_midnight = parse_day(value)
    found = predicate if is_midnight else WITHIN_THE_DAY[predicate]
    if isinstance(found, bool):
        return f"({text}) IS NOT NULL" if found else NOTHING
    return f'{_day(text)} COLLATE "C" {OPERATORS[found]} {parameters.add(day, "text")}'


def _list(clause: Clause, elements: Elements, parameters: Parameters) -> str:
    if clause.predicate is Predicate.CONTAINS:
        return _holds(clause, elements, parameters, operator="&&")
    if clause.predicate in {Predicate.EQUAL, Predicate.NOT_EQUAL}:
        holds = _holds(clause, elements, parameters, operator="@>")
        return (
            holds if clause.predicate is Predicate.EQUAL else f"({elements.any()} AND NOT {holds})"
        )
    return elements.any(_compare(clause, elements.text, parameters))


def _holds(clause: Clause, elements: Elements, parameters: Parameters, *, operator: str) -> str:
    """Whether the list holds all (`@>`) or any (`&&`) of the parts of the value."""
    kind, values = clause.field.kind, parse_list(clause.value)
    if kind is Kind.NUMBER:
        numbers = parameters.add([parse_number(value) for value in values], "numeric[]")
        return f"{elements.array(_number(elements.text))} {operator} {numbers}"
    if kind is Kind.DATE:
        days = parameters.add([_midnight(value) for value in values], "text[]")
        return f"{elements.array(_day(elements.text))} {operator} {days}"
    shown = [_shown_value(clause.field, value) for value in values]
    if _is_text(clause):
        parts = parameters.add(shown, "text[]")
        folded = f"ARRAY(SELECT {FOLDED.format('part')} FROM unnest({parts}) AS part)"
        return f"{elements.array(FOLDED.format(elements.text))} {operator} {folded}"
    if not clause.folds_case:
        return f"{elements.whole} {operator} {parameters.add(shown, 'text[]')}"
    joint = " AND " if operator == "@>" else " OR "
    each = (f"{elements.whole} && {parameters.add(in_cases(value), 'text[]')}" for value in shown)
    return f"({joint.join(each)})"


def _number(text: str) -> str:
    return f"CASE WHEN {text} ~ '{NUMBER_PATTERN}' THEN ({text})::numeric END"


def _moment(text: str) -> str:
    zoned = f"CASE WHEN {text} ~ '{ZONE_PATTERN}' THEN {text} ELSE {text} || ' UTC' END"
    return (
        f"CASE WHEN {text} ~ '{MOMENT_PATTERN}' AND pg_input_is_valid({zoned}, 'timestamptz') "
        f"THEN date_trunc('milliseconds', ({zoned})::timestamptz) END"
    )


def _day(text: str) -> str:
    return f"left({text}, 10)"


def _midnight(value: str) -> str | None:
    """The day whose midnight it is; no day is another moment."""
    day, is_midnight = parse_day(value)
    return day if is_midnight else None


def _is_text(clause: Clause) -> bool:
    """Whether its equality knows no case at all."""
    kind = clause.field.kind
    return kind in FOLDING or (clause.folds_case and kind is Kind.ENUM)


def _shown_value(field: Field, value: str) -> str:
    """Addresses are stored without the server's own part."""
    return ORIGIN.sub(HREF_BASE, value, count=1) if field.kind is Kind.ADDRESS else value


def in_cases(value: str) -> list[str]:
    """As it is written, in lower and in upper case."""
    return list(dict.fromkeys((value, value.lower(), value.upper())))
