"""What the database answered → the body of a response, in the words of a dialect. Pure.

Records stay the bytes that the database sent: only `fields`, and Xporter's users, are parsed.
"""

from hashlib import sha1
from typing import Any

import orjson

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import CodeMinor, warnings_v1p1
from rosterline.api.query.selections import select_fields
from rosterline.oneroster.v1p2 import HREF_BASE
from rosterline.oneroster.vocabulary import Entity

RELATIVE = f'"href":"{HREF_BASE}/'.encode()
Warnings = tuple[tuple[CodeMinor, str], ...]


def render(
    records: bytes, endpoint: Endpoint, dialect: Dialect, base: str, fields: tuple[str, ...] | None
) -> bytes:
    """The records, joined by commas, as the value of the answer's member; `base` is of addresses.

    With `fields` those members only.
    """
    text = _with_base(records, base)
    has_org_ids = dialect.is_xporter and endpoint.entity is Entity.USERS
    if fields is not None:
        wanted = map(_with_whole_orgs, fields) if has_org_ids else fields
        text = select_fields(b"[%b]" % text, wanted)[1:-1]
    if has_org_ids:
        users = [_with_org_ids(user) for user in orjson.loads(b"[%b]" % text)]
        text = orjson.dumps(users)[1:-1]
    return b"[%b]" % text if endpoint.shape is Shape.COLLECTION else text


def body_of(value: bytes, endpoint: Endpoint, warnings: Warnings) -> bytes:
    """The answer; 1.1 has its warnings beside the data."""
    key = endpoint.key.encode()
    if not warnings:
        return b'{"%b":%b}' % (key, value)
    status = warnings_v1p1(warnings, endpoint.operation_id)
    return b'{"%b":%b,"statusInfoSet":%b}' % (key, value, status)


def entity_tag(body: bytes, beside: str) -> str:
    """The `ETag` of a body and what stands beside it in headers: equal while nothing is new."""
    digest = sha1(body, usedforsecurity=False)
    digest.update(beside.encode())
    return f'"{digest.hexdigest()}"'


def matches_tag(header: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names the tag; weak ones compare alike (RFC 9110 §13.1.2)."""
    if header is None:
        return False
    named = {each.strip().removeprefix("W/") for each in header.split(",")}
    return "*" in named or tag in named


def _with_base(records: bytes, base: str) -> bytes:
    """As `rosterline.oneroster.v1p2.with_base`, in one pass: `replace` counts before it copies."""
    return f'"href":"{base}/'.encode().join(records.split(RELATIVE))


def _with_whole_orgs(name: str) -> str:
    """Of an org nothing is shown but its id, which whoever names any part of it gets."""
    return "orgs" if name.startswith("orgs.") else name


def _with_org_ids(user: dict[str, Any]) -> dict[str, Any]:
    """Seed 004, Users: `orgSourcedIds` is an "array of org ID strings"."""
    return {
        ("orgSourcedIds" if name == "orgs" else name): (
            [org["sourcedId"] for org in value] if name == "orgs" else value
        )
        for name, value in user.items()
    }
