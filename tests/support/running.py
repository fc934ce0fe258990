"""Services as tasks of the test's own loop, and waiting for what they do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedNats
from tests.support.servers import Databases

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.02


def settings_for(databases: Databases, nats: EmbeddedNats, **changes: Any) -> Settings:
    """Settings that lead to the test's servers."""
    return Settings(
        sis_dsn=databases.sis_dsn,
        dsn=databases.dsn,
        nats_url=nats.url,
        **{"public_url": "http://rosterline.test"} | changes,
    )


@asynccontextmanager
async def running(
    serve: Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]], settings: Settings
) -> AsyncIterator["asyncio.Task[None]"]:
    """The service for the length of the block; an error of its own fails the test."""
    stop = asyncio.Event()
    task = asyncio.create_task(serve(settings, stop))
    try:
        yield task
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


async def pause(seconds: float) -> None:
    """Let the services run for a while."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
    except TimeoutError:
        return


async def until(
    condition: Callable[[], Awaitable[Any]], *, seconds: float = PATIENCE_SECONDS
) -> Any:
    """The condition's first true answer; TimeoutError when there is none in time."""
    async with asyncio.timeout(seconds):
        while not (answer := await condition()):
            await pause(LOOK_SECONDS)
    return answer
