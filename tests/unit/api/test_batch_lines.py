"""NDJSON in chunks of any size: the same lines, in messages of bounded size."""

import time

from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.writing.lines import (
    MOST_LINE_BYTES,
    MOST_LINES,
    MOST_MESSAGE_BYTES,
    Cut,
    LineCutter,
    Message,
    Packer,
)

MOST_SECONDS = 1.5
LINES = st.lists(
    st.one_of(
        st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"")),
        st.integers(MOST_LINE_BYTES - 2, MOST_LINE_BYTES + 2).map(lambda size: b"x" * size),
        st.just(b""),
    ),
    max_size=12,
)


def cut(data: bytes, sizes: list[int]) -> tuple[dict[int, bytes | None], int]:
    """The lines of data that comes in pieces of these sizes, and then in one; how many ended."""
    cutter = LineCutter()
    found: list[Cut] = []
    for size in sizes:
        found += cutter.feed(data[:size])
        data = data[size:]
    found += [*cutter.feed(data), *cutter.finish()]
    assert len(dict(found)) == len(found)
    return dict(found), cutter.ended


@given(LINES, st.lists(st.integers(0, 200_000), max_size=20), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_are_the_same_whatever_pieces_they_come_in(
    lines: list[bytes], sizes: list[int], end: bytes
) -> None:
    found, ended = cut(b"".join(line + end for line in lines), sizes)
    expected = {
        number: None if len(line.lstrip() + end) - 1 > MOST_LINE_BYTES else line.strip()
        for number, line in enumerate(lines, 1)
        if line.strip()
    }
    assert (found, ended) == (expected, len(lines))


def test_the_last_line_needs_no_end() -> None:
    assert cut(b"\na \n b", []) == ({2: b"a", 3: b"b"}, 3)
    assert cut(b"a" * (MOST_LINE_BYTES + 1), []) == ({1: None}, 1)


def test_millions_of_blank_lines_take_no_time() -> None:
    chunk, cutter = b"\n" * 1_000_000, LineCutter()
    began = time.process_time()
    assert [each for _ in range(20) for each in cutter.feed(chunk)] == []
    assert time.process_time() - began < MOST_SECONDS
    assert [*cutter.feed(b"a\n")] == [(20_000_001, b"a")]


@given(st.lists(st.one_of(st.just(0), st.integers(1, MOST_LINE_BYTES)), max_size=40))
def test_messages_hold_every_line_once_at_its_place(sizes: list[int]) -> None:
    lines = [b"x" * size for size in sizes]
    packer = Packer()
    filled = [(number, line) for number, line in enumerate(lines, 1) if line]
    messages = [message for each in filled if (message := packer.add(*each))]
    messages += [message] if (message := packer.take()) else []
    placed = {
        message.first_line + place: line
        for message in messages
        for place, line in enumerate(message.lines)
        if line
    }
    assert placed == {number: line for number, line in enumerate(lines, 1) if line}
    assert all(message.filled for message in messages)
    assert all(len(message.data) <= MOST_MESSAGE_BYTES for message in messages)


def test_a_message_holds_at_most_so_many_lines() -> None:
    packer = Packer()
    numbers = range(1, 2 * MOST_LINES + 2)
    messages = [message for number in numbers if (message := packer.add(number, b"{}"))]
    assert [(each.first_line, each.filled) for each in messages] == [
        (1, MOST_LINES),
        (MOST_LINES + 1, MOST_LINES),
    ]
    assert packer.take() == Message(2 * MOST_LINES + 1, (b"{}",))
    assert packer.take() is None
