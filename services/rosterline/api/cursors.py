"""The `cursor` of a next link: where to go on, signed and bound to its query.

Pure; the caller has the key. A cursor holds nothing secret: a stamp, a count and an id.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import orjson

from rosterline.api.errors import CodeMinor, bad_request
from rosterline.api.walks import Continuation, Position

EPOCH = datetime.fromtimestamp(0, UTC)
MICROSECOND = timedelta(microseconds=1)
SEAL_BYTES = 12


def write_cursor(continuation: Continuation, binding: str, secret: str) -> str:
    """The text of a continuation; `binding` names caller, path and query."""
    position = continuation.position
    value = position.sort_value
    body = orjson.dumps(
        [
            _to_number(position.watermark),
            position.total,
            _to_number(value) if isinstance(value, datetime) else value,
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
    sort_value = _to_moment(value) if isinstance(value, int) else value
    position = Position(_to_moment(watermark), total, sort_value, sourced_id, is_late)
    return Continuation(position, by_offset)


def _seal(body: bytes, binding: str, secret: str) -> bytes:
    message = len(binding.encode()).to_bytes(4, "big") + binding.encode() + body
    return hmac.digest(secret.encode(), message, hashlib.sha256)[:SEAL_BYTES]


def _to_number(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _to_moment(number: int) -> datetime:
    return EPOCH + number * MICROSECOND
