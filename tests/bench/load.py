"""A load on an HTTP server from a process of its own: keep-alive, one request at a time on each
connection, and no more parsing than the status and the length ask for.

A client library would cost more than the server does, and on few cores take from what it measures.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import cast

import uvloop
from typing_extensions import override

HEAD_END = b"\r\n\r\n"
OK = b"HTTP/1.1 200 "
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
NEXT = re.compile(rb'<https?://[^/>]+(/[^>]*)>; rel="next"')
PATIENCE_SECONDS = 30.0
# Once in every record.
RECORD = b'"dateLastModified":'


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for: a path again and again, or it and whatever its `next` links lead to.

    It ends after `seconds`, and a walk by links also at its end unless it `repeats`.
    """

    port: int
    path: str
    token: str
    seconds: float
    connections: int = 1
    follows_links: bool = False
    repeats: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back; `spans` are the seconds of each answer, sorted."""

    seconds: float
    spans: list[float]
    records: int
    size: int

    def span(self, share: float) -> float:
        """Milliseconds within which this share of the answers came."""
        return 1000 * self.spans[min(len(self.spans) - 1, int(len(self.spans) * share))]


class LoadError(Exception):
    """The server did not answer as it must for a figure to mean something."""


@dataclass
class _Tally:
    load: Load
    ends_at: float
    spans: list[float] = field(default_factory=list)
    records: int = 0
    size: int = 0


class _Client(asyncio.Protocol):
    """One connection; it asks as soon as the answer before is whole."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._path = tally.load.path.encode()
        self._answer = bytearray()
        self._expected = 0
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._ask()

    @override
    def data_received(self, data: bytes) -> None:
        answer = self._answer
        answer += data
        if not self._expected:
            end = answer.find(HEAD_END)
            if end < 0:
                return
            length = LENGTH.search(answer, 0, end)
            if not answer.startswith(OK) or length is None:
                self._end(LoadError(f"{self._path.decode()} answered {bytes(answer[:300])!r}"))
                return
            self._expected = end + len(HEAD_END) + int(length[1])
        if len(answer) >= self._expected:
            self._take()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LoadError(f"the server closed the connection: {exc}"))

    def _ask(self) -> None:
        self._answer.clear()
        self._expected = 0
        self._began = time.perf_counter()
        self._transport.write(
            b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %b\r\n\r\n"
            % (self._path, self._tally.load.port, self._tally.load.token.encode())
        )

    def _take(self) -> None:
        tally, now = self._tally, time.perf_counter()
        tally.spans.append(now - self._began)
        tally.size += self._expected
        tally.records += self._answer.count(RECORD)
        goes_on = self._go_on() if tally.load.follows_links else True
        if goes_on and now < tally.ends_at:
            self._ask()
        else:
            self._end(None)

    def _go_on(self) -> bool:
        """Turn to the next page; to the first one when this was the last and the walk repeats."""
        found = NEXT.search(self._answer, 0, self._answer.find(HEAD_END))
        if found is None:
            self._path = self._tally.load.path.encode()
            return self._tally.load.repeats
        self._path = bytes(found[1])
        return True

    def _end(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()


def _same(client: _Client) -> _Client:
    return client


async def run_load(load: Load) -> Outcome:
    """Put the load on the server, from this process; raises LoadError."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    tally = _Tally(load, began + load.seconds)
    clients = [_Client(tally) for _ in range(load.connections)]
    for client in clients:
        await loop.create_connection(partial(_same, client), "127.0.0.1", load.port)
    async with asyncio.timeout(load.seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(client.done for client in clients))
    seconds = time.perf_counter() - began
    return Outcome(seconds, sorted(tally.spans), tally.records, tally.size)


def drive(load: Load) -> Outcome:
    """The same, for a process that does nothing else."""
    return uvloop.run(run_load(load))


@contextmanager
def driver() -> Iterator[ProcessPoolExecutor]:
    """A process for loads."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool
