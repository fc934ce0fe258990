"""How a writer wants to be answered: headers `Prefer` (RFC 7240) and `Rosterline-Wait`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from rosterline.api.errors import ApiError, CodeMinor, bad_request
from rosterline.events.commands import WAIT_HEADER

RESPOND_ASYNC = "respond-async"
MOST_DIGITS = 9
CONDITIONS = ("If-Match", "If-None-Match", "If-Unmodified-Since")


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait_seconds`: for how long what the roster does not know yet may still come."""

    is_async: bool = False
    wait_seconds: int | None = None


def read_preference(
    headers: Mapping[str, str], longest_seconds: int, *, is_async: bool = False
) -> Preference:
    """What the headers say, of an endpoint that `is_async` in any case; raises ApiError 400.

    Conditions are refused: who sends one relies on it.
    """
    if found := [name for name in CONDITIONS if name.lower() in headers]:
        told = f"{' and '.join(found)}: conditional writes are not offered"
        raise bad_request(CodeMinor.INVALID_DATA, told)
    is_async = is_async or _asks_for_async(headers.get("prefer", ""))
    text = headers.get(WAIT_HEADER.lower())
    if text is None:
        return Preference(is_async)
    if not is_async:
        raise _wrong(f"is only for commands that are sent with Prefer: {RESPOND_ASYNC}")
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    if not is_number or int(text) > longest_seconds:
        raise _wrong(f"must be a whole number of seconds from 0 to {longest_seconds}")
    return Preference(is_async, int(text))


def _asks_for_async(prefer: str) -> bool:
    """Each preference may have a value and parameters, which this one does not know."""
    names = (part.partition(";")[0].partition("=")[0] for part in prefer.split(","))
    return any(name.strip().lower() == RESPOND_ASYNC for name in names)


def _wrong(message: str) -> ApiError:
    return bad_request(CodeMinor.INVALID_DATA, f"{WAIT_HEADER} {message}")
