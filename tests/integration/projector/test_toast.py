"""Large values that an update did not touch are not in the WAL, and are kept."""

import asyncpg
import pytest

from tests.integration.projector.checks import feed_faults, load_differences, mirror_differences
from tests.support.projection import Chain

LARGE = """
UPDATE sis.person SET middle_name = (
    SELECT string_agg(md5(person_id::text || number), '') FROM generate_series(1, 400) AS number
)
"""
INSERT = """
INSERT INTO sis.person (person_id, person_guid, given_name, family_name) VALUES
(7001, gen_random_uuid(), 'A', 'A'), (7002, gen_random_uuid(), 'B', 'B'),
(7003, gen_random_uuid(), 'C', 'C')
"""
REKEY = "UPDATE sis.person SET person_id = $2 WHERE person_id = $1"
RENAME = "UPDATE sis.person SET given_name = given_name || '!'"


async def untouched(chain: Chain) -> int:
    """Apply what was committed; how many changes had untouched columns."""
    messages = await chain.source.drain()
    await chain.store.apply(messages)
    assert await mirror_differences(chain) == []
    assert await load_differences(chain) == []
    assert feed_faults(chain.store.events) == []
    return sum(bool(change.unchanged) for part in messages for change in part.message.changes)  # type: ignore[union-attr]  # transactions only


@pytest.fixture
async def sis(chain: Chain) -> asyncpg.Connection:
    """A SIS in which everybody has a large middle name."""
    await chain.sis.execute(INSERT)
    await chain.sis.execute(LARGE)
    await chain.sync()
    return chain.sis


async def test_an_untouched_value_stays_and_still_shows(
    chain: Chain, sis: asyncpg.Connection
) -> None:
    await sis.execute(RENAME)
    assert await untouched(chain) > 10
    stored = await chain.store.stored(only_active=True)
    users = [
        text
        for (version, entity, _), text in stored.items()
        if (version, entity) == ("v1p2", "users")
    ]
    assert users
    assert all('"middleName":"' in text and len(text) > 12_000 for text in users)


async def test_an_untouched_value_goes_with_its_row_to_another_key(
    chain: Chain, sis: asyncpg.Connection
) -> None:
    await sis.execute(REKEY, 7001, 7101)
    assert await untouched(chain) == 1


async def test_rows_that_change_places_keep_their_own_values(
    chain: Chain, sis: asyncpg.Connection
) -> None:
    async with sis.transaction():
        for old, new in ((7001, 7100), (7002, 7001), (7003, 7002), (7100, 7003)):
            await sis.execute(REKEY, old, new)
    assert await untouched(chain) == 4


async def test_a_row_takes_the_place_of_a_deleted_one(
    chain: Chain, sis: asyncpg.Connection
) -> None:
    async with sis.transaction():
        await sis.execute("DELETE FROM sis.person WHERE person_id = 7002")
        await sis.execute(REKEY, 7001, 7002)
        await sis.execute(RENAME)
    assert await untouched(chain) > 10


async def test_a_value_that_was_touched_before_is_not_taken_from_the_mirror(
    chain: Chain, sis: asyncpg.Connection
) -> None:
    async with sis.transaction():
        await sis.execute("UPDATE sis.person SET middle_name = reverse(middle_name)")
        await sis.execute(RENAME)
        await sis.execute(REKEY, 7001, 7101)
        await sis.execute(RENAME)
    assert await untouched(chain) > 20


async def test_a_value_that_became_null_stays_null(chain: Chain, sis: asyncpg.Connection) -> None:
    async with sis.transaction():
        await sis.execute(RENAME)
        await sis.execute("UPDATE sis.person SET middle_name = NULL")
        await sis.execute(REKEY, 7001, 7101)
    assert await untouched(chain) > 10
    assert not await chain.store.reader.fetchval("SELECT count(middle_name) FROM mirror.person")


async def test_values_are_kept_across_transactions_of_a_batch(
    chain: Chain, sis: asyncpg.Connection
) -> None:
    await sis.execute(REKEY, 7001, 7101)
    await sis.execute(REKEY, 7002, 7001)
    await sis.execute(REKEY, 7101, 7002)
    await sis.execute(RENAME)
    assert await untouched(chain) > 10
