"""Who may use an endpoint: credentials, version, application, scope and school, in this order."""

from dataclasses import dataclass

from starlette.requests import Request

from rosterline.api.access.signatures import Signatures
from rosterline.api.access.tokens import Caller, Tokens
from rosterline.api.endpoints import NUMBERS, VERSIONS, Endpoint
from rosterline.api.errors import forbidden, unauthorised
from rosterline.api.routing import Operation


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Says who calls: by an access token, or by a signature (OAuth 1.0a)."""

    tokens: Tokens
    signatures: Signatures

    async def authenticate(self, request: Request) -> Caller:
        """The caller, whatever it may do; raises 401, or 429 after many wrong signatures."""
        header = request.headers.get("authorization")
        scheme, _, token = (header or "").partition(" ")
        is_signed = b"oauth_signature" in request.scope["query_string"]
        if scheme.lower() == "oauth" or (header is None and is_signed):
            return await self.signatures.read(request)
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthorised("An access token is needed: Authorization: Bearer …", error=None)
        return await self.tokens.read(token.strip())


async def admit(
    request: Request, operation: Operation, endpoint: Endpoint, authenticator: Authenticator
) -> Caller:
    """The caller, who may use the endpoint; raises 401, 403, or 429 after many wrong signatures."""
    caller = await authenticator.authenticate(request)
    _require_permission(caller, operation, endpoint)
    return caller


def _require_permission(caller: Caller, operation: Operation, endpoint: Endpoint) -> None:
    vendor = caller.vendor
    if VERSIONS[vendor.version] is not endpoint.version:
        raise forbidden(
            f"This connection is for OneRoster {vendor.version}, not {NUMBERS[endpoint.version]}"
        )
    if operation.app is not None and operation.app != vendor.app:
        raise forbidden("The access token belongs to another application than the address names")
    if caller.scopes.isdisjoint(endpoint.scopes):
        raise forbidden(f"The access token needs the scope {' or '.join(endpoint.scopes)}")
    schools = caller.schools or vendor.schools
    if operation.dialect.is_xporter and (schools is None or len(schools) != 1):
        raise forbidden(
            f"The access token must be one school's: ask {operation.dialect.token_path} for it"
        )
