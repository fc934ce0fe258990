"""OAuth 2 client credentials (RFC 6749 §4.4): a client's id and secret → an access token."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.access.directory import Directory, Vendor
from rosterline.api.access.oauth2 import OAuthError, basic_credentials, grant, refusal
from rosterline.api.access.passwords import SecretChecker
from rosterline.api.access.throttle import attempt_of
from rosterline.api.access.tokens import Tokens
from rosterline.api.dialects import CAMPUS_TOKEN_PATH, TOKEN_PATH
from rosterline.api.errors import ApiError
from rosterline.oneroster.scopes import with_included

FORM = "application/x-www-form-urlencoded"
MOST_BODY_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Issuer:
    """What the token endpoint needs."""

    tokens: Tokens
    directory: Directory
    checker: SecretChecker


def token_routes(issuer: Issuer) -> list[Route]:
    """The routes that give tokens."""

    async def handle(request: Request) -> Response:
        try:
            return await _give_token(request, issuer)
        except OAuthError as error:
            return refusal(error)
        except ApiError as error:
            away = OAuthError("temporarily_unavailable", error.message, status=error.status)
            return refusal(away, error.headers)

    return [
        Route(TOKEN_PATH, handle, methods=["POST"], name="token"),
        Route(CAMPUS_TOKEN_PATH, handle, methods=["POST"], name="campus token"),
    ]


async def _give_token(request: Request, issuer: Issuer) -> Response:
    form = await _read_form(request)
    client_id, secret = _credentials(request.headers.get("authorization"), form)
    vendor = await issuer.directory.read(client_id)
    is_known = await issuer.checker.matches(
        secret, vendor.secret_hash if vendor else None, attempt_of(request, client_id)
    )
    if vendor is None or not is_known:
        raise OAuthError("invalid_client", "Unknown client or wrong secret", status=401)
    if not form.get("grant_type"):
        raise OAuthError("invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials")
    scopes = _grant(vendor, form.get("scope", ""))
    return grant(
        {
            "access_token": await issuer.tokens.issue(vendor, scopes),
            "token_type": "Bearer",
            "expires_in": issuer.tokens.seconds,
            "scope": " ".join(scopes),
        }
    )


async def _read_form(request: Request) -> dict[str, str]:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != FORM:
        raise OAuthError("invalid_request", f"The body must be {FORM}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise OAuthError("invalid_request", f"The body is larger than {MOST_BODY_BYTES} bytes")
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once")
    return form


def _credentials(header: str | None, form: dict[str, str]) -> tuple[str, str]:
    if not (header or "").lower().startswith("basic"):
        if "client_id" in form and "client_secret" in form:
            return form["client_id"], form["client_secret"]
        raise OAuthError("invalid_client", "Send client id and secret by Basic or form", status=401)
    if "client_secret" in form:
        raise OAuthError("invalid_request", "Send the secret by Basic or form, not by both")
    sent = basic_credentials(header)
    if sent is None:
        raise OAuthError("invalid_client", "The Basic header is malformed", status=401)
    client_id, secret = sent
    return unquote_plus(client_id), unquote_plus(secret)


def _grant(vendor: Vendor, asked: str) -> tuple[str, ...]:
    """All that the connection may have, or just what was asked for."""
    allowed = with_included(vendor.scopes)
    wanted = tuple(dict.fromkeys(asked.split()))
    if not wanted:
        return allowed
    for scope in wanted:
        if scope not in allowed:
            raise OAuthError("invalid_scope", f"This connection does not have {scope[:200]!r}")
    return with_included(wanted)
