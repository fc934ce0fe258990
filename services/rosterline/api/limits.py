"""How much a request may hold: its address, its parameters, its headers. Pure.

What a query may ask for within that, `query` says; the bytes that a client may send at
all, `service`. A link that an answer gives is never longer than what may be asked.
"""

import math
from collections.abc import Iterable
from urllib.parse import urlencode

from starlette.types import Scope

from rosterline.api.errors import ApiError, CodeMinor, bad_request
from rosterline.api.reading.links import PAGING
from rosterline.api.routing import raw_path, sent_parameters

MOST_ADDRESS_BYTES = 8_000
# Of which the links may write each byte with three.
SURELY_SHORT = MOST_ADDRESS_BYTES // 3
# With a cursor beside what counts.
MOST_SENT_BYTES = 2 * MOST_ADDRESS_BYTES
MOST_PARAMETERS = 50
MOST_HEADERS = 100
MOST_HEADER_BYTES = 32_768
# Of a head and a body together, where no write is.
MOST_REQUEST_BYTES = 131_072
# Of the body of a write.
MOST_BODY_BYTES = 1_000_000
# Who is told that a body is too large must be able to read it: so much more is taken, and dropped.
MOST_WRITE_BYTES = 16 * MOST_BODY_BYTES
BATCH_PATH = "/ingest/batch"
WRITING = frozenset({"PUT", "POST", "PATCH"})
WRITTEN_BELOW = ("/ims/oneroster/", "/api/oneroster/", "/campus/api/")
MOST_ID_LENGTH = 255


def require_bounded(scope: Scope) -> None:
    """Raises ApiError for a request that is larger than any that makes sense."""
    query: bytes = scope["query_string"]
    path = scope.get("raw_path") or scope["path"]
    if len(path) + len(query) > SURELY_SHORT:
        _require_short(scope)
    if query.count(b"&") >= MOST_PARAMETERS:
        raise bad_request(
            CodeMinor.INVALID_DATA, f"The query has more than {MOST_PARAMETERS} parameters"
        )
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > MOST_HEADERS:
        raise _excess(431, f"The request has more than {MOST_HEADERS} headers")
    if sum(len(name) + len(value) for name, value in headers) > MOST_HEADER_BYTES:
        message = f"The headers of the request are larger than {MOST_HEADER_BYTES} bytes"
        raise _excess(431, message)


def most_bytes(method: str, path: str) -> float:
    """How much of a request is taken at all; a batch has any length."""
    if path == BATCH_PATH and method == "POST":
        return math.inf
    is_write = method in WRITING and path.startswith(WRITTEN_BELOW)
    return MOST_WRITE_BYTES if is_write else MOST_REQUEST_BYTES


def is_id(text: str) -> bool:
    """Whether a record may have this id; others are not looked for."""
    return 0 < len(text) <= MOST_ID_LENGTH and "\0" not in text


def why_no_id(texts: Iterable[str]) -> str:
    """What to say of an address beside that nothing has these ids."""
    is_long = any(len(text) > MOST_ID_LENGTH for text in texts)
    return f"; no sourcedId is longer than {MOST_ID_LENGTH} characters" if is_long else ""


def _require_short(scope: Scope) -> None:
    """Count the address as its links are written, so that all of them can be followed."""
    path = raw_path(scope)
    is_short = len(path) + len(scope["query_string"]) <= MOST_SENT_BYTES
    if is_short:
        kept = [pair for pair in sent_parameters(scope) if pair[0] not in PAGING]
        is_short = len(path) + len(urlencode(kept)) <= MOST_ADDRESS_BYTES
    if not is_short:
        raise _excess(
            414,
            f"The address is longer than {MOST_ADDRESS_BYTES} bytes (path and query, "
            "percent-encoded): ask with a shorter filter, or in several requests",
        )


def _excess(status: int, message: str) -> ApiError:
    return ApiError(status, CodeMinor.INVALID_DATA, message)
