"""Who may use an endpoint: token, version, scope, and schools, in this order."""

from starlette.requests import Request

from rosterline.api.endpoints import Endpoint
from rosterline.api.errors import forbidden, unauthorised
from rosterline.api.tokens import Caller, Tokens


async def admit(request: Request, endpoint: Endpoint, tokens: Tokens) -> Caller:
    """The caller, who may use the endpoint; raises 401 or 403."""
    caller = await authenticate(request, tokens)
    _require_permission(caller, endpoint)
    return caller


async def authenticate(request: Request, tokens: Tokens) -> Caller:
    """The caller, whatever the token allows; raises 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorised("An access token is needed: Authorization: Bearer …", error=None)
    return await tokens.read(token.strip())


def _require_permission(caller: Caller, endpoint: Endpoint) -> None:
    vendor = caller.vendor
    if vendor.version != endpoint.version:
        raise forbidden(
            f"This connection is for OneRoster {vendor.version}, not {endpoint.version}"
        )
    if caller.scopes.isdisjoint(endpoint.scopes):
        raise forbidden(f"The access token needs the scope {' or '.join(endpoint.scopes)}")
    if vendor.schools is not None:
        # Records cannot be told apart by school yet; showing all of them would be a leak.
        raise forbidden("This connection is limited to schools, which cannot be served yet")
