"""A stream of bytes → the lines of an NDJSON batch, and messages of bounded size. Pure.

A line's number is its place in what was sent, blank lines included, so that whoever is told of one
finds it. Lines are not looked into: what is wrong with one, its verdict says.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rosterline.events.commands import MOST_RECORD_BYTES

MOST_LINE_BYTES = MOST_RECORD_BYTES
MOST_LINES = 500
MOST_MESSAGE_BYTES = 524_288


# What `strip` takes away, too.
BLANKS = re.compile(rb"\s*")


class Cut(NamedTuple):
    """A line that says something, without blanks around it; None is one that is too long."""

    number: int
    text: bytes | None


@dataclass(slots=True)
class LineCutter:
    """Cuts chunks into lines; those that are blank are counted, and cost nothing more.

    Holds no more of a line than is read of one. `ended` is the number of lines that are over.
    """

    ended: int = 0
    _begun: bytearray = field(default_factory=bytearray)
    _is_long: bool = False

    def feed(self, chunk: bytes) -> Iterator[Cut]:
        """The lines that end in this chunk."""
        position = 0
        while (position := self._skip(chunk, position)) < len(chunk):
            end = chunk.find(b"\n", position)
            self._keep(chunk[position : end if end >= 0 else len(chunk)])
            if end < 0:
                return
            yield self._end()
            position = end + 1

    def finish(self) -> Iterator[Cut]:
        """The last line, if nothing ended it."""
        if self._is_within:
            yield self._end()

    @property
    def _is_within(self) -> bool:
        return self._is_long or bool(self._begun)

    def _skip(self, chunk: bytes, position: int) -> int:
        """Where the next line that says something begins or goes on."""
        found = None if self._is_within else BLANKS.match(chunk, position)
        if found is None:
            return position
        self.ended += chunk.count(b"\n", position, found.end())
        return found.end()

    def _keep(self, piece: bytes) -> None:
        if len(self._begun) + len(piece) > MOST_LINE_BYTES:
            self._is_long = True
            self._begun.clear()
        elif not self._is_long:
            self._begun += piece

    def _end(self) -> Cut:
        self.ended += 1
        cut = Cut(self.ended, None if self._is_long else bytes(self._begun).rstrip())
        self._begun.clear()
        self._is_long = False
        return cut


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
    """Puts lines into messages, at their places."""

    _first: int = 1
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, number: int, line: bytes) -> Message | None:
        """Take a line behind those before; the message of these, if this one does not go in."""
        place = number - self._first
        size = self._size + place - len(self._lines) + len(line) + 1
        has_room = bool(self._lines) and place < MOST_LINES and size <= MOST_MESSAGE_BYTES
        ended = None if has_room else self.take()
        if not has_room:
            self._first, place, size = number, 0, len(line) + 1
        self._lines += [b""] * (place - len(self._lines))
        self._lines.append(line)
        self._size = size
        return ended

    def take(self) -> Message | None:
        """What was not given out yet, if there is any."""
        message = Message(self._first, tuple(self._lines)) if self._lines else None
        self._lines, self._size = [], 0
        return message
