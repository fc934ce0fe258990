"""Requests signed with OAuth 1.0a → the connection of OneRoster 1.1 that signed them.

A client signs the address that it calls. That is the public one; where none is set, it may also be
the address to which the request was sent, since only the caller knows under which name that is.
"""

import structlog
from starlette.requests import Request

from rosterline.api.access.connection_rules import SIGNED_VERSION
from rosterline.api.access.directory import Directory, Vendor
from rosterline.api.access.nonces import Nonces
from rosterline.api.access.oauth1 import METHODS, WINDOW_SECONDS, Claim, Signature, verify
from rosterline.api.access.passwords import derive_secret, make_secret
from rosterline.api.access.signing import SigningKeys
from rosterline.api.access.throttle import Throttle, attempt_of
from rosterline.api.access.tokens import Caller
from rosterline.api.errors import unsigned
from rosterline.api.routing import raw_path, sent_parameters
from rosterline.config.settings import Settings
from rosterline.oneroster.scopes import with_included

log = structlog.get_logger()


class Signatures:
    """Reads who signed a request."""

    def __init__(
        self,
        settings: Settings,
        keys: SigningKeys,
        directory: Directory,
        nonces: Nonces,
        throttle: Throttle,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._directory = directory
        self._nonces = nonces
        self._throttle = throttle

    async def read(self, request: Request) -> Caller:
        """The caller, with all scopes of the connection; raises 401, or 429 after many failures."""
        claim = Claim(
            request.method,
            request.headers.get("authorization"),
            tuple(sent_parameters(request.scope)),
        )
        attempt = attempt_of(request, claim.client_id)
        await self._throttle.check(attempt)
        addresses = self._addresses(request)
        vendor = await self._directory.find(claim.client_id)
        signature = await self._verify(claim, addresses, vendor)
        if signature is None:
            # The secret may be a new one, which the directory does not know yet.
            vendor = await self._directory.read(claim.client_id)
            signature = await self._verify(claim, addresses, vendor)
        if vendor is None or signature is None:
            await self._throttle.note_failure(attempt)
            raise unsigned(
                f"The signature does not hold: sign {request.method} {addresses[0]} and all "
                f"parameters with {' or '.join(METHODS)} and the secret of a connection of "
                f"OneRoster {SIGNED_VERSION}, within {WINDOW_SECONDS} seconds"
            )
        if not await self._nonces.take(vendor.client_id, signature):
            raise unsigned("This signed request was answered before: use a new nonce for each")
        await self._directory.note_token(vendor)
        return Caller(vendor, frozenset(with_included(vendor.scopes)))

    async def _verify(
        self, claim: Claim, addresses: list[str], vendor: Vendor | None
    ) -> Signature | None:
        """As long for a client that nobody knows."""
        secret = await self._secret_of(vendor)
        signer = vendor.client_id if vendor and secret else None
        return verify(claim, addresses, signer, secret or make_secret())

    async def _secret_of(self, vendor: Vendor | None) -> str | None:
        if vendor is None or vendor.version != SIGNED_VERSION:
            return None
        key = await self._keys.find(vendor.signing_key_id) if vendor.signing_key_id else None
        if key is None or vendor.signing_salt is None:
            log.warning(
                "a connection cannot sign requests: its secret was made before they could be",
                app=vendor.app,
                advice=f"rosterline connection rotate {vendor.app}",
            )
            return None
        return derive_secret(key, vendor.client_id, vendor.signing_salt)

    def _addresses(self, request: Request) -> list[str]:
        path = raw_path(request.scope)
        addresses = [self._settings.base_url + path]
        host = request.headers.get("host")
        if host and not self._settings.public_url:
            addresses.append(f"{request.scope['scheme']}://{host}{path}")
        return addresses
