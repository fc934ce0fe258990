"""The mirror's tables: what a transaction or a snapshot makes of their rows.

SQL that changes schema `mirror` stands here; reading it for the rules is `gather`'s work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.dialects import postgresql

from rosterline.db.tables.mirror import MIRROR
from rosterline.events.source import SnapshotRows
from rosterline.projector.fold import Key, RowState, TableChanges

Images = tuple[dict[str, Any] | None, dict[str, Any] | None]
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


@dataclass(frozen=True, slots=True)
class MirrorTable:
    """A table's columns with their types, and its key."""

    name: str
    types: dict[str, str]
    key: tuple[str, ...]

    def typed(self, column: str, value: str) -> str:
        """A text as the column's value."""
        return f"{value}::text::{self.types[column]}"

    def upsert(self, columns: Sequence[str]) -> str:
        """Insert or update rows given as one text array a column; other columns stay as stored."""
        arrays = ", ".join(f"${number}::text[]" for number, _ in enumerate(columns, start=1))
        listed = ", ".join(columns)
        cast = ", ".join(f"given.{column}::{self.types[column]}" for column in columns)
        changing = [name for name in columns if name not in self.key] or [*self.key]
        assignments = ", ".join(f"{name} = excluded.{name}" for name in changing)
        return (
            f"INSERT INTO mirror.{self.name} ({listed}) SELECT {cast} "
            f"FROM unnest({arrays}) AS given ({listed}) "
            f"ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {assignments}"
        )

    def returning(self) -> str:
        """The row before and after as two lists of columns."""
        shown = [
            f"{side}.{column}{'::text' if kind == 'UUID' else ''} AS {side}_{column}"
            for side in ("before", "after")
            for column, kind in self.types.items()
        ]
        return f" RETURNING WITH (OLD AS before, NEW AS after) {', '.join(shown)}"

    def matching(self, alias: str) -> str:
        """A condition that the row's key is among those given as one text array a column."""
        arrays = ", ".join(f"${number}::text[]" for number, _ in enumerate(self.key, start=1))
        names = ", ".join(self.key)
        same = " AND ".join(
            f"{alias}.{name} = given.{name}::{self.types[name]}" for name in self.key
        )
        return f"EXISTS (SELECT 1 FROM unnest({arrays}) AS given ({names}) WHERE {same})"

    def images(self, row: asyncpg.Record) -> Images:
        """A returned row, taken apart; an absent side has a null key."""
        before = {column: row[f"before_{column}"] for column in self.types}
        after = {column: row[f"after_{column}"] for column in self.types}
        first = self.key[0]
        return (
            before if before[first] is not None else None,
            after if after[first] is not None else None,
        )


TABLES: dict[str, MirrorTable] = {
    table.name: MirrorTable(
        table.name,
        {column.name: column.type.compile(dialect=DIALECT) for column in table.columns},
        tuple(column.name for column in table.primary_key.columns),
    )
    for table in MIRROR.sorted_tables
}


async def apply_changes(
    connection: asyncpg.Connection, name: str, changes: TableChanges
) -> list[Images]:
    """Bring a table to the state after the changes; the rows that differ, before and after."""
    table = TABLES[name]
    found: list[Images] = []
    await inherit(connection, table, changes)
    if changes.emptied:
        rows = await connection.fetch(f"DELETE FROM mirror.{name}" + table.returning())
        found += [table.images(row) for row in rows]
    if changes.gone:
        found += await delete(connection, table, changes.gone)
    for columns, states in alike(table, changes.present.values()):
        query = table.upsert(columns) + table.returning()
        arrays = [[state.values.get(column) for state in states] for column in columns]
        rows = await connection.fetch(query, *arrays)
        found += [table.images(row) for row in rows]
    return [images for images in found if images[0] != images[1]]


async def delete(
    connection: asyncpg.Connection, table: MirrorTable, keys: set[Key]
) -> list[Images]:
    """Remove rows by key."""
    arrays = [list(column) for column in zip(*sorted(keys, key=str), strict=True)]
    query = f"DELETE FROM mirror.{table.name} AS row WHERE {table.matching('row')}"
    rows = await connection.fetch(query + table.returning(), *arrays)
    return [table.images(row) for row in rows]


async def inherit(
    connection: asyncpg.Connection, table: MirrorTable, changes: TableChanges
) -> None:
    """Fetch untouched TOAST values of rows whose key changed, before the old row goes."""
    for state in changes.present.values():
        if state.inherited_from is None:
            continue
        condition = " AND ".join(
            f"{name} = {table.typed(name, f'${number}')}"
            for number, name in enumerate(table.key, start=1)
        )
        listed = ", ".join(f"{name}::text" for name in state.unchanged if name in table.types)
        row = await connection.fetchrow(
            f"SELECT {listed} FROM mirror.{table.name} WHERE {condition}", *state.inherited_from
        )
        if row is not None:
            state.values |= dict(row)
            state.unchanged = ()


def alike(
    table: MirrorTable, states: Iterable[RowState]
) -> list[tuple[tuple[str, ...], list[RowState]]]:
    """Rows in groups that one statement can write: those with the same known columns."""
    groups: dict[tuple[str, ...], list[RowState]] = {}
    for state in states:
        known = tuple(column for column in state.values if column in table.types)
        groups.setdefault(known, []).append(state)
    return list(groups.items())


async def apply_snapshot(connection: asyncpg.Connection, message: SnapshotRows) -> None:
    """Make a key range of a table what the snapshot shows: its rows, and no others."""
    table = TABLES.get(message.table)
    if table is None:
        return
    await delete_beyond(connection, table, message)
    if not message.rows:
        return
    known = [column for column in message.columns if column in table.types]
    places = [message.columns.index(column) for column in known]
    arrays = [[row[place] for row in message.rows] for place in places]
    await connection.execute(table.upsert(known), *arrays)


async def delete_beyond(
    connection: asyncpg.Connection, table: MirrorTable, message: SnapshotRows
) -> None:
    """Remove rows of the message's key range that the message does not hold."""
    places = [message.columns.index(name) for name in table.key]
    keys = [[row[place] for row in message.rows] for place in places]
    parameters: list[Any] = [*keys]
    conditions = [f"NOT {table.matching('row')}"]
    names = ", ".join(
        f"row.{name}" + (' COLLATE "C"' if table.types[name] == "TEXT" else "")
        for name in table.key
    )
    if message.after is not None:
        conditions.append(f"({names}) > ({bounds(table, len(parameters))})")
        parameters += message.after
    if message.rows and not message.done:
        conditions.append(f"({names}) <= ({bounds(table, len(parameters))})")
        parameters += [column[-1] for column in keys]
    await connection.execute(
        f"DELETE FROM mirror.{table.name} AS row WHERE {' AND '.join(conditions)}", *parameters
    )


def bounds(table: MirrorTable, used: int) -> str:
    """Placeholders for a key, behind `used` others."""
    return ", ".join(
        table.typed(name, f"${number}") for number, name in enumerate(table.key, start=used + 1)
    )
