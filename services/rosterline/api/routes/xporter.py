"""Xporter's own addresses (seed 004): a token for one school, and the versions of what answers.

Only the seed's status codes leave here, and 503 where the database cannot tell the school yet: a
partner who has failed too often reads 401 as before, with Retry-After.
"""

from dataclasses import dataclass
from importlib.metadata import version

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.access.oauth2 import OAuthError, basic_credentials, grant, refusal
from rosterline.api.access.schools import find_school
from rosterline.api.access.throttle import attempt_of
from rosterline.api.dialects import XPORTER, XPORTER_PATH
from rosterline.api.endpoints import NUMBERS
from rosterline.api.errors import ApiError
from rosterline.api.readiness import Readiness
from rosterline.api.routes.token import Issuer
from rosterline.oneroster.scopes import with_included

SEPARATOR = "|"
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Schoolhouse:
    """What the token endpoint of schools needs."""

    pool: asyncpg.Pool
    issuer: Issuer
    readiness: Readiness


def xporter_routes(schoolhouse: Schoolhouse) -> list[Route]:
    """`POST auth/token`, `GET version` and `GET auth/version`."""
    versions = {"version": version("rosterline"), "apiVersion": NUMBERS[XPORTER.version]}
    body = orjson.dumps(versions)

    async def token(request: Request) -> Response:
        try:
            return await _give_token(request, schoolhouse)
        except OAuthError as error:
            return refusal(error)
        except ApiError as error:
            return _postponed(error)

    async def tell_versions(_: Request) -> Response:
        return Response(body, media_type="application/json")

    return [
        Route(XPORTER.token_path, token, methods=EVERY_METHOD, name="xporter token"),
        Route(f"{XPORTER_PATH}/version", tell_versions, name="xporter version"),
        Route(f"{XPORTER_PATH}/auth/version", tell_versions, name="xporter auth version"),
    ]


async def _give_token(request: Request, schoolhouse: Schoolhouse) -> Response:
    if request.method != "POST":
        raise OAuthError("invalid_request", "Ask for a token with POST")
    await schoolhouse.readiness.require()
    sent = basic_credentials(request.headers.get("authorization"))
    if sent is None:
        raise _unknown()
    name, secret = sent
    partner, _, estab = name.partition(SEPARATOR)
    issuer = schoolhouse.issuer
    vendor = await issuer.directory.read_named(partner)
    if vendor is not None and vendor.version != NUMBERS[XPORTER.version]:
        vendor = None
    is_known = await issuer.checker.matches(
        secret, vendor.secret_hash if vendor else None, attempt_of(request, partner)
    )
    if vendor is None or not is_known:
        raise _unknown()
    school = await find_school(schoolhouse.pool, estab, vendor.schools)
    if school is None:
        raise _unknown()
    token = await issuer.tokens.issue(vendor, with_included(vendor.scopes), schools=(school,))
    return grant(
        {"access_token": token, "token_type": "Bearer", "expires_in": issuer.tokens.seconds}
    )


def _unknown() -> OAuthError:
    """The seed's words, whatever it is that does not fit."""
    description = "Request contains an invalid client ID or secret"
    return OAuthError("invalid_client", description, status=401)


def _postponed(error: ApiError) -> Response:
    if error.status == 429:
        return refusal(_unknown(), error.headers)
    away = OAuthError("temporarily_unavailable", error.message, status=error.status)
    return refusal(away, error.headers)
