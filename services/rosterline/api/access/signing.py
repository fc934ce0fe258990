"""The keys that sign tokens and cursors: made on first use, the newest signs, all verify.

The secrets of connections that sign their requests are derived from them too.
"""

import secrets
import time

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from rosterline.api.borrowing import borrow

Database = asyncpg.Connection | PoolConnectionProxy
SECRET_BYTES = 32
RELOAD_SECONDS = 1.0


class SigningKeys:
    """Reads the keys once, and again when a key is asked for that it does not know."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._keys: dict[str, str] = {}
        self._loaded_at = float("-inf")

    async def newest(self) -> tuple[str, str]:
        """Id and secret of the key that signs."""
        keys = await self._all()
        return next(iter(keys.items()))

    async def secrets(self) -> tuple[str, ...]:
        """The secrets of all keys, the newest first."""
        return tuple((await self._all()).values())

    async def find(self, key_id: str) -> str | None:
        """The secret of a key; a foreign id costs the database at most one query a second."""
        keys = await self._all()
        if key_id not in keys and time.monotonic() - self._loaded_at > RELOAD_SECONDS:
            keys = await self._load()
        return keys.get(key_id)

    async def _all(self) -> dict[str, str]:
        return self._keys or await self._load()

    async def _load(self) -> dict[str, str]:
        async with borrow(self._pool) as connection:
            self._keys = await read_keys(connection)
        self._loaded_at = time.monotonic()
        return self._keys


async def read_keys(connection: Database) -> dict[str, str]:
    """The secrets of all keys by id, the newest first; there is always one."""
    rows = await _read_keys(connection) or await _make_first_key(connection)
    return {row["key_id"]: row["secret"] for row in rows}


async def _read_keys(connection: Database) -> list[asyncpg.Record]:
    return await connection.fetch(
        "SELECT key_id, secret FROM rosterline.signing_key ORDER BY created_at DESC, key_id"
    )


async def _make_first_key(connection: Database) -> list[asyncpg.Record]:
    """Several processes may come here at once: one makes the key, the others find it."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE rosterline.signing_key IN SHARE ROW EXCLUSIVE MODE")
        found = await _read_keys(connection)
        if found:
            return found
        await connection.execute(
            "INSERT INTO rosterline.signing_key (key_id, secret) VALUES ($1, $2)",
            secrets.token_hex(8),
            secrets.token_urlsafe(SECRET_BYTES),
        )
        return await _read_keys(connection)
