"""Signatures of OAuth 1.0a: what is signed holds, and nothing else does."""

import base64
import hashlib
import hmac
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_HMAC_SHA512

from rosterline.api.access.oauth1 import WINDOW_SECONDS, Claim, Signature, verify
from tests.support.signing import Signer

ADDRESS = "https://roster.example.org/ims/oneroster/v1p1/users"
ANNA = Signer("0123456789abcdef0123456789abcdef", "rls_Zm9v-YmFy_YmF6")
FILTERS = (
    "familyName='O\\'Hara' AND givenName='Zoë'",
    "dateLastModified>'2026-01-01T00:00:00Z'",
    "email='a+b@example.org'",
    "title='50% & more; a=b'",
)
# A query may not hold parameters of OAuth beside a header, and `realm` is no parameter that is
# signed; see RFC 5849 §3.4.1.3.1.
NAMES = st.text(min_size=1).filter(lambda name: not name.startswith("oauth_") and name != "realm")
VALUES = st.one_of(st.sampled_from(FILTERS), st.text(alphabet="+&=%;'\" <>/?~*é字"), st.text())
PARAMETERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
METHODS = st.sampled_from([SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256])

Parameters = list[tuple[str, str]]


def check(
    header: str,
    parameters: Parameters,
    *,
    address: str = ADDRESS,
    verb: str = "GET",
    signer: Signer = ANNA,
) -> Signature | None:
    """What is made of a request to one address."""
    claim = Claim(verb, header, tuple(parameters))
    return verify(claim, [address], signer.client_id, signer.client_secret)


@given(PARAMETERS, METHODS)
def test_what_a_client_signs_holds_whatever_the_parameters(
    parameters: Parameters, method: str
) -> None:
    signer = Signer(ANNA.client_id, ANNA.client_secret, method)
    moment = int(time.time())
    header = signer.header(ADDRESS, parameters, moment=moment, nonce="once")
    assert Claim("GET", header, ()).client_id == ANNA.client_id
    assert check(header, parameters) == Signature(moment, "once")


@given(PARAMETERS, st.data())
def test_no_parameter_can_be_changed_added_or_left_out(
    parameters: Parameters, data: st.DataObject
) -> None:
    other = data.draw(
        st.one_of(
            PARAMETERS,
            st.tuples(NAMES, VALUES).map(lambda pair: [*parameters, pair]),
            st.just(parameters[1:]),
            st.just([(name, f"{value} ") for name, value in parameters]),
        )
    )
    # The order of parameters is not signed.
    assume(sorted(other) != sorted(parameters))
    assert check(ANNA.header(ADDRESS, parameters), other) is None


@pytest.mark.parametrize(
    ("address", "verb"),
    [
        (ADDRESS, "HEAD"),
        (ADDRESS, "DELETE"),
        (ADDRESS + "/", "GET"),
        (ADDRESS.replace("users", "orgs"), "GET"),
        (ADDRESS.replace("https", "http"), "GET"),
        (ADDRESS.replace("roster.", "other."), "GET"),
        (ADDRESS.replace(".org", ".org:8443"), "GET"),
    ],
)
def test_another_method_or_address_breaks_the_signature(address: str, verb: str) -> None:
    header = ANNA.header(ADDRESS)
    assert check(header, []) is not None
    assert check(header, [], address=address, verb=verb) is None


@pytest.mark.parametrize("late", [WINDOW_SECONDS - 60, 60 - WINDOW_SECONDS, 0])
def test_a_timestamp_within_the_window_holds(late: int) -> None:
    assert check(ANNA.header(ADDRESS, moment=int(time.time()) - late), []) is not None


@pytest.mark.parametrize("late", [WINDOW_SECONDS + 60, -WINDOW_SECONDS - 60])
def test_a_timestamp_outside_of_the_window_does_not(late: int) -> None:
    assert check(ANNA.header(ADDRESS, moment=int(time.time()) - late), []) is None


def test_timestamp_and_nonce_are_signed() -> None:
    moment = int(time.time())
    header = ANNA.header(ADDRESS, moment=moment, nonce="once")
    for part, other in ((str(moment), str(moment - 1)), ("once", "twice"), ("SHA1", "SHA256")):
        assert part in header
        assert check(header.replace(part, other), []) is None


def test_only_the_secret_of_the_named_client_signs() -> None:
    forged = Signer(ANNA.client_id, "another")
    assert check(forged.header(ADDRESS), []) is None
    other = Signer("somebody", ANNA.client_secret)
    assert check(other.header(ADDRESS), []) is None
    claim = Claim("GET", ANNA.header(ADDRESS), ())
    assert verify(claim, [ADDRESS], None, ANNA.client_secret) is None


@pytest.mark.parametrize("method", [SIGNATURE_HMAC_SHA512, "PLAINTEXT"])
def test_other_methods_are_refused(method: str) -> None:
    assert check(Signer(ANNA.client_id, ANNA.client_secret, method).header(ADDRESS), []) is None


def test_a_token_is_refused_since_there_are_only_two_legs() -> None:
    assert check(ANNA.header(ADDRESS, token="third-leg"), []) is None


def test_a_realm_and_a_missing_version_change_nothing() -> None:
    assert check(ANNA.header(ADDRESS, realm="OneRoster"), []) is not None
    moment = int(time.time())
    header = signed_by_hand(ADDRESS, moment, [("limit", "5")])
    assert check(header, [("limit", "5")]) == Signature(moment, "n-1/+")
    assert check(header, [("limit", "6")]) is None


def signed_by_hand(address: str, moment: int, query: Parameters) -> str:
    """A header without oauth_version, signed with HMAC-SHA256 as RFC 5849 §3.4 words it."""
    own = {
        "oauth_consumer_key": ANNA.client_id,
        "oauth_nonce": "n-1%2F%2B",
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(moment),
    }
    pairs = sorted([*query, *own.items()])
    normalized = "&".join(f"{name}={value}" for name, value in pairs)
    escaped = normalized.replace("%", "%25").replace("=", "%3D").replace("&", "%26")
    base = f"GET&{address.replace(':', '%3A').replace('/', '%2F')}&{escaped}"
    key = f"{ANNA.client_secret}&".encode()
    digest = base64.b64encode(hmac.digest(key, base.encode(), hashlib.sha256)).decode()
    signature = digest.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    parts = own | {"oauth_signature": signature}
    return "OAuth " + ", ".join(f'{name}="{value}"' for name, value in parts.items())


@pytest.mark.parametrize(
    "header",
    ["OAuth", "OAuth ", "OAuth x", 'OAuth oauth_consumer_key="', "OAuth a=b,,=", "OAuth ü=é"],
)
def test_a_malformed_header_is_nobodys(header: str) -> None:
    assert Claim("GET", header, ()).client_id == ""
    assert check(header, []) is None


@given(st.text(), PARAMETERS)
def test_no_header_and_no_query_makes_it_fail(text: str, parameters: Parameters) -> None:
    assert check(f"OAuth {text}", parameters) is None
    assert verify(Claim("GET", None, tuple(parameters)), [ADDRESS], "", "") is None
