"""What one borrower of a connection leaves to the next."""

import asyncpg

from rosterline.db.pools import open_pool
from tests.support.servers import Databases


async def test_a_transaction_left_open_is_undone_before_the_connection_is_lent_again(
    databases: Databases,
) -> None:
    async with open_pool(databases.dsn, "test", size=1) as pool:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN; CREATE TABLE left_open ()")
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT to_regclass('left_open')") is None
            assert not connection.is_in_transaction()


async def test_lending_a_connection_again_asks_the_server_nothing(databases: Databases) -> None:
    async with open_pool(databases.dsn, "test", size=1) as pool:
        async with pool.acquire() as connection:
            pid = connection.get_server_pid()
            await connection.fetchval("SELECT 1")
        watcher = await asyncpg.connect(databases.dsn)
        asked = await watcher.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", pid)
        await watcher.close()
        assert asked == "SELECT 1"
