"""Waiting until somebody waits for a lock."""

import asyncpg

from tests.support.running import until

WAITED_FOR = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"


async def until_waited_for(blocker: asyncpg.Connection, dsn: str) -> None:
    """Return when a session waits for what this connection's transaction holds.

    Who waits is looked up on a connection of its own: PostgreSQL shows a transaction one picture of
    its sessions, taken at the first look, so that the blocker itself might look for ever.
    """
    watcher = await asyncpg.connect(dsn)
    try:
        await until(lambda: watcher.fetchval(WAITED_FOR, blocker.get_server_pid()))
    finally:
        await watcher.close()
