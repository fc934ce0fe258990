"""Cursors come back as they were, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.errors import ApiError, CodeMinor
from rosterline.api.reading.cursors import read_cursor, write_cursor
from rosterline.api.reading.walks import Continuation, Position
from tests.support.api import stamp

MOMENTS = st.integers(-(10**12), 10**12).map(stamp)
POSITIONS = st.builds(
    Position,
    watermark=MOMENTS,
    total=st.integers(0, 10**9),
    sort_value=st.none() | st.sampled_from(["active", "tobedeleted"]) | MOMENTS,
    sourced_id=st.text(),
    is_late=st.booleans(),
)
SOME = Continuation(Position(stamp(1), 3, None, "b"), by_offset=False)


@given(st.builds(Continuation, position=POSITIONS, by_offset=st.booleans()), st.text())
def test_a_cursor_is_read_as_it_was_written(continuation: Continuation, binding: str) -> None:
    text = write_cursor(continuation, binding, "secret")
    assert read_cursor(text, binding, ("other", "secret")) == continuation


@pytest.mark.parametrize(
    ("text", "binding", "secret"),
    [
        (write_cursor(SOME, "users", "secret"), "classes", "secret"),
        (write_cursor(SOME, "users", "secret"), "users", "another"),
        (write_cursor(SOME, "users", "secret")[:-4], "users", "secret"),
        ("", "users", "secret"),
        ("x", "users", "secret"),
        ("ü€", "users", "secret"),
        ("A" * 5000, "users", "secret"),
    ],
)
def test_a_cursor_of_another_query_or_maker_is_refused(
    text: str, binding: str, secret: str
) -> None:
    with pytest.raises(ApiError, match="cursor") as caught:
        read_cursor(text, binding, (secret,))
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_DATA)
