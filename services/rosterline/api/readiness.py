"""Whether the API may answer: only once a first load has been whole, and from then on."""

import asyncpg

from rosterline.api.borrowing import borrow
from rosterline.api.errors import unavailable


class Readiness:
    """Asks the clock until it says yes once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._is_ready = False

    async def check(self) -> bool:
        """Whether a first load has been whole."""
        if not self._is_ready:
            async with borrow(self._pool) as held:
                self._is_ready = bool(await held.fetchval("SELECT ready FROM rosterline.clock"))
        return self._is_ready

    async def require(self) -> None:
        """Raise 503 before that: an empty or partial list would read as a deletion of the rest."""
        if not await self.check():
            raise unavailable("The first load of the roster is not complete; try again shortly")

    async def require_database(self) -> None:
        """Raise 503 unless the database answers now."""
        async with borrow(self._pool) as held:
            await held.fetchval("SELECT true")

    async def count_holds(self) -> int:
        """How many source transactions wait for an operator's release (G10)."""
        async with borrow(self._pool) as held:
            return int(
                await held.fetchval(
                    "SELECT count(*) FROM rosterline.hold "
                    "WHERE released_at IS NULL AND ended_at IS NULL"
                )
            )
