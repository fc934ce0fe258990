"""Whatever is changed in the SIS, the read model ends as a first load of the same rows makes it.

To look longer: `SCOPE_SEEDS="7 8 9" SCOPE_ROUNDS=500 pytest <this file> --timeout 3000`.
"""

import os
from random import Random

import pytest

from rosterline.projector.batch import Limits
from rosterline.sample.generate import generate
from tests.integration.projector.checks import (
    Standing,
    departure_differences,
    feed_faults,
    load_differences,
    mirror_differences,
    replay,
)
from tests.integration.projector.mutation import Mutator
from tests.support.projection import TODAY, Chain, open_chain
from tests.support.servers import Databases

SEEDS = [int(seed) for seed in os.environ.get("SCOPE_SEEDS", "1 2 3").split()]
ROUNDS = int(os.environ.get("SCOPE_ROUNDS", "20"))


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_any_change_the_read_model_is_that_of_a_fresh_load(
    databases: Databases, seed: int
) -> None:
    rng = Random(seed)
    await generate(databases.sis_dsn, students=30, seed=seed, progress=lambda *_: None, today=TODAY)
    async with open_chain(databases, part_rows=rng.choice((3, 1000))) as chain:
        await chain.load()
        once: Standing = set()
        await check(chain, once, [f"seed {seed}", "first load"])
        mutator = Mutator(chain.sis, rng, TODAY)
        for _ in range(ROUNDS):
            done = [await mutator.transaction() for _ in range(rng.choice((1, 1, 2, 5)))]
            await chain.sync(Limits(rng.choice((1, 3, 200)), rng.choice((5, 2000))))
            await check(chain, once, [f"seed {seed}", *done])


async def check(chain: Chain, once: Standing, done: list[str]) -> None:
    """Everything that must hold at every moment."""
    assert await mirror_differences(chain) == [], done
    assert await load_differences(chain) == [], done
    assert await departure_differences(chain, once) == [], done
    assert replay(chain.store.events) == await chain.store.stored(), done
    assert feed_faults(chain.store.events) == [], done
