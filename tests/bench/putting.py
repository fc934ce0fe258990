"""Scores put over HTTP from a process of its own, with bodies made beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass

import uvloop
from typing_extensions import override

from tests.bench.keepalive import Connection, Outcome, outcome_of, run_all

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Puts:
    """Paths and bodies to be put, by so many connections."""

    port: int
    token: str
    requests: tuple[tuple[str, bytes], ...]
    connections: int


class _Putter(Connection):
    """It takes the next request that no other one took."""

    STATUSES = frozenset({b"200", b"201"})

    def __init__(self, puts: Puts, waiting: Iterator[tuple[str, bytes]]) -> None:
        super().__init__()
        self._puts = puts
        self._waiting = waiting

    @override
    def next_request(self) -> bytes | None:
        request = next(self._waiting, None)
        if request is None:
            return None
        path, body = request
        return (
            b"PUT %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (path.encode(), self._puts.port, self._puts.token.encode(), len(body), body)
        )

    @override
    def take(self, head: bytes, answer: bytearray) -> None:
        """An answer to a put has nothing to look at."""


async def run_puts(puts: Puts) -> Outcome:
    """Put all of it, from this process; raises LoadError."""
    waiting = iter(puts.requests)
    putters = [_Putter(puts, waiting) for _ in range(puts.connections)]
    seconds = await run_all(putters, puts.port, patience=PATIENCE_SECONDS)
    return outcome_of(putters, seconds, len(puts.requests))


def put_all(puts: Puts) -> Outcome:
    """The same, for a process that does nothing else."""
    return uvloop.run(run_puts(puts))
