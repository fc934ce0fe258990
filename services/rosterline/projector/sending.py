"""How the columns of many records travel to the database, and what it makes of them. Pure.

Ids hold no white space and no backslash, so that a column of them travels as one text with a line
for each: of an array asyncpg looks at every element, which costs more than to make the text.
"""

from typing import Any

from rosterline.db.tables import read_model
from rosterline.oneroster.vocabulary import Entity

IDS, LISTS = "ids", "lists of ids"
ABSENT = "\\N"
OF_ALL = {
    "sourced_id": IDS,
    "status": IDS,
    "document": "text",
    "digest": "bytea",
    "sequence": "bigint",
    "schools": LISTS,
}


def kind_of(name: str) -> str:
    """As what an entity's own column travels: ids, lists of ids, or an array of a type."""
    if name.startswith("is_"):
        return "boolean"
    if any(name in lists for lists in read_model.LISTS.values()):
        return LISTS
    return "text" if name in read_model.FOLDED_KEYS else IDS


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
    alternative = {"alternative": "text"} if entity is Entity.USERS else {}
    return OF_ALL | OWN_COLUMNS[entity] | alternative


def sent(values: list[Any], kind: str) -> str | list[Any]:
    """A column as it travels; a list of ids is an array as PostgreSQL writes it."""
    if kind == LISTS:
        values = [None if ids is None else written(ids) for ids in values]
    elif kind != IDS:
        return values
    return "\n".join([ABSENT if value is None else value for value in values])


def written(ids: tuple[str, ...]) -> str:
    """The ids as an array; in quotes, so that none is taken for a null."""
    listed = '","'.join(ids)
    return f'{{"{listed}"}}' if ids else "{}"


def received(number: int, kind: str) -> str:
    """The array that a statement makes of its argument of this number."""
    if kind in {IDS, LISTS}:
        return f"string_to_array(${number}, E'\\n', '{ABSENT}')"
    return f"${number}::{kind}[]"


def value(name: str, kind: str) -> str:
    """What a statement stores of an element of that array."""
    return f"{name}::text[]" if kind == LISTS else name
