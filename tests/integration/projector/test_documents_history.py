"""Random documents among random changes of the roster: at every moment all agree."""

from random import Random

import orjson
import pytest

from rosterline.oneroster.vocabulary import ACTIVE
from tests.integration.projector.checks import (
    Standing,
    departure_differences,
    references,
    replay,
    sequence_faults,
    transaction_faults,
)
from tests.integration.projector.mutation import Mutator
from tests.integration.projector.scribe import scribe_of
from tests.integration.projector.test_rebuild import rebuild
from tests.support.fresh import Row, loaded_anew, rows
from tests.support.projection import TODAY, Chain, RecordKey

DOCUMENTS = "SELECT whole::text FROM {}.document AS whole ORDER BY 1"
STEPS = 25


def differences(stored: dict[RecordKey, Row], fresh: dict[RecordKey, Row]) -> list[str]:
    """Records that a first load would make otherwise.

    A tombstone of the roster is not in a first load: what refers to one may stand elsewhere there.
    """
    found: list[str] = []
    for key in stored.keys() | fresh.keys():
        mine, theirs = stored.get(key), fresh.get(key)
        if mine == theirs or (theirs is None and mine is not None and mine[0] != ACTIVE):
            continue
        if mine is None or refers_to_what_is_there(key, mine, fresh):
            found.append(f"{key}: {mine} and not {theirs}")
    return found


def refers_to_what_is_there(key: RecordKey, row: Row, fresh: dict[RecordKey, Row]) -> bool:
    """Whether all that the record names is in a first load too."""
    pointed = {other for other, _ in references(key[0], orjson.loads(row[1].replace(",,", ",")))}
    return all(other in fresh for other in pointed)


async def check(chain: Chain, once: Standing) -> None:
    """What must hold at every moment."""
    store = chain.store
    reader = store.reader
    written, mirrored = DOCUMENTS.format("records"), DOCUMENTS.format("mirror")
    assert await reader.fetch(written) == await reader.fetch(mirrored)
    assert replay(store.events) == await store.stored()
    assert sequence_faults(store.events) + transaction_faults(store.events) == []
    assert await departure_differences(chain, once) == []
    outcome, events = await rebuild(chain)
    assert (outcome, events) == ({"records": 0}, [])
    fresh = await loaded_anew(reader, store.projection.day)
    assert differences(await rows(reader), fresh) == []


@pytest.mark.parametrize("seed", range(4))
async def test_g5_documents_and_roster_agree_whatever_changes_first(
    chain: Chain, seed: int
) -> None:
    rng = Random(seed)
    mutator = Mutator(chain.sis, rng, TODAY)
    scribe = await scribe_of(chain.sis, chain.store.reader, rng)
    once: Standing = set()
    for _ in range(STEPS):
        for _ in range(rng.randint(0, 4)):
            await scribe.transaction()
        for _ in range(rng.choice((0, 1, 3))):
            await mutator.transaction()
        for sync in rng.sample((chain.sync, chain.sync_records), rng.randint(1, 2)):
            await sync()
        await departure_differences(chain, once)
    await chain.sync()
    await chain.sync_records()
    await check(chain, once)
