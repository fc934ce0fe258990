"""The guard against an accidental wipe (G10): looks at what waits to be written, before it is.

It only says no. What is refused is rolled back by the caller, and kept waiting or reported.
"""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

import asyncpg

from rosterline.oneroster.vocabulary import Collection, Entity
from rosterline.projector.holds import Loss, count_active
from rosterline.projector.writes import Spool

# So many times what is needed is counted, so that it need not be counted again soon.
MARGIN = 10


class TooManyLossesError(Exception):
    """What waits would turn too much of a collection into `tobedeleted`."""

    def __init__(self, losses: tuple[Loss, ...]) -> None:
        super().__init__("; ".join(map(str, losses)))
        self.losses = losses


@dataclass(slots=True)
class Guard:
    """Refuses more than `share` of a collection's active records, from `records` deletions on.

    A share of 1, as it is without a setting, refuses nothing. `known` remembers how many records
    there are at least: where tombstones stand in the way, even a few active ones are far to seek.
    """

    share: float = 1.0
    records: int = 1
    known: Counter[Collection] = field(default_factory=Counter, init=False)

    async def check(
        self,
        connection: asyncpg.Connection,
        spool: Spool,
        entities: Container[Entity] = frozenset(Entity),
    ) -> None:
        """Raise TooManyLossesError if the spool takes too much away of one of the entities.

        Nothing is counted while few records go, and not many more than it takes to be sure that
        there are enough: what this costs grows with the deletions, not with the district.
        """
        found: list[Loss] = []
        for collection, losses in spool.losses.items():
            if losses < self.records or self.share >= 1 or collection.entity not in entities:
                continue
            found += await self.excess(connection, collection, losses)
        if found:
            raise TooManyLossesError(tuple(found))

    def committed(self, spool: Spool) -> None:
        """Note what came and went."""
        for collection in self.known:
            self.known[collection] += spool.arrivals[collection] - spool.losses[collection]

    async def excess(
        self, connection: asyncpg.Connection, collection: Collection, losses: int
    ) -> list[Loss]:
        """The loss, if it is too much for the collection."""
        enough = fewest_active(losses, self.share)
        if enough is not None and self.known[collection] >= enough:
            return []
        most = None if enough is None else enough * MARGIN
        active = self.known[collection] = await count_active(connection, collection, most)
        if enough is not None and active >= enough:
            return []
        return [Loss(f"{collection.version}.{collection.entity}", losses, active)]


def fewest_active(losses: int, share: float) -> int | None:
    """From how many active records on so many losses are no more than the share; None: never."""
    # Not in floating point: 29 of 100 are not more than 29%.
    exact = Fraction(str(share))
    return ceil(losses / exact) if exact else None
