"""Each column of each table is changed, and changed back: the read model follows every time."""

from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Boolean, Column

from tests.integration.projector.checks import feed_faults, load_differences, mirror_differences
from tests.integration.projector.mutation import TABLES, Key, Mutator, edges_to
from tests.support.projection import TODAY, Chain

FEW = 4


async def telling_rows(mutator: Mutator, name: str) -> list[Key]:
    """Some rows of a table: of each kind that others refer to, and some more; of few rows, all."""
    table = TABLES[name]
    keys = [await mutator.pick_parent(*edge) for edge in edges_to(table)]
    keys += [await mutator.pick(table) for _ in range(2)]
    everything = await mutator.keys(table)
    if len(everything) <= FEW:
        keys = [*everything]
    return list(dict.fromkeys(key for key in keys if key is not None))


async def change_rows(
    mutator: Mutator, name: str, column: Column[Any], keys: list[Key]
) -> dict[Key, Any]:
    """Give the rows other values, each in a transaction of its own; the values before."""
    table, before = TABLES[name], {}
    for key in keys:
        old = await mutator.read(table, key, column.name)
        new = await mutator.value(column)
        if isinstance(column.type, Boolean):
            new = not old
        try:
            await mutator.write(table, key, column.name, new)
        except asyncpg.IntegrityConstraintViolationError:
            continue
        before[key] = old
    return before


@pytest.mark.parametrize("name", TABLES)
async def test_the_read_model_follows_every_column_and_rows_that_go_and_come_back(
    chain: Chain, name: str
) -> None:
    mutator = Mutator(chain.sis, Random(5), TODAY)
    keys = await telling_rows(mutator, name)
    assert keys
    for column in TABLES[name].columns:
        if not column.primary_key:
            await there_and_back(chain, mutator, column, keys)
    for key in keys:
        await away_and_back(chain, mutator, name, key)
    assert await mirror_differences(chain) == []
    assert feed_faults(chain.store.events) == []


async def test_a_school_year_without_calendars_comes_and_goes(chain: Chain) -> None:
    await chain.sis.execute(
        "INSERT INTO sis.school_year (school_year_id, start_year, end_year) VALUES (77, 2030, 2031)"
    )
    key = ("v1p2", "academicSessions", "sy77")
    for active in (True, False):
        await chain.sis.execute("UPDATE sis.school_year SET active = false WHERE active")
        await chain.sis.execute(
            "UPDATE sis.school_year SET active = $1 WHERE school_year_id = 77", active
        )
        await follow(chain, f"a year without calendars, active: {active}")
        assert (key in await chain.store.stored(only_active=True)) == active


async def test_a_calendars_end_decides_about_those_who_left_with_it(chain: Chain) -> None:
    """Who leaves on the calendar's last day stays active; on any other day it is a withdrawal."""
    ended = TODAY - timedelta(days=14)
    await chain.sis.execute("UPDATE sis.enrollment SET end_date = $1", ended)
    await follow(chain, "everybody left")
    for day, stay in ((ended, True), (TODAY, False), (ended, True)):
        await chain.sis.execute("UPDATE sis.calendar SET end_date = $1", day)
        await follow(chain, f"calendars end on {day}")
        active = await chain.store.stored(only_active=True)
        assert any(entity == "demographics" for _, entity, _ in active) == stay


async def test_terms_that_begin_together_are_listed_in_their_order(chain: Chain) -> None:
    await chain.sis.execute("UPDATE sis.term SET start_date = $1", TODAY)
    await chain.sis.execute(
        "INSERT INTO sis.section_term SELECT section_id, term.term_id, 'x' FROM sis.section "
        "JOIN sis.course USING (course_id) JOIN sis.term USING (calendar_id)"
    )
    await follow(chain, "terms begin together")
    await chain.sis.execute("UPDATE sis.term SET seq = -seq")
    before = len(chain.store.events)
    await follow(chain, "the terms' order")
    assert {event.entity for event in chain.store.events[before:]} == {"classes"}


async def there_and_back(
    chain: Chain, mutator: Mutator, column: Column[Any], keys: list[Key]
) -> None:
    """Change a column of the rows, and change it back."""
    name = column.table.name
    before = await change_rows(mutator, name, column, keys)
    await follow(chain, f"{column} of {keys}")
    for key, value in reversed(before.items()):
        await mutator.write(TABLES[name], key, column.name, value)
    await follow(chain, f"{column} of {keys}, back")


async def away_and_back(chain: Chain, mutator: Mutator, name: str, key: Key) -> None:
    """Delete a row with all that depends on it, and store all of it again."""
    table = TABLES[name]
    rows = [*dict.fromkeys(await mutator.dependents(table, key, most=10_000)), (table, key)]
    async with chain.sis.transaction():
        taken = [(owner, await mutator.take(owner, row_key)) for owner, row_key in rows]
    await follow(chain, f"{name} {key} went")
    async with chain.sis.transaction():
        for owner, row in reversed(taken):
            await mutator.store(owner, row)
    await follow(chain, f"{name} {key} came back")


async def follow(chain: Chain, done: str) -> None:
    """Apply what was committed, and compare with a first load."""
    await chain.sync()
    assert await load_differences(chain) == [], done
