"""Who may use an endpoint: token, version, application, scope and school, in this order."""

from starlette.requests import Request

from rosterline.api.endpoints import NUMBERS, VERSIONS, Endpoint
from rosterline.api.errors import forbidden, unauthorised
from rosterline.api.routing import Operation
from rosterline.api.tokens import Caller, Tokens


async def admit(
    request: Request, operation: Operation, endpoint: Endpoint, tokens: Tokens
) -> Caller:
    """The caller, who may use the endpoint; raises 401 or 403."""
    caller = await authenticate(request, tokens)
    _require_permission(caller, operation, endpoint)
    return caller


async def authenticate(request: Request, tokens: Tokens) -> Caller:
    """The caller, whatever the token allows; raises 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorised("An access token is needed: Authorization: Bearer …", error=None)
    return await tokens.read(token.strip())


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
