"""Failures to prove who one is, by address: who fails too often waits, before any work is done.

The counts are of this process alone, so several processes allow as many times more. Only failures
count, so whoever is at another address, or has the right secret and few neighbours, never waits.
"""

import ipaddress
import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import HTTPConnection

from rosterline.api.errors import too_many
from rosterline.config.settings import Settings

# One caller of IPv6 has as many addresses as it likes within this.
PREFIX = 64
MOST_NAME = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who says to be which client, and from where."""

    address: str
    client: str


def attempt_of(connection: HTTPConnection, client: str) -> Attempt:
    """An attempt from the address that the server gives: the proxy's word where it is trusted."""
    return attempt_from(connection.client.host if connection.client else "", client)


def attempt_from(host: str, client: str) -> Attempt:
    """An attempt from an address."""
    return Attempt(_neighbourhood(host), client[:MOST_NAME])


class Throttle:
    """Counts failures for each client at an address, and for each address."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        seconds = settings.guess_seconds
        self._of_client = RateLimitItemPerSecond(settings.guesses_per_client, seconds)
        self._of_address = RateLimitItemPerSecond(settings.guesses_per_address, seconds)

    async def check(self, attempt: Attempt) -> None:
        """Raise ApiError 429 for who has failed too often."""
        for limit, names in self._limits(attempt):
            if not await self._limiter.test(limit, *names):
                stats = await self._limiter.get_window_stats(limit, *names)
                raise too_many(
                    "Too many requests with wrong credentials; try again later",
                    seconds=max(1, math.ceil(stats.reset_time - time.time())),
                )

    async def note_failure(self, attempt: Attempt) -> None:
        """Count a failure."""
        for limit, names in self._limits(attempt):
            await self._limiter.hit(limit, *names)

    def _limits(
        self, attempt: Attempt
    ) -> tuple[tuple[RateLimitItemPerSecond, tuple[str, ...]], ...]:
        return (
            (self._of_client, ("client", attempt.address, attempt.client)),
            (self._of_address, ("address", attempt.address)),
        )


def _neighbourhood(host: str) -> str:
    """The address, or of IPv6 the network that one caller has."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, PREFIX), strict=False))
