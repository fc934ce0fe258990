"""The `fields` parameter: which members of a record are wanted, and a record cut to them. Pure.

A dot leads into a reference, an object or each element of a list: `fields=user.sourcedId,role`.
Members keep the record's own order, and what has nothing left is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from rosterline.api.errors import ApiError, CodeMinor, bad_request
from rosterline.api.query.fields import is_selectable
from rosterline.api.query.rules import QueryRules
from rosterline.oneroster.vocabulary import Collection

MOST_NAMED = 10


class Notice(NamedTuple):
    """What an answer tells beside its records: 1.1's warnings."""

    code: CodeMinor
    message: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The wanted names, each once; None for whole records."""

    fields: tuple[str, ...] | None = None
    warnings: tuple[Notice, ...] = ()


WHOLE = Selection()
# The wanted members of an object: whole ones hold None, others what is wanted of them.
Tree = Mapping[str, "Tree | None"]


def parse_fields(text: str | None, collection: Collection, rules: QueryRules) -> Selection:
    """Check the names; unknown ones are refused, or in 1.1 answered with all data and a warning."""
    if text is None or (rules.blank_fields_are_all and not text.strip()):
        return WHOLE
    given = [name.strip() for name in text.split(",")]
    if not all(given):
        raise _blank(rules)
    names = {name: rules.standard_name(name, collection) for name in given}
    unknown = [name[:60] for name in names if not is_selectable(collection, names[name])]
    if not unknown:
        return Selection(tuple(dict.fromkeys(names.values())))
    told = ", ".join(repr(name) for name in unknown[:MOST_NAMED])
    message = f"Unknown selection field {told} of {collection.entity}"
    if rules.warns:
        notice = Notice(CodeMinor.INVALID_SELECTION_FIELD, f"{message}; all data is returned")
        return Selection(None, (notice,))
    raise bad_request(CodeMinor.INVALID_SELECTION_FIELD, message)


def select_fields(records: bytes, fields: Iterable[str]) -> bytes:
    """A JSON list of records with the chosen members only."""
    tree = _tree(fields)
    return orjson.dumps([_select(record, tree) for record in orjson.loads(records)])


def _blank(rules: QueryRules) -> ApiError:
    code = (
        CodeMinor.INVALID_BLANK_SELECTION_FIELD
        if rules.warns
        else CodeMinor.INVALID_SELECTION_FIELD
    )
    return bad_request(code, "fields contains an empty name")


def _tree(names: Iterable[str]) -> Tree:
    """Where both a part and the whole are wanted, the whole is."""
    below: dict[str, list[str] | None] = {}
    for name in names:
        first, _, rest = name.partition(".")
        if not rest:
            below[first] = None
        elif (kept := below.setdefault(first, [])) is not None:
            kept.append(rest)
    return {name: None if rest is None else _tree(rest) for name, rest in below.items()}


def _select(found: object, tree: Tree) -> object:
    if isinstance(found, dict):
        chosen = (
            (name, value if (below := tree[name]) is None else _select(value, below))
            for name, value in found.items()
            if name in tree
        )
        return {name: value for name, value in chosen if value not in ({}, []) or not tree[name]}
    if isinstance(found, list):
        return [kept for element in found if (kept := _select(element, tree))]
    # A name leads on, but here is nothing to be led into.
    return {}
