"""An HTTP connection that asks again as soon as the answer before is whole, and no more parsing
than the status and the length ask for.

A client library would cost more than the server does, and on few cores take from what it measures.
"""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from typing_extensions import override

HEAD_END = b"\r\n\r\n"
STATUS = slice(len(b"HTTP/1.1 "), len(b"HTTP/1.1 200"))
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class LoadError(Exception):
    """The server did not answer as it must for a figure to mean something."""


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


class Connection(asyncio.Protocol, ABC):
    """One connection, one request at a time; `done` is set at its end, or fails with LoadError.

    `spans` are the seconds of each answer.
    """

    STATUSES: frozenset[bytes]

    def __init__(self) -> None:
        self.spans: list[float] = []
        self.size = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer = bytearray()
        self._expected = 0
        self._began = 0.0

    @abstractmethod
    def next_request(self) -> bytes | None:
        """What is sent next; None at the end."""

    @abstractmethod
    def take(self, head: bytes, answer: bytearray) -> None:
        """Look at an answer that is whole."""

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
            if bytes(answer[STATUS]) not in self.STATUSES or length is None:
                self._end(LoadError(f"the server answered {bytes(answer[:600])!r}"))
                return
            self._expected = end + len(HEAD_END) + int(length[1])
        if len(answer) >= self._expected:
            self.spans.append(time.perf_counter() - self._began)
            self.size += self._expected
            self.take(bytes(answer[: answer.find(HEAD_END)]), answer)
            self._ask()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LoadError(f"the server closed the connection: {exc}"))

    def _ask(self) -> None:
        request = self.next_request()
        if request is None:
            self._end(None)
            return
        self._answer.clear()
        self._expected = 0
        self._began = time.perf_counter()
        self._transport.write(request)

    def _end(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()


def _same(connection: Connection) -> Connection:
    return connection


async def run_all(connections: Sequence[Connection], port: int, *, patience: float) -> float:
    """Let them ask this port until their ends; the seconds it took.

    Raises LoadError, and TimeoutError after `patience` seconds.
    """
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    async with asyncio.timeout(patience):
        for connection in connections:
            await loop.create_connection(partial(_same, connection), "127.0.0.1", port)
        await asyncio.gather(*(connection.done for connection in connections))
    return time.perf_counter() - began


def outcome_of(connections: Sequence[Connection], seconds: float, records: int) -> Outcome:
    """What all of them together have seen."""
    spans = sorted(span for connection in connections for span in connection.spans)
    return Outcome(seconds, spans, records, sum(connection.size for connection in connections))
