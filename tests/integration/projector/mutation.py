"""Random but lawful transactions on a SIS: every table, every column, every kind of change.

Beside ordinary office work there is everything else that SQL allows: rows come and go in any
number, keys change, flags flip, tables are emptied. What a constraint refuses is left out.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, Integer, Table, Text, Uuid
from sqlalchemy.types import TypeEngine

from rosterline.db.tables.sis import SIS
from rosterline.sample.changes import NothingToChangeError, one_change

TABLES: dict[str, Table] = {table.name: table for table in SIS.sorted_tables}
LEAVES = tuple(
    name
    for name in TABLES
    if not any(
        key.column.table.name == name for table in TABLES.values() for key in table.foreign_keys
    )
)
LARGEST_CASCADE = 25
TEXTS = (
    "", " ", "a", "B", "Zoë", 'He said "x"', "back\\slash", "line\nbreak", '"href":"~/x',
    '"status":"active"', "0000-00-00T00:00:00.000Z", "P", "program", "12", "0" * 300,
)  # fmt: skip
WORDS = {"service_type": ("P", "S"), "role": ("primary", "teacher", "staff")}
YEARS = (2024, 2025, 2026)
EDGES = """
SELECT start_date AS day FROM sis.calendar UNION SELECT end_date FROM sis.calendar
UNION SELECT start_date FROM sis.school_year UNION SELECT end_date FROM sis.school_year
ORDER BY day
"""
MAIN_YEAR = """
SELECT school_year_id FROM sis.calendar GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""
Key = tuple[Any, ...]


def key_columns(table: Table) -> list[Column[Any]]:
    """The primary key."""
    return list(table.primary_key.columns)


def matching(table: Table, first: int = 1) -> str:
    """A condition for one row, with placeholders from `first` on."""
    return " AND ".join(
        f"{column.name} = ${number}" for number, column in enumerate(key_columns(table), first)
    )


def edges_to(table: Table) -> list[tuple[Table, str]]:
    """The tables and columns that refer to a table."""
    return [
        (child, key.parent.name)
        for child in TABLES.values()
        for key in child.foreign_keys
        if key.column.table is table
    ]


@dataclass
class Mutator:
    """Changes a SIS at random; the same seed and rows give the same changes (office work aside)."""

    connection: asyncpg.Connection
    rng: Random
    today: date
    done: list[str] = field(default_factory=list)
    next_id: int = 1_000_000

    async def transaction(self) -> str:
        """One transaction of one to four changes, now and then rolled back; what it did."""
        self.done = []
        transaction = self.connection.transaction()
        await transaction.start()
        for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
            await self.change()
        if self.rng.random() < 0.05:
            await transaction.rollback()
            return "rolled back: " + "; ".join(self.done)
        await transaction.commit()
        return "; ".join(self.done)

    async def change(self) -> None:
        """One change, unless a constraint refuses it."""
        work: Callable[[], Awaitable[None]] = self.rng.choices(
            (
                self.update, self.insert, self.delete, self.rekey, self.office, self.truncate,
                self.replace, self.touch, self.revive, self.activate, self.detour,
            ),
            (40, 12, 8, 8, 10, 1, 4, 4, 6, 3, 4),
        )[0]  # fmt: skip
        try:
            async with self.connection.transaction():
                await work()
        except (asyncpg.IntegrityConstraintViolationError, NothingToChangeError) as error:
            self.done.append(f"refused: {type(error).__name__}")

    def note(self, text: str) -> None:
        """Say what was done."""
        self.done.append(text)

    async def pick(self, table: Table) -> Key | None:
        """A random row's key; often that of a row to which others belong."""
        edges = edges_to(table)
        if edges and self.rng.random() < 0.6:
            key = await self.pick_parent(*self.rng.choice(edges))
            if key is not None:
                return key
        keys = await self.keys(table)
        return self.rng.choice(keys) if keys else None

    async def keys(self, table: Table) -> list[Key]:
        """The keys of all rows, in order."""
        names = ", ".join(column.name for column in key_columns(table))
        query = f"SELECT {names} FROM sis.{table.name} ORDER BY {names}"
        return [tuple(row) for row in await self.connection.fetch(query)]

    async def pick_parent(self, child: Table, column: str) -> Key | None:
        """The key of a row to which a random row of another table belongs."""
        rows = await self.connection.fetch(f"SELECT {column} FROM sis.{child.name} ORDER BY 1")
        return tuple(self.rng.choice(rows)) if rows else None

    async def value(self, column: Column[Any]) -> Any:
        """A random value that the column may hold."""
        if column.nullable and self.rng.random() < 0.25:
            return None
        if column.foreign_keys:
            parent = next(iter(column.foreign_keys)).column.table
            key = await self.pick(parent)
            return key[0] if key else None
        if column.name in WORDS:
            return self.rng.choice(WORDS[column.name])
        if column.name in {"start_year", "end_year"}:
            return self.rng.choice(YEARS)
        if column.primary_key and not isinstance(column.type, Uuid) and column.name != "period":
            self.next_id += 1
            return self.next_id
        return await self.plain(column.type)

    async def plain(self, kind: TypeEngine[Any]) -> Any:
        """A random value of a type."""
        if isinstance(kind, Boolean):
            return self.rng.random() < 0.3
        if isinstance(kind, Date):
            return await self.day()
        if isinstance(kind, Uuid):
            return UUID(int=self.rng.getrandbits(128), version=4)
        if isinstance(kind, Integer | BigInteger):
            return self.rng.randint(0, 5)
        if isinstance(kind, ARRAY):
            return self.rng.sample(TEXTS, self.rng.randint(0, 2))
        return self.rng.choice(TEXTS)

    async def day(self) -> date:
        """A day at which something may flip: around today, or an edge that the data names."""
        edges = await self.connection.fetch(EDGES)
        known: list[date] = [row["day"] for row in edges if row["day"] is not None]
        base = self.rng.choice([self.today, self.today, *known])
        return base + timedelta(days=self.rng.choice((-400, -1, 0, 0, 1, 400)))

    def any_table(self) -> Table:
        """A random table."""
        return TABLES[self.rng.choice(list(TABLES))]

    async def update(self) -> None:
        """Other values in one or two columns of a row; now and then of many rows."""
        table = self.any_table()
        key = await self.pick(table)
        columns = [column for column in table.columns if not column.primary_key]
        if key is None or not columns:
            return
        weights = [1 if isinstance(column.type, Text) else 3 for column in columns]
        chosen = self.rng.choices(columns, weights, k=self.rng.choice((1, 1, 2)))
        for column in dict.fromkeys(chosen):
            value = await self.value(column)
            if isinstance(column.type, Boolean) and self.rng.random() < 0.8:
                value = not await self.read(table, key, column.name)
            if self.rng.random() < 0.06 and column.name != "person_guid":
                await self.connection.execute(
                    f"UPDATE sis.{table.name} SET {column.name} = $1", value
                )
                self.note(f"update all {table.name}.{column.name} = {value!r:.40}")
            else:
                await self.write(table, key, column.name, value)
                self.note(f"update {table.name} {key} {column.name} = {value!r:.40}")

    async def read(self, table: Table, key: Key, column: str) -> Any:
        """One value."""
        return await self.connection.fetchval(
            f"SELECT {column} FROM sis.{table.name} WHERE {matching(table)}", *key
        )

    async def write(self, table: Table, key: Key, column: str, value: Any) -> None:
        """Set one value."""
        await self.connection.execute(
            f"UPDATE sis.{table.name} SET {column} = $1 WHERE {matching(table, 2)}", value, *key
        )

    async def insert(self) -> None:
        """A row of random values."""
        table = self.any_table()
        values = [await self.value(column) for column in table.columns]
        await self.store(table, values)
        self.note(f"insert {table.name} {values[0]}")

    async def store(self, table: Table, values: list[Any]) -> None:
        """Insert a row."""
        places = ", ".join(f"${number}" for number, _ in enumerate(values, 1))
        await self.connection.execute(f"INSERT INTO sis.{table.name} VALUES ({places})", *values)

    async def dependents(
        self, table: Table, key: Key, *, most: int = LARGEST_CASCADE
    ) -> list[tuple[Table, Key]]:
        """The rows that refer to a row, and those that refer to them, children first."""
        found: list[tuple[Table, Key]] = []
        for child, column in edges_to(table):
            names = ", ".join(each.name for each in key_columns(child))
            query = f"SELECT {names} FROM sis.{child.name} WHERE {column} = $1 ORDER BY {names}"
            rows = await self.connection.fetch(query, *key)
            if len(rows) > most:
                return [(table, key)] * (most + 1)
            for row in rows:
                found += await self.dependents(child, tuple(row), most=most)
                found.append((child, tuple(row)))
        return found

    async def take(self, table: Table, key: Key) -> list[Any]:
        """Delete a row; its values."""
        row = await self.connection.fetchrow(
            f"DELETE FROM sis.{table.name} WHERE {matching(table)} RETURNING *", *key
        )
        return list(row or ())

    async def delete(self) -> None:
        """A row with all that depends on it, if that is not too much."""
        table = self.any_table()
        key = await self.pick(table)
        if key is None:
            return
        rows = await self.dependents(table, key)
        if len(rows) > LARGEST_CASCADE:
            return
        for owner, row in [*dict.fromkeys(rows), (table, key)]:
            await self.take(owner, row)
        self.note(f"delete {table.name} {key} with {len(rows)} dependents")

    async def rekey(self) -> None:
        """Another key for a row that nothing refers to."""
        table = self.any_table()
        key = await self.pick(table)
        if key is None:
            return
        column = self.rng.choice(key_columns(table))
        value = await self.value(column)
        await self.write(table, key, column.name, value)
        self.note(f"rekey {table.name} {key} {column.name} = {value}")

    async def replace(self) -> None:
        """The same row deleted and inserted again, perhaps with another value."""
        table = TABLES[self.rng.choice(LEAVES)]
        key = await self.pick(table)
        if key is None:
            return
        await self.store(table, await self.take(table, key))
        self.note(f"replace {table.name} {key}")

    async def detour(self) -> None:
        """A leaf's key changes to another and back, or to that of a row which was just deleted."""
        table = TABLES[self.rng.choice([name for name in LEAVES if name != "section_term"])]
        column = key_columns(table)[0].name
        first, second = await self.pick(table), await self.pick(table)
        if first is None or second is None:
            return
        if first == second:
            await self.write(table, first, column, -1)
            await self.write(table, (-1,), column, first[0])
        else:
            await self.take(table, second)
            await self.write(table, first, column, second[0])
        self.note(f"detour {table.name} {first} {second}")

    async def touch(self) -> None:
        """An update to the same value."""
        table = self.any_table()
        column = key_columns(table)[0].name
        await self.connection.execute(f"UPDATE sis.{table.name} SET {column} = {column}")
        self.note(f"touch all of {table.name}")

    async def truncate(self) -> None:
        """A table emptied."""
        name = self.rng.choice(LEAVES)
        await self.connection.execute(f"TRUNCATE sis.{name}")
        self.note(f"truncate {name}")

    async def revive(self) -> None:
        """Make the district visible again, so that there is something to lose."""
        for name in ("district", "school", "calendar", "grade_level"):
            await self.connection.execute(
                f"UPDATE sis.{name} SET lms_exclude = false WHERE lms_exclude"
            )
        if not await self.connection.fetchval("SELECT count(*) FROM sis.school_year WHERE active"):
            await self.activate()
        self.note("revive")

    async def activate(self) -> None:
        """Another active school year, or the one with the most calendars again."""
        key = await self.pick(TABLES["school_year"])
        if self.rng.random() < 0.7:
            row = await self.connection.fetchrow(MAIN_YEAR)
            key = tuple(row) if row else None
        await self.connection.execute("UPDATE sis.school_year SET active = false WHERE active")
        if key is not None:
            await self.write(TABLES["school_year"], key, "active", True)
            self.note(f"activate year {key[0]}")

    async def office(self) -> None:
        """Ordinary work of a registrar."""
        self.note(await one_change(self.connection, self.rng, today=self.today))
