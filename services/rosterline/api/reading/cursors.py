"""The `cursor` of a next link: where to go on, signed and bound to its query.

Pure; the caller has the key. A cursor holds nothing secret: a stamp, a count, an id and what
the last record was sorted by.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson

from rosterline.api.errors import CodeMinor, bad_request
from rosterline.api.reading.walks import Continuation, Position, SortValue

EPOCH = datetime.fromtimestamp(0, UTC)
MICROSECOND = timedelta(microseconds=1)
SEAL_BYTES = 12


def write_cursor(continuation: Continuation, binding: str, secret: str) -> str:
    """The text of a continuation; `binding` names caller, path and query."""
    position = continuation.position
    body = orjson.dumps(
        [
            _to_number(position.watermark),
            position.total,
            _pack(position.sort_value),
            position.sourced_id,
            position.is_late,
            continuation.by_offset,
        ]
    )
    return base64.urlsafe_b64encode(_seal(body, binding, secret) + body).rstrip(b"=").decode()


def read_cursor(text: str, binding: str, secrets: tuple[str, ...]) -> Continuation:
    """What a cursor says that that was made with one of these secrets for this binding."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    seal, body = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
    if not any(hmac.compare_digest(seal, _seal(body, binding, key)) for key in secrets):
        raise bad_request(
            CodeMinor.INVALID_DATA,
            "cursor does not belong to this query; take the next link as it is, "
            "or start again without cursor",
        )
    watermark, total, value, sourced_id, is_late, by_offset = orjson.loads(body)
    position = Position(_to_moment(watermark), total, _unpack(value), sourced_id, is_late)
    return Continuation(position, by_offset)


def _seal(body: bytes, binding: str, secret: str) -> bytes:
    message = len(binding.encode()).to_bytes(4, "big") + binding.encode() + body
    return hmac.digest(secret.encode(), message, hashlib.sha256)[:SEAL_BYTES]


def _pack(value: SortValue | None) -> str | int | list[str] | None:
    """A moment as a number; a number as a list, for floats would round it."""
    if isinstance(value, datetime):
        return _to_number(value)
    return [str(value)] if isinstance(value, Decimal) else value


def _unpack(packed: str | int | list[str] | None) -> SortValue | None:
    if isinstance(packed, int):
        return _to_moment(packed)
    return Decimal(packed[0]) if isinstance(packed, list) else packed


def _to_number(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _to_moment(number: int) -> datetime:
    return EPOCH + number * MICROSECOND
