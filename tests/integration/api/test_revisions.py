"""How the API learns how far the read model is, also after the database was lost."""

import asyncio

import asyncpg
import pytest

from rosterline.api.writing.revisions import CHANNEL, Revisions
from tests.support.running import until
from tests.support.servers import Databases

LISTENER = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'rosterline api revisions' AND datname = current_database()
  AND query LIKE '%max(revision)%' AND pid <> $1
"""


async def set_revision(connection: asyncpg.Connection, revision: int) -> None:
    """Be as far as this, without telling anybody."""
    await connection.execute("DELETE FROM rosterline.cursor")
    await connection.execute(
        "INSERT INTO rosterline.cursor "
        "(stream, created, sequence, position, loading, applied_at, revision) "
        "VALUES ('RECORDS', '', 1, '', false, now(), $1)",
        revision,
    )


async def test_a_database_that_was_restored_is_as_far_as_it_says(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.dsn)
    revisions = Revisions(databases.dsn)
    await set_revision(connection, 10)
    async with asyncio.timeout(30):
        following = asyncio.create_task(revisions.run())
        await revisions.wait_for(10)
        await set_revision(connection, 3)
        listener = await connection.fetchval(LISTENER, 0)
        await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", listener)
        await until(lambda: connection.fetchval(LISTENER, listener))
        await revisions.wait_for(3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await revisions.wait_for(7)
        await connection.execute(f"NOTIFY {CHANNEL}, '7'")
        await revisions.wait_for(7)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await connection.close()
