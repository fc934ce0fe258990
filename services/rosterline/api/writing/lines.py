"""A stream of bytes → the lines of an NDJSON batch, and messages of bounded size. Pure.

A line's number is its place in what was sent, blank lines included, so that whoever is told of one
finds it. Lines are not looked into: what is wrong with one, its verdict says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rosterline.events.commands import MOST_RECORD_BYTES

MOST_LINE_BYTES = MOST_RECORD_BYTES
MOST_LINES = 500
MOST_MESSAGE_BYTES = 524_288


@dataclass(slots=True)
class LineCutter:
    """Cuts chunks into lines without blanks around them; None is a line that is too long.

    Holds no more of a line than is read of one.
    """

    _begun: bytearray = field(default_factory=bytearray)
    _is_long: bool = False

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """The lines that end in this chunk."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            yield self._end(piece)
        self._keep(rest)

    def finish(self) -> bytes | None:
        """The last line, which nothing ends."""
        return self._end(b"")

    def _keep(self, piece: bytes) -> None:
        if len(self._begun) + len(piece) > MOST_LINE_BYTES:
            self._is_long = True
            self._begun.clear()
        elif not self._is_long:
            self._begun += piece

    def _end(self, piece: bytes) -> bytes | None:
        self._keep(piece)
        line = None if self._is_long else bytes(self._begun).strip()
        self._begun.clear()
        self._is_long = False
        return line


@dataclass(frozen=True, slots=True)
class Message:
    """Lines that follow one another, from `first_line`; those that are blank are for others."""

    first_line: int
    lines: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """As it is published."""
        return b"\n".join(self.lines)

    @property
    def filled(self) -> int:
        """How many lines say something."""
        return sum(map(bool, self.lines))


@dataclass(slots=True)
class Packer:
    """Puts lines into messages; `number` is that of the last one."""

    number: int = 0
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, line: bytes) -> Message | None:
        """Take a line; the message before it, if this one does not go in."""
        has_room = len(self._lines) < MOST_LINES and self._size + len(line) < MOST_MESSAGE_BYTES
        ended = None if has_room else self.take()
        self.number += 1
        self._lines.append(line)
        self._size += len(line) + 1
        return ended

    def take(self) -> Message | None:
        """What was not given out yet, unless it says nothing."""
        message = Message(self.number - len(self._lines) + 1, tuple(self._lines))
        self._lines, self._size = [], 0
        return message if message.filled else None
