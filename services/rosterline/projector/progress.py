"""How far a long transaction is, told through another connection: its own is read at its end only.

Load and snapshot, which commit as they go, tell of themselves in what they commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg

from rosterline.projector.store import advance_task, begin_task, end_task

Beside = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]
Advance = Callable[[int], Awaitable[None]]


@asynccontextmanager
async def progress(beside: Beside | None, task: str, total: int) -> AsyncIterator[Advance]:
    """A task for the length of the block; `beside` opens the other connection, None tells nobody.

    A task that was killed stands there until another one of its name begins or ends.
    """
    if beside is None:
        yield advance_nobody
        return
    async with beside() as connection:
        await begin_task(connection, task, total)

        async def advance(count: int) -> None:
            await advance_task(connection, task, count)

        try:
            yield advance
        finally:
            await end_task(connection, task)


async def advance_nobody(_count: int) -> None:
    """Nobody looks."""
