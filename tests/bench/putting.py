"""Scores put over HTTP from a process of its own: keep-alive, one request at a time on each
connection, bodies made beforehand.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop
from typing_extensions import override

from tests.bench.load import LENGTH, LoadError, Outcome

PATIENCE_SECONDS = 120.0
HEAD_END = b"\r\n\r\n"
CREATED = re.compile(rb"HTTP/1\.1 20[01] ")


@dataclass(frozen=True, slots=True)
class Puts:
    """Paths and bodies to be put, by so many connections."""

    port: int
    token: str
    requests: tuple[tuple[str, bytes], ...]
    connections: int


class _Putter(asyncio.Protocol):
    """One connection; it takes the next request as soon as the one before is answered."""

    def __init__(
        self, puts: Puts, waiting: Iterator[tuple[str, bytes]], spans: list[float]
    ) -> None:
        self._puts = puts
        self._waiting = waiting
        self._spans = spans
        self._answer = bytearray()
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._put()

    @override
    def data_received(self, data: bytes) -> None:
        self._answer += data
        end = self._answer.find(HEAD_END)
        if end < 0:
            return
        length = LENGTH.search(self._answer, 0, end)
        if len(self._answer) < end + len(HEAD_END) + int(length[1] if length else 0):
            return
        if CREATED.match(self._answer) is None:
            self._end(LoadError(f"a put was answered {bytes(self._answer[:600])!r}"))
            return
        self._spans.append(time.perf_counter() - self._began)
        self._answer.clear()
        self._put()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LoadError(f"the server closed the connection: {exc}"))

    def _put(self) -> None:
        request = next(self._waiting, None)
        if request is None:
            self._end(None)
            return
        path, body = request
        self._began = time.perf_counter()
        self._transport.write(
            b"PUT %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (path.encode(), self._puts.port, self._puts.token.encode(), len(body), body)
        )

    def _end(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()


def _same(putter: _Putter) -> _Putter:
    return putter


async def run_puts(puts: Puts) -> Outcome:
    """Put all of it, from this process; raises LoadError."""
    loop = asyncio.get_running_loop()
    waiting, spans = iter(puts.requests), list[float]()
    began = time.perf_counter()
    putters = [_Putter(puts, waiting, spans) for _ in range(puts.connections)]
    for putter in putters:
        await loop.create_connection(partial(_same, putter), "127.0.0.1", puts.port)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(putter.done for putter in putters))
    return Outcome(time.perf_counter() - began, sorted(spans), len(spans), 0)


def put_all(puts: Puts) -> Outcome:
    """The same, for a process that does nothing else."""
    return uvloop.run(run_puts(puts))
