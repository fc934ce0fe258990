"""OAuth 1.0a signatures (RFC 5849), two-legged as OneRoster 1.1 has them: who signed. Pure.

oauthlib verifies; this module says what is signed, with which methods, and within which window.
Whether a nonce was used before is for `nonces` to say, after the signature holds.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode

from oauthlib.common import Request
from oauthlib.oauth1 import (
    SIGNATURE_HMAC_SHA1,
    SIGNATURE_HMAC_SHA256,
    RequestValidator,
    SignatureOnlyEndpoint,
)
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header
from typing_extensions import override

METHODS = (SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256)
WINDOW_SECONDS = 300
MOST_LENGTH = 255
OWN_PARAMETERS = "oauth_"


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that says to be signed: its header, if it has one, and its decoded parameters."""

    method: str
    header: str | None
    parameters: tuple[tuple[str, str], ...]

    @property
    def client_id(self) -> str:
        """Who says to have signed it; empty where nobody does."""
        if self.header is None:
            return dict(self.parameters).get("oauth_consumer_key", "")
        try:
            return unquote(dict(parse_authorization_header(self.header))["oauth_consumer_key"])
        except (KeyError, ValueError):
            return ""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that holds: it may be used once."""

    moment: int
    nonce: str


def verify(
    claim: Claim, addresses: Iterable[str], client_id: str | None, secret: str
) -> Signature | None:
    """The signature, if the client with this secret signed the request to one of the addresses.

    None for the client is nobody: that takes as long.
    """
    endpoint = SignatureOnlyEndpoint(_Validator(client_id, secret))
    headers = {} if claim.header is None else {"Authorization": claim.header}
    # Encoded anew: clients send signs in a query that oauthlib does not take as they are.
    query = urlencode(claim.parameters, quote_via=quote)
    for address in addresses:
        try:
            holds, request = endpoint.validate_request(
                f"{address}?{query}", claim.method, headers=headers
            )
        except ValueError:
            return None
        if holds:
            return Signature(int(request.timestamp), request.nonce)
    return None


class _Validator(RequestValidator):
    """What oauthlib asks of one client; everything but the signature is checked by its format."""

    def __init__(self, client_id: str | None, secret: str) -> None:
        super().__init__()
        self._client_id = client_id
        self._secret = secret

    @property
    @override
    def allowed_signature_methods(self) -> tuple[str, ...]:
        return METHODS

    @property
    @override
    def timestamp_lifetime(self) -> int:
        return WINDOW_SECONDS

    @property
    @override
    def enforce_ssl(self) -> bool:
        """A proxy may have ended TLS."""
        return False

    @property
    @override
    def dummy_client(self) -> str:
        return ""

    @override
    def check_client_key(self, client_key: str) -> bool:
        return len(client_key) <= MOST_LENGTH

    @override
    def check_nonce(self, nonce: str) -> bool:
        return len(nonce) <= MOST_LENGTH and nonce.isprintable()

    @override
    def validate_timestamp_and_nonce(
        self,
        client_key: str,
        timestamp: str,
        nonce: str,
        request: Request,
        request_token: str | None = None,
        access_token: str | None = None,
    ) -> bool:
        """The window is checked by then, and a nonce counts only once its signature holds."""
        return True

    @override
    def validate_client_key(self, client_key: str, request: Request) -> bool:
        return client_key == self._client_id

    @override
    def get_client_secret(self, client_key: str, request: Request) -> str:
        return self._secret

    @override
    def get_access_token_secret(self, client_key: str, token: str, request: Request) -> str:
        """There are no such tokens with two legs, so nothing is signed with one."""
        return secrets.token_urlsafe()
