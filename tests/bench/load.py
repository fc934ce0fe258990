"""A load of reads on an HTTP server, from a process of its own."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import uvloop
from typing_extensions import override

from tests.bench.keepalive import Connection, Outcome, outcome_of, run_all

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


class _Reader(Connection):
    STATUSES = frozenset({b"200"})

    def __init__(self, load: Load, ends_at: float) -> None:
        super().__init__()
        self.records = 0
        self._load = load
        self._ends_at = ends_at
        self._path: bytes | None = load.path.encode()

    @override
    def next_request(self) -> bytes | None:
        if self._path is None or time.perf_counter() >= self._ends_at:
            return None
        return b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %b\r\n\r\n" % (
            self._path,
            self._load.port,
            self._load.token.encode(),
        )

    @override
    def take(self, head: bytes, answer: bytearray) -> None:
        self.records += answer.count(RECORD)
        if self._load.follows_links:
            found = NEXT.search(head)
            first = self._load.path.encode() if self._load.repeats else None
            self._path = found[1] if found else first


async def run_load(load: Load) -> Outcome:
    """Put the load on the server, from this process; raises LoadError."""
    ends_at = time.perf_counter() + load.seconds
    readers = [_Reader(load, ends_at) for _ in range(load.connections)]
    seconds = await run_all(readers, load.port, patience=load.seconds + PATIENCE_SECONDS)
    return outcome_of(readers, seconds, sum(reader.records for reader in readers))


def drive(load: Load) -> Outcome:
    """The same, for a process that does nothing else."""
    return uvloop.run(run_load(load))


@contextmanager
def driver() -> Iterator[ProcessPoolExecutor]:
    """A process for loads."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool
