"""Questions and answers of NATS's auth callout, as its own tokens."""

import base64
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from rosterline.api.nats.tokens import Caller, admission, encode, read_caller, refusal
from rosterline.bus.issuer import Issuer, make_seed
from rosterline.bus.vendors import Access

ISSUER = Issuer(make_seed())
CALLER = Caller("NSERVER", "UKEY", "192.0.2.1", "client", "secret", 2_000_000_000)
QUESTION: dict[str, Any] = {
    "aud": "nats-authorization-request",
    "exp": 2_000_000_000,
    "iss": "NSERVER",
    "nats": {
        "server_id": {"name": "n", "host": "127.0.0.1", "id": "NSERVER", "version": "2.15.1"},
        "user_nkey": "UKEY",
        "client_info": {"host": "192.0.2.1", "id": 21, "kind": "Client", "type": "nats"},
        "connect_opts": {"user": "client", "pass": "secret", "lang": "python3", "protocol": 1},
        "type": "authorization_request",
        "version": 2,
    },
}


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, whose signature holds."""
    header, payload, signature = token.split(".")
    key = VerifyKey(base64.b32decode(ISSUER.public_key)[1:33])
    key.verify(f"{header}.{payload}".encode(), base64.urlsafe_b64decode(signature + "=="))
    assert decoded(header) == {"typ": "JWT", "alg": "ed25519-nkey"}
    return decoded(payload)


def decoded(part: str) -> dict[str, Any]:
    """A part of a token."""
    content: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return content


def test_a_question_is_read() -> None:
    assert read_caller(encode(ISSUER, QUESTION, 1).encode()) == CALLER


def test_whoever_sends_no_credentials_is_nobody() -> None:
    question = QUESTION | {"nats": QUESTION["nats"] | {"connect_opts": {"nkey": "U"}}}
    caller = read_caller(encode(ISSUER, question, 1).encode())
    assert caller is not None
    assert (caller.client_id, caller.secret) == ("", "")


@pytest.mark.parametrize(
    "question", [b"", b"a.b", b"a.b.c", b"a.bnVsbA.c", b"a.\xff.c", b"a.e30.c"]
)
def test_what_is_no_question_is_not_answered(question: bytes) -> None:
    assert read_caller(question) is None


@given(st.binary())
def test_no_bytes_stop_the_reader(question: bytes) -> None:
    assert read_caller(question) is None


def test_an_admission_is_for_this_caller_at_this_server_with_just_this_access() -> None:
    access = Access(("ingest.d.acme.>",), ("_INBOX_c.>",))
    answer = admission(ISSUER, CALLER, name="acme", access=access, lifetime=(100, 200))
    claims = claims_of(answer.decode())
    assert (claims["sub"], claims["aud"], claims["iss"]) == ("UKEY", "NSERVER", ISSUER.public_key)
    assert "error" not in claims["nats"]
    user = claims_of(claims["nats"]["jwt"])
    assert (user["sub"], user["aud"], user["name"]) == ("UKEY", "VENDORS", "acme")
    assert (user["iat"], user["exp"]) == (100, 200)
    assert user["nats"]["pub"] == {"allow": ["ingest.d.acme.>"]}
    assert user["nats"]["sub"] == {"allow": ["_INBOX_c.>"]}
    assert "resp" not in user["nats"]


def test_a_refusal_holds_a_reason_and_no_user() -> None:
    claims = claims_of(refusal(ISSUER, CALLER, "wrong", int(time.time())).decode())
    assert claims["nats"]["error"] == "wrong"
    assert "jwt" not in claims["nats"]
    assert (claims["sub"], claims["aud"]) == ("UKEY", "NSERVER")
