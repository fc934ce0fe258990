"""What NATS asks when somebody connects, and what it is answered: JSON Web Tokens of its own kind.

Like any other, but signed with Ed25519 and an issuer's key in NATS's spelling, and with claims of
NATS's own under `nats`. Pure.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError

from rosterline.bus.issuer import Issuer
from rosterline.bus.vendors import VENDORS_ACCOUNT, Access

HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
VERSION = 2
UNLIMITED = -1
# One for replies and one for each pull: more than this is no honest use.
MOST_SUBSCRIPTIONS = 100


class _Server(BaseModel):
    id: str


class _Client(BaseModel):
    host: str = ""


class _Credentials(BaseModel):
    user: str = ""
    password: str = Field("", alias="pass")


class _Question(BaseModel):
    server_id: _Server
    user_nkey: str
    client_info: _Client
    connect_opts: _Credentials


class _Asked(BaseModel):
    exp: int
    nats: _Question


@dataclass(frozen=True, slots=True)
class Caller:
    """Who wants to connect: from where, and with which credentials. `key` is of this one attempt.

    Nobody waits for an answer after `until`, in seconds of the Unix clock.
    """

    server: str
    key: str
    address: str
    client_id: str
    secret: str
    until: int


def read_caller(question: bytes) -> Caller | None:
    """Who is asked about; None when this is no such question.

    Its signature says nothing (any server makes a key of its own): who may ask is a matter of
    permissions.
    """
    try:
        _, payload, _ = question.split(b".")
        asked = _Asked.model_validate_json(
            base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        )
    except (ValueError, ValidationError):
        return None
    nats = asked.nats
    return Caller(
        server=nats.server_id.id,
        key=nats.user_nkey,
        address=nats.client_info.host,
        client_id=nats.connect_opts.user,
        secret=nats.connect_opts.password,
        until=asked.exp,
    )


def admission(
    issuer: Issuer, caller: Caller, *, name: str, access: Access, lifetime: tuple[int, int]
) -> bytes:
    """Admits the caller to the vendors' account, from one time to the other; `name` is shown."""
    issued, expires = lifetime
    user = {
        "sub": caller.key,
        "aud": VENDORS_ACCOUNT,
        "name": name,
        "exp": expires,
        "nats": {
            "type": "user",
            "version": VERSION,
            "pub": {"allow": access.publish},
            "sub": {"allow": access.subscribe},
            "subs": MOST_SUBSCRIPTIONS,
            "data": UNLIMITED,
            "payload": UNLIMITED,
        },
    }
    return _answer(issuer, caller, issued, {"jwt": encode(issuer, user, issued)})


def refusal(issuer: Issuer, caller: Caller, reason: str, now: int) -> bytes:
    """Refuses the caller; the reason is for the server's log, and the caller does not see it."""
    return _answer(issuer, caller, now, {"error": reason})


def _answer(issuer: Issuer, caller: Caller, now: int, content: Mapping[str, str]) -> bytes:
    claims = {
        "sub": caller.key,
        "aud": caller.server,
        "nats": {"type": "authorization_response", "version": VERSION, **content},
    }
    return encode(issuer, claims, now).encode()


def encode(issuer: Issuer, claims: Mapping[str, Any], now: int) -> str:
    """A signed token."""
    claims = {**claims, "iss": issuer.public_key, "iat": now}
    digest = hashlib.sha256(orjson.dumps(claims)).digest()
    claims["jti"] = base64.b32encode(digest).rstrip(b"=").decode()
    signed = f"{_part(orjson.dumps(HEADER))}.{_part(orjson.dumps(claims))}"
    return f"{signed}.{_part(issuer.sign(signed.encode()))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
