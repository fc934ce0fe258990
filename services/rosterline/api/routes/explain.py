"""Explanations for an administrator, as JSON: why a record is as it is, or is not there.

The API knows no rules: it asks the explainer that it was given, and lends it a connection.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.access.admission import Authenticator
from rosterline.api.borrowing import borrow
from rosterline.api.errors import CodeMinor, bad_request, forbidden, unknown_object
from rosterline.oneroster.scopes import ADMIN

PATH = "/explain/{kind}/{subject:path}"


class UnknownSubjectError(Exception):
    """Nothing has this id, or no connection this name; the message is for the caller."""


class InvalidQuestionError(Exception):
    """The question cannot be right; the message is for the caller."""


class Explainer(Protocol):
    """Answers with JSON; raises UnknownSubjectError or InvalidQuestionError."""

    async def __call__(
        self,
        connection: PoolConnectionProxy,
        kind: str,
        subject: str,
        *,
        app: str | None,
        day: date | None,
    ) -> bytes:
        """The explanation of a subject, as of a day, as one vendor's connection sees it."""


@dataclass(frozen=True, slots=True)
class Explaining:
    """What the route needs."""

    pool: asyncpg.Pool
    authenticator: Authenticator
    explainer: Explainer


def explain_route(explaining: Explaining) -> Route:
    """`GET /explain/{kind}/{id}?connection=&date=`."""

    async def handle(request: Request) -> Response:
        await _admit_administrator(request, explaining.authenticator)
        kind, subject = request.path_params["kind"], request.path_params["subject"]
        day = _day(request.query_params.get("date"))
        try:
            async with borrow(explaining.pool) as held:
                body = await explaining.explainer(
                    held, kind, subject, app=request.query_params.get("connection"), day=day
                )
        except UnknownSubjectError as error:
            raise unknown_object(str(error)) from None
        except InvalidQuestionError as error:
            raise bad_request(CodeMinor.INVALID_DATA, str(error)) from None
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    return Route(PATH, handle, methods=["GET"], name="explain")


async def _admit_administrator(request: Request, authenticator: Authenticator) -> None:
    caller = await authenticator.authenticate(request)
    if ADMIN not in caller.scopes:
        raise forbidden(f"The access token needs the scope {ADMIN}")
    if (caller.schools or caller.vendor.schools) is not None:
        raise forbidden("This connection is limited to schools; explanations know no such limit")


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"date {text[:40]!r} is no day: write it as 2026-10-01"
        raise bad_request(CodeMinor.INVALID_DATA, message) from None
