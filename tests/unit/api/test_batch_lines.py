"""NDJSON in chunks of any size: the same lines, in messages of bounded size."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.writing.lines import (
    MOST_LINE_BYTES,
    MOST_LINES,
    MOST_MESSAGE_BYTES,
    LineCutter,
    Message,
    Packer,
)

LINES = st.lists(
    st.one_of(
        st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"")),
        st.integers(MOST_LINE_BYTES - 2, MOST_LINE_BYTES + 2).map(lambda size: b"x" * size),
        st.just(b""),
    ),
    max_size=12,
)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes | None]:
    """The lines of data that comes in pieces of these sizes, and then in one."""
    cutter = LineCutter()
    for size in sizes:
        yield from cutter.feed(data[:size])
        data = data[size:]
    yield from cutter.feed(data)
    yield cutter.finish()


@given(LINES, st.lists(st.integers(0, 200_000), max_size=20), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_are_the_same_whatever_pieces_they_come_in(
    lines: list[bytes], sizes: list[int], end: bytes
) -> None:
    found = list(cut(b"".join(line + end for line in lines), sizes))
    expected = [None if len(line + end) - 1 > MOST_LINE_BYTES else line.strip() for line in lines]
    assert found == [*expected, b""]


@given(st.lists(st.one_of(st.just(0), st.integers(1, MOST_LINE_BYTES)), max_size=40))
def test_messages_hold_every_line_once_at_its_place(sizes: list[int]) -> None:
    lines = [b"x" * size for size in sizes]
    packer = Packer()
    messages = [message for line in lines if (message := packer.add(line))]
    messages += [message] if (message := packer.take()) else []
    assert packer.number == len(lines)
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
    messages = [message for _ in range(2 * MOST_LINES + 1) if (message := packer.add(b"{}"))]
    assert [(each.first_line, each.filled) for each in messages] == [
        (1, MOST_LINES),
        (MOST_LINES + 1, MOST_LINES),
    ]
    assert packer.take() == Message(2 * MOST_LINES + 1, (b"{}",))
    assert packer.take() is None
