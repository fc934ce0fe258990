"""A client that signs its requests with OAuth 1.0a, as vendors of OneRoster 1.1 do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, Client

Verb = Literal["GET", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with a connection's credentials."""

    client_id: str
    client_secret: str
    method: str = SIGNATURE_HMAC_SHA1

    def header(
        self,
        address: str,
        parameters: Iterable[tuple[str, str]] = (),
        *,
        moment: int | None = None,
        nonce: str | None = None,
        realm: str | None = None,
        token: str | None = None,
        verb: Verb = "GET",
    ) -> str:
        """The Authorization header of a request with these parameters in its query."""
        client = Client(
            self.client_id,
            client_secret=self.client_secret,
            signature_method=self.method,
            timestamp=None if moment is None else str(moment),
            nonce=nonce,
            realm=realm,
            resource_owner_key=token,
        )
        query = urlencode(list(parameters), quote_via=quote)
        _, headers, _ = client.sign(f"{address}?{query}", http_method=verb)
        return str(headers["Authorization"])

    def signed_address(self, address: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
        """The address with the signature in its query."""
        client = Client(
            self.client_id,
            client_secret=self.client_secret,
            signature_method=self.method,
            signature_type="QUERY",
        )
        query = urlencode(list(parameters), quote_via=quote)
        signed, _, _ = client.sign(f"{address}?{query}", http_method="GET")
        return str(signed)
