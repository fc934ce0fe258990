"""`Prefer` and `Rosterline-Wait`: how a writer wants to be answered."""

import pytest
from starlette.datastructures import Headers

from rosterline.api.errors import ApiError
from rosterline.api.writing.preferences import Preference, read_preference


@pytest.mark.parametrize(
    ("prefer", "is_async"),
    [
        (None, False),
        ("", False),
        ("respond-async", True),
        ("Respond-Async", True),
        ("return=minimal, respond-async", True),
        ("respond-async, wait=10", True),
        ("respond-async; foo=bar", True),
        ('respond-async=""', True),
        ("wait=10", False),
        ("x-respond-async", False),
    ],
)
def test_respond_async_is_found_among_preferences(prefer: str | None, is_async: bool) -> None:
    headers = Headers({} if prefer is None else {"Prefer": prefer})
    assert read_preference(headers, 60) == Preference(is_async)


@pytest.mark.parametrize("text", ["0", "7", "60"])
def test_a_time_to_wait_is_taken_with_what_is_decided_later(text: str) -> None:
    headers = Headers({"Prefer": "respond-async", "Rosterline-Wait": text})
    assert read_preference(headers, 60) == Preference(is_async=True, wait_seconds=int(text))
    alone = Headers({"Rosterline-Wait": text})
    assert read_preference(alone, 60, is_async=True).wait_seconds == int(text)


@pytest.mark.parametrize("text", ["", "61", "-1", "1.5", "soon", "²", "9" * 5000, "0" * 10 + "61"])
def test_no_number_and_more_than_the_longest_time_are_refused(text: str) -> None:
    headers = Headers({"Prefer": "respond-async", "Rosterline-Wait": text})
    with pytest.raises(ApiError, match="whole number of seconds from 0 to 60") as caught:
        read_preference(headers, 60)
    assert caught.value.status == 400


def test_nobody_waits_for_an_answer_and_for_the_roster() -> None:
    with pytest.raises(ApiError, match="Prefer: respond-async") as caught:
        read_preference(Headers({"Rosterline-Wait": "5"}), 60)
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["If-Match", "if-none-match", "If-Unmodified-Since"])
def test_conditions_are_refused_rather_than_passed_over(name: str) -> None:
    with pytest.raises(ApiError, match="conditional writes are not offered") as caught:
        read_preference(Headers({name: "*"}), 60)
    assert caught.value.status == 400
    with pytest.raises(ApiError, match="conditional writes are not offered"):
        read_preference(Headers({name: "*"}), 60, is_async=True)
