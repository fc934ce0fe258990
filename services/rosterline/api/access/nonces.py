"""Which signed requests were answered before (OAuth 1.0a): all API processes ask the database.

Their nonces are kept as long as their timestamps are within the window, and a while longer.
"""

import time

import asyncpg

from rosterline.api.access.oauth1 import WINDOW_SECONDS, Signature
from rosterline.api.borrowing import borrow

# A process whose clock is late takes longer to see that a timestamp is too old.
KEEP_SECONDS = 2 * WINDOW_SECONDS
FORGET_EVERY_SECONDS = 60.0
# Committed before the answer, but not waited for to be on disk: a power cut could let a request of
# its last second be sent again, which a full disk cache on every request would not be worth.
TAKE = """
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO rosterline.nonce (client_id, moment, nonce) SELECT $1, $2, $3 FROM quick
ON CONFLICT DO NOTHING RETURNING true
"""
FORGET = "DELETE FROM rosterline.nonce WHERE moment < $1"


class Nonces:
    """Takes each nonce once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._forget_at = 0.0

    async def take(self, client_id: str, signature: Signature) -> bool:
        """Whether this is its first use; from then on it is used."""
        async with borrow(self._pool) as connection:
            is_first = await connection.fetchval(TAKE, client_id, signature.moment, signature.nonce)
            if time.monotonic() >= self._forget_at:
                self._forget_at = time.monotonic() + FORGET_EVERY_SECONDS
                await connection.execute(FORGET, int(time.time()) - KEEP_SECONDS)
        return bool(is_first)
