"""A transaction's changes → what becomes of each row. Pure.

A row changed several times counts once; a row whose key changed is a deletion and an arrival, and
untouched TOAST values are taken over from where they were last seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rosterline.events.source import Change, Values

Key = tuple[str | None, ...]


@dataclass(slots=True)
class RowState:
    """A row after the changes: its known values, and the columns that stay as stored.

    `inherited_from` is the key under which those columns are stored, when it is another one.
    """

    values: Values
    unchanged: tuple[str, ...] = ()
    inherited_from: Key | None = None


@dataclass(slots=True)
class TableChanges:
    """What becomes of one table: rows present afterwards, keys gone, and whether it was emptied."""

    present: dict[Key, RowState] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)
    emptied: bool = False


Folded = dict[str, TableChanges]


def fold(changes: Iterable[Change], into: Folded | None = None) -> Folded:
    """The net effect of the changes, added to `into` when that is given."""
    folded: Folded = {} if into is None else into
    for change in changes:
        table = folded.setdefault(change.table, TableChanges())
        key = tuple(change.key.values())
        if change.op == "truncate":
            folded[change.table] = TableChanges(emptied=True)
        elif change.row is None:
            table.present.pop(key, None)
            table.gone.add(key)
        else:
            arrive(table, key, change)
    return folded


def arrive(table: TableChanges, old_key: Key, change: Change) -> None:
    """A row that is there after an insert or an update."""
    row = change.row or {}
    new_key = tuple(row[name] if name in row else change.key[name] for name in change.key)
    before = table.present.pop(old_key, None)
    values = dict(row)
    unchanged = change.unchanged
    inherited = None
    if before is not None:
        values |= {name: before.values[name] for name in unchanged if name in before.values}
        unchanged = tuple(name for name in unchanged if name not in values)
        inherited = before.inherited_from
    if new_key != old_key:
        table.gone.add(old_key)
        inherited = inherited or (old_key if unchanged else None)
    table.gone.discard(new_key)
    table.present[new_key] = RowState(values, unchanged, inherited if unchanged else None)
