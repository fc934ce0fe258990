"""How often a message was begun that may have killed a worker, and what is done with it then."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from rosterline.ingest.dead_letters import forget_attempts, note_attempts, were_begun
from rosterline.ingest.deliveries import Delivery

MOST_ATTEMPTS: Final = 3


@dataclass(slots=True)
class Suspects:
    """Messages that a worker may have died of, for the life of this process.

    Those up to `until` were begun by one that is gone. `passed` counts attempts that were broken
    off because a server was away, which says nothing of the message.
    """

    until: int | None = None
    passed: Counter[int] = field(default_factory=Counter)
    missed: Counter[int] = field(default_factory=Counter)


class Attempts:
    """At the messages of one stream; each is noted before it begins."""

    def __init__(self, connection: asyncpg.Connection, stream: str, suspects: Suspects) -> None:
        self.connection = connection
        self.stream = stream
        self.suspects = suspects

    def suspicious(self, unit: Sequence[Delivery]) -> list[int]:
        """The messages of which a worker may have died, or which we fail to read."""
        until = self.suspects.until or 0
        return [one.sequence for one in unit if one.command is None or one.sequence <= until]

    async def may_be_together(self, suspicious: Sequence[int]) -> bool:
        """Whether messages may be worked off as one: none was begun and not ended. Notes it."""
        if not suspicious:
            return True
        if await were_begun(self.connection, self.stream, suspicious):
            return False
        await self.begin(suspicious)
        return True

    async def may_go_on(self, sequence: int) -> bool:
        """Whether a message may be tried, or tried again. Notes it."""
        return (await self.begin([sequence]))[sequence] <= MOST_ATTEMPTS

    async def begin(self, sequences: Collection[int]) -> dict[int, int]:
        """Note that messages are begun; how often they were, but for what was broken off."""
        noted = await note_attempts(self.connection, self.stream, sequences)
        passed = self.suspects.passed
        return {sequence: count - passed[sequence] for sequence, count in noted.items()}

    async def end(self, sequences: Sequence[int]) -> None:
        """Forget attempts at what is worked off."""
        if sequences:
            await forget_attempts(self.connection, self.stream, sequences[-1])

    def pass_over(self, sequences: Collection[int]) -> None:
        """An attempt was broken off, which says nothing of the messages."""
        self.suspects.passed.update(sequences)
