"""One way to connect to NATS: reconnects for ever and says so; fails only at the start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import nats
import structlog
from nats.aio.client import Client
from nats.errors import Error

from rosterline.config.errors import OperatorError

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5


class BusUnreachableError(OperatorError):
    """NATS cannot be reached."""


LOST_NATS = (BusUnreachableError, Error, OSError, TimeoutError)
"""What is raised when NATS is away: connect again."""


def options(name: str) -> dict[str, Any]:
    """What every one of our connections is made with, also one that a library makes."""
    return {
        "name": name,
        "connect_timeout": CONNECT_SECONDS,
        "allow_reconnect": True,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.25,
        "ping_interval": 5,
        "max_outstanding_pings": 2,
        "pending_size": 64 * 1024 * 1024,
    }


@asynccontextmanager
async def connect(url: str, name: str) -> AsyncIterator[Client]:
    """A connection for the length of the block.

    Raises BusUnreachableError when the first attempt fails; later losses are waited out.
    """
    closing = False

    async def disconnected() -> None:
        if not closing:
            log.warning("nats.disconnected", name=name)

    async def reconnected() -> None:
        log.info("nats.reconnected", name=name)

    failures: list[Exception] = []

    async def failed(error: Exception) -> None:
        failures[:] = [error]
        log.debug("nats.error", name=name, error=type(error).__name__)

    try:
        # A client that reconnects for ever would also make its first attempt for ever.
        async with asyncio.timeout(CONNECT_SECONDS):
            client = await nats.connect(
                url,
                **options(name),
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                error_cb=failed,
            )
    except (OSError, Error, TimeoutError) as error:
        cause = failures[0] if failures else error
        raise BusUnreachableError(
            f"NATS at {without_credentials(url)} cannot be reached: {cause}"
        ) from error
    try:
        yield client
    finally:
        closing = True
        await client.close()


def without_credentials(url: str) -> str:
    """The address as it may stand in a log or an error."""
    return urlsplit(url).netloc.rpartition("@")[2]
