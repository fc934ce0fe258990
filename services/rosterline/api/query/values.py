"""The values of a filter: text → what a field of some kind is compared with. Pure.

A value that cannot be compared raises ValueError with words that say what to write.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from rosterline.api.query.fields import Field
from rosterline.api.query.shapes import Kind

# A raw `+` in a query string means a space, so an offset `+02:00` arrives as ` 02:00`.
LOST_PLUS = re.compile(r"([Tt ]\d\d:\d\d[\d:.]*) (\d\d:?\d\d)$")
NUMBER = re.compile(r"[-+]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,2})?")
BOOLEANS = ("true", "false")
MILLISECOND = 1000
MOST_PARTS = 100


class Predicate(StrEnum):
    """Comparisons; `~` means contains."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    CONTAINS = "~"


# To a list they compare as sets: the value holds parts between commas.
OF_SETS = frozenset({Predicate.EQUAL, Predicate.NOT_EQUAL, Predicate.CONTAINS})
# Of a day and a moment within it, but not at its midnight: how the day is asked of instead.
WITHIN_THE_DAY: Mapping[Predicate, Predicate | bool] = {
    Predicate.EQUAL: False,
    Predicate.NOT_EQUAL: True,
    Predicate.GREATER: Predicate.GREATER,
    Predicate.GREATER_OR_EQUAL: Predicate.GREATER,
    Predicate.LESS: Predicate.LESS_OR_EQUAL,
    Predicate.LESS_OR_EQUAL: Predicate.LESS_OR_EQUAL,
}


def parse_moment(text: str) -> datetime:
    """A date (its midnight, UTC) or a date with time, without zone UTC, to the millisecond."""
    try:
        # A UnicodeEncodeError is a ValueError: digits of other scripts are none.
        text.encode("ascii")
        moment = datetime.fromisoformat(LOST_PLUS.sub(r"\1+\2", text.strip()).upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("write 2026-11-21 or 2026-11-21T08:15:00.000Z") from None
    return moment.replace(microsecond=moment.microsecond // MILLISECOND * MILLISECOND)


def parse_day(text: str) -> tuple[str, bool]:
    """The day in which a moment lies, and whether it is the day's midnight."""
    moment = parse_moment(text)
    return moment.date().isoformat(), moment.timetz() == datetime.min.replace(tzinfo=UTC).timetz()


def parse_number(text: str) -> Decimal:
    """A decimal number."""
    if not NUMBER.fullmatch(text.strip()):
        raise ValueError("write a number such as 85 or 85.5")
    return Decimal(text.strip())


def parse_boolean(text: str) -> str:
    """`true` or `false`, whatever its case."""
    word = text.strip().lower()
    if word not in BOOLEANS:
        raise ValueError("write true or false")
    return word


def parse_list(text: str) -> tuple[str, ...]:
    """The parts between commas, without blanks around them."""
    parts = tuple(part for piece in text.split(",") if (part := piece.strip()))
    return parts or ("",)


def check_value(field: Field, predicate: Predicate, text: str) -> None:
    """Raises ValueError unless a field can be compared so."""
    if field.is_list and predicate in OF_SETS:
        values = parse_list(text)
    elif predicate is Predicate.CONTAINS:
        return
    else:
        values = (text,)
    if len(values) > MOST_PARTS:
        raise ValueError(f"write up to {MOST_PARTS} parts")
    check = CHECKS.get(field.kind)
    if check is not None:
        for value in values:
            check(value)


CHECKS: Mapping[Kind, Callable[[str], object]] = {
    Kind.DATE: parse_day,
    Kind.MOMENT: parse_moment,
    Kind.NUMBER: parse_number,
    Kind.BOOLEAN: parse_boolean,
}
