"""A history gives the same records and the same events, however it is cut, batched and resumed.

To look longer: `REPLAY_SEEDS="$(seq -s' ' 1 50)" pytest <this file>`.
"""

import asyncio
import os
from random import Random

import pytest

from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.projector.apply import apply
from rosterline.projector.batch import Limits, Received, units
from rosterline.sample.generate import generate
from tests.integration.projector.checks import feed_faults, mirror_differences
from tests.integration.projector.mutation import Mutator
from tests.support.projection import (
    TODAY,
    Chain,
    Event,
    RecordKey,
    Store,
    make_projection,
    open_chain,
    open_store,
)
from tests.support.servers import Databases, fresh_databases

SEEDS = [int(seed) for seed in os.environ.get("REPLAY_SEEDS", "1 2").split()]
ONE_BY_ONE = Limits(1, 1)
TRANSACTIONS = 60
BREAK_SECONDS = 0.02


def told(event: Event) -> tuple[str, ...]:
    """All of an event but its stamp and the name of its history."""
    place = [event.headers[f"ce-transaction{part}"] for part in ("id", "index", "last")]
    operation, key, data = event.unstamped
    return (event.headers["ce-sequence"], *place, operation, *key, data)


async def make_history(chain: Chain, rng: Random) -> None:
    """A first load and then many transactions, some of them large, applied one by one."""
    await chain.load()
    mutator = Mutator(chain.sis, rng, TODAY)
    for _ in range(TRANSACTIONS):
        await mutator.transaction()
        await chain.sync(ONE_BY_ONE)


async def documents(store: Store) -> dict[RecordKey, str]:
    """The read model without its stamps."""
    stamps = {event.key: event.headers["ce-time"] for event in store.events}
    return {key: text.replace(stamps[key], "", 1) for key, text in (await store.stored()).items()}


async def apply_all(store: Store, messages: list[Received], limits: Limits) -> None:
    """Apply messages, leaving the events for later: that may be broken off."""
    for unit in units(messages, limits):
        await apply(store.projection, store.projection.sis, unit)


async def apply_with_breaks(store: Store, history: list[Received], rng: Random) -> int:
    """Apply a history in random batches, breaking off anywhere; how often it was broken off."""
    breaks = given = 0
    while given < len(history):
        limits = Limits(rng.choice((1, 2, 200)), rng.choice((5, 2000)))
        portion = history[given : given + rng.randint(1, 12)]
        applying = asyncio.create_task(apply_all(store, portion, limits))
        limit = rng.expovariate(1 / BREAK_SECONDS) if rng.random() < 0.7 else None
        done, _ = await asyncio.wait({applying}, timeout=limit)
        if done:
            await applying
            await store.collect()
            given += len(portion)
            continue
        applying.cancel()
        await asyncio.gather(applying, return_exceptions=True)
        await store.restart()
        given = store.projection.sis.cursor.sequence
        breaks += 1
    return breaks


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_history_that_is_cut_anywhere_gives_the_same_events_and_records(
    databases: Databases, postgres_server: EmbeddedPostgres, seed: int
) -> None:
    rng = Random(seed)
    await generate(databases.sis_dsn, students=15, seed=seed, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases, part_rows=4) as chain:
        await make_history(chain, rng)
        assert await mirror_differences(chain) == []
        with fresh_databases(postgres_server) as others:
            async with open_store(others.dsn) as store:
                breaks = await apply_with_breaks(store, chain.source.history, rng)
                assert breaks
                assert list(map(told, store.events)) == list(map(told, chain.store.events))
                assert await documents(store) == await documents(chain.store)
                assert feed_faults(store.events) == []


async def test_what_was_applied_is_not_applied_again(databases: Databases) -> None:
    await generate(databases.sis_dsn, students=5, seed=1, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases) as chain:
        await chain.load()
        before = chain.store.projection
        await chain.store.restart()
        after = await make_projection(chain.store.connection)
        assert (after.sis.cursor, after.clock) == (before.sis.cursor, before.clock)
        assert after.sis.cursor.sequence == len(chain.source.history)
        assert after.clock.ready
