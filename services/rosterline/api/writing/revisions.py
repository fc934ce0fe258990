"""How far the read model is: the last transaction of ingest that the projector has applied.

A notification tells of each; whoever follows asks once more from time to time, and after a loss.
"""

import asyncio
import heapq
from itertools import count

import asyncpg
import structlog

from rosterline.db.lives import live_on
from rosterline.db.pools import LOST_CONNECTION, open_connection

CHANNEL = "rosterline_revision"
REACHED = "SELECT coalesce(max(revision), 0) FROM rosterline.cursor"
LOOK_SECONDS = 5.0

log = structlog.get_logger()


class Revisions:
    """Follows the read model on a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._reached = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._places = count()

    async def run(self) -> None:
        """Follow until cancelled; losing the database is no error."""

        async def life() -> None:
            async with open_connection(self._dsn, "api revisions") as connection:
                await self._follow(connection)

        def tell(error: Exception) -> None:
            log.warning("the database is away", error=type(error).__name__)

        await live_on(asyncio.Event(), life, (asyncpg.PostgresError, *LOST_CONNECTION), tell)

    async def wait_for(self, revision: int) -> None:
        """Return once a read shows what was stored with this revision."""
        if revision <= self._reached:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (revision, next(self._places), future))
        try:
            await future
        except asyncio.CancelledError:
            # Who asks again and again while nothing is applied must not fill the memory.
            self._waiting = [each for each in self._waiting if not each[-1].done()]
            heapq.heapify(self._waiting)
            raise

    async def _follow(self, connection: asyncpg.Connection) -> None:
        ended = asyncio.Event()
        # A database that was restored from a backup is behind what was heard of it before.
        self._reached = 0
        connection.add_termination_listener(lambda _: ended.set())
        await connection.add_listener(CHANNEL, self._hear)
        while not ended.is_set():
            self._reach(await connection.fetchval(REACHED, timeout=LOOK_SECONDS))
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await ended.wait()
            except TimeoutError:
                continue

    def _hear(self, *told: object) -> None:
        self._reach(int(str(told[-1])))

    def _reach(self, revision: int) -> None:
        self._reached = max(self._reached, revision)
        while self._waiting and self._waiting[0][0] <= self._reached:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
