"""How the columns of many records travel to the database, and what it makes of them. Pure.

A column whose values hold no line break travels as one text, a line for each value: of an array
asyncpg looks at every element, which costs more than to make the text. Ids are such values, and so
are documents, for JSON writes a line break as an escape.
"""

from collections.abc import Iterable
from typing import Any

from rosterline.db.tables import read_model
from rosterline.oneroster.vocabulary import Entity

LINES, NUMBERS, LISTS = "lines", "numbers", "lists of ids"
ABSENT = "\\N"
SPLIT = f"string_to_array(${{number}}, E'\\n', '{ABSENT}')"
OF_ALL = {
    "sourced_id": LINES,
    "status": LINES,
    "document": LINES,
    "digest": "bytea",
    "sequence": NUMBERS,
    "schools": LISTS,
}


def kind_of(name: str) -> str:
    """As what an entity's own column travels; else it is an array of the type that is named."""
    if name.startswith("is_"):
        return "boolean"
    if any(name in lists for lists in read_model.LISTS.values()):
        return LISTS
    return "text" if name in read_model.FOLDED_KEYS else LINES


OWN_COLUMNS: dict[Entity, dict[str, str]] = {
    entity: {
        column.name: kind_of(column.name)
        for column in read_model.extra_columns(entity)
        if column.name != "alternative"
    }
    for entity in Entity
}


def column_kinds(entity: Entity) -> dict[str, str]:
    """All columns that are sent, in their order; the stamp is the same for all records."""
    alternative = {"alternative": LINES} if entity is Entity.USERS else {}
    return OF_ALL | OWN_COLUMNS[entity] | alternative


def sent(values: list[Any], kind: str) -> str | list[Any]:
    """A column as it travels; a list of ids is an array as PostgreSQL writes it."""
    if kind == LINES:
        return lines(values)
    if kind == LISTS:
        return lines(None if ids is None else written(ids) for ids in values)
    return lines(map(str, values)) if kind == NUMBERS else values


def lines(values: Iterable[str | None]) -> str:
    """The values as one text."""
    return "\n".join([ABSENT if value is None else value for value in values])


def written(ids: tuple[str, ...]) -> str:
    """The ids as an array; in quotes, so that none is taken for a null."""
    listed = '","'.join(ids)
    return f'{{"{listed}"}}' if ids else "{}"


def received(number: int, kind: str) -> str:
    """The array that a statement makes of its argument of this number."""
    if kind in {LINES, LISTS}:
        return SPLIT.format(number=number)
    if kind == NUMBERS:
        return f"{SPLIT.format(number=number)}::bigint[]"
    return f"${number}::{kind}[]"


def value(name: str, kind: str) -> str:
    """What a statement stores of an element of that array."""
    return f"{name}::text[]" if kind == LISTS else name
