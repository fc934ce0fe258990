"""How a client pages through a collection while it changes, and loses nothing. Pure.

A walk begins with a page whose position nobody knows: the first, as a rule. Its watermark W is the
clock's last stamp in that page's own snapshot, so every record that the page can show has a stamp
of at most W, and every later change gets a greater one. Each later page goes on behind the last
record shown (keyset), never at a count of records, so nothing can slide past the client. And no
page of the walk shows a stamp above W: a client that remembers the largest stamp it saw, and then
asks for what is later, gets everything that changed during its walk.

What became of a record that changed during the walk, before the client came to it?

- In a bounded walk (the filter names `dateLastModified`, or it is the sort order) it is left out:
  the walk shows what holds at W, and the next delta brings the record.
- In any other walk it is shown as it is now, so that no pull comes back short (a consumer would
  delete what is missing), but with W as its stamp; the next delta brings it again.

The place of such a record may have moved: by its id it stands where it stood, by any other sort it
may now stand before the position. So a walk in another order has two runs: first the records that
did not change since W, in that order, then those that did, by their ids. What had come before it
changed comes twice, as in a delta; nothing that was there at W and is there still is left out.

A client has two ways to go on. The `next` link carries the position: in the order of the ids each
record comes once, for as long as the client likes. A client that counts offsets is recognised by
Walks when it asks for just the offset at which a page ended. Many such clients stop at the total
that they were first told, so for them every walk that is not bounded has two runs: no record that
stays as it was falls off the end.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

KEPT_SECONDS = 900.0
OVERLAP_SECONDS = 15.0
MOST_WALKS = 10_000

SortValue = str | datetime | Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of a walk ended.

    `sort_value` is that of the last record, None in the order of the ids. `total` is what the
    walk's first page counted. `is_late`: in the run of what changed since, by the ids.
    """

    watermark: datetime
    total: int
    sort_value: SortValue | None
    sourced_id: str
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Continuation:
    """A later page of a walk; `by_offset` when the client counts instead of following links."""

    position: Position
    by_offset: bool


@dataclass(slots=True)
class _Entry:
    position: Position
    stored_at: float
    is_last: bool
    is_claimed: bool = False

    def is_awaited(self, now: float) -> bool:
        """Whether another walk seems about to ask for this offset."""
        is_open = not self.is_claimed and not self.is_last
        return is_open and now - self.stored_at < OVERLAP_SECONDS


class Walks:
    """Remembers where pages ended, for clients that count offsets: bounded, and for a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def remember(
        self, key: Hashable, position: Position, *, descending: bool, is_last: bool
    ) -> None:
        """The page before this offset ended here; `is_last`: and nothing followed it.

        Of two walks of one client that overlap the earlier position is kept: a record that comes
        twice does no harm, one that never comes does.
        """
        now = self._now()
        entry = self._entries.get(key)
        if entry and entry.is_awaited(now):
            position = _earlier(entry.position, position, descending=descending)
        self._entries[key] = _Entry(position, now, is_last)
        self._entries.move_to_end(key)
        while len(self._entries) > MOST_WALKS:
            self._entries.popitem(last=False)

    def find(self, key: Hashable) -> Position | None:
        """Where the page before this offset ended; a retry finds it again."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._now() - entry.stored_at > KEPT_SECONDS:
            del self._entries[key]
            return None
        entry.is_claimed = True
        return entry.position


def _earlier(one: Position, other: Position, *, descending: bool) -> Position:
    def rank(position: Position) -> tuple[SortValue, ...]:
        keys = (position.sort_value, position.sourced_id)
        return tuple(key for key in keys if key is not None)

    if one.is_late != other.is_late:
        first = other if one.is_late else one
    else:
        first = (max if descending else min)(one, other, key=rank)
    return replace(
        first,
        watermark=min(one.watermark, other.watermark),
        total=max(one.total, other.total),
    )
