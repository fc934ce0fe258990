"""Where capture stands: positions in WAL and streams, and how far a slot may be confirmed. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Self

from typing_extensions import override


def format_lsn(lsn: int) -> str:
    """`16/B374D848`, as PostgreSQL writes it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def parse_lsn(text: str) -> int:
    """The number behind `16/B374D848`; raises ValueError."""
    high, separator, low = text.partition("/")
    if not separator:
        raise ValueError(f"not a WAL position: {text!r}")
    return (int(high, 16) << 32) | int(low, 16)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a stream goes: the transaction that commits at `lsn`, its first `through` items.

    `part` is the number of the message that ended there.
    """

    lsn: int
    through: int = 0
    part: int = 0

    @override
    def __str__(self) -> str:
        return f"{format_lsn(self.lsn)}:{self.through}:{self.part}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`; raises ValueError."""
        lsn, through, part = text.split(":")
        return cls(parse_lsn(lsn), int(through), int(part))

    def covers(self, lsn: int, item: int) -> bool:
        """Whether the `item`-th item (from 1) of the transaction at `lsn` stands in the stream."""
        return (lsn, item) <= (self.lsn, self.through) or lsn < self.lsn


class Confirmation:
    """Which WAL position may be confirmed: never one with an unacknowledged message before it.

    Messages are `sent` in order and `acknowledged` in order; `passed` says that everything of the
    transactions up to an LSN has been sent.
    """

    def __init__(self, confirmed: int) -> None:
        self.confirmable = confirmed
        self.sent_count = 0
        self.acknowledged_count = 0
        self.waiting: deque[tuple[int, int]] = deque()

    def sent(self, count: int = 1) -> None:
        """Messages were handed to the publisher."""
        self.sent_count += count

    def acknowledged(self, count: int = 1) -> None:
        """The stream has stored the oldest unacknowledged messages."""
        if self.acknowledged_count + count > self.sent_count:
            raise ValueError("more messages acknowledged than sent")
        self.acknowledged_count += count
        while self.waiting and self.waiting[0][0] <= self.acknowledged_count:
            self.confirmable = max(self.confirmable, self.waiting.popleft()[1])

    def passed(self, lsn: int) -> None:
        """All transactions up to `lsn` have been sent, or had nothing to send."""
        if self.sent_count == self.acknowledged_count:
            self.confirmable = max(self.confirmable, lsn)
        elif self.waiting and self.waiting[-1][0] == self.sent_count:
            self.waiting[-1] = (self.sent_count, max(lsn, self.waiting[-1][1]))
        else:
            self.waiting.append((self.sent_count, lsn))
