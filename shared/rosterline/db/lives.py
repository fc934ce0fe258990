"""How a service lives that must be the only one of its kind: again and again, until it is stopped.

A life is what lasts as long as its connections. Losing one ends it, and another begins.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
# A predecessor that is just dying needs a moment.
LOCK_ATTEMPTS = 20
LOCK_PAUSE_SECONDS = 0.25
LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"


async def live_on(
    stop: asyncio.Event,
    life: Callable[[], Awaitable[None]],
    transient: tuple[type[Exception], ...],
    tell: Callable[[Exception], None],
) -> None:
    """Live until `stop`, with a pause after what is `transient`: longer each time, if lives are
    short. Anything else is raised.
    """
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        began = time.monotonic()
        try:
            await life()
        except transient as error:
            tell(error)
            lived = time.monotonic() - began
            pause = FIRST_PAUSE_SECONDS if lived > LONGEST_PAUSE_SECONDS else pause
            await wait_or_stop(stop, pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Wait, but not beyond `stop`; whether it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False


async def take_lock(connection: asyncpg.Connection, name: str) -> bool:
    """Become the only one of this name, for this session; False if another one stays it."""
    for _ in range(LOCK_ATTEMPTS - 1):
        if await connection.fetchval(LOCK, name):
            return True
        await asyncio.sleep(LOCK_PAUSE_SECONDS)
    return bool(await connection.fetchval(LOCK, name))
