"""The bounded queue between reading and publishing: it counts bytes, not messages."""

import asyncio
from collections import deque

from rosterline.capture.parts import Outgoing

CAPACITY_BYTES = 16_000_000
OVERHEAD_BYTES = 500


class Pipe:
    """One producer, one consumer, in order. A full pipe makes the producer wait."""

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self.capacity = capacity
        self.waiting: deque[Outgoing] = deque()
        self.held = 0
        self.filled = asyncio.Event()
        self.drained = asyncio.Event()
        self.drained.set()

    async def put(self, message: Outgoing) -> None:
        """Add a message; waits while the pipe is full."""
        while self.held >= self.capacity:
            self.drained.clear()
            await self.drained.wait()
        self.waiting.append(message)
        self.held += len(message.data) + OVERHEAD_BYTES
        self.filled.set()

    async def take(self, most: int) -> list[Outgoing]:
        """The oldest messages, at most `most`; waits until there is one."""
        while not self.waiting:
            self.filled.clear()
            await self.filled.wait()
        taken = [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]
        self.held -= sum(len(message.data) + OVERHEAD_BYTES for message in taken)
        self.drained.set()
        return taken
