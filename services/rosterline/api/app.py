"""Builds the HTTP application from settings and a pool; starts nothing and keeps no globals."""

from functools import partial

import asyncpg
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from rosterline.api.access.admission import Authenticator
from rosterline.api.access.directory import Directory
from rosterline.api.access.nonces import Nonces
from rosterline.api.access.passwords import SecretChecker
from rosterline.api.access.signatures import Signatures
from rosterline.api.access.signing import SigningKeys
from rosterline.api.access.throttle import Throttle
from rosterline.api.access.tokens import Tokens
from rosterline.api.dialects import DIALECTS, EDTECH_V1P2
from rosterline.api.errors import ApiError
from rosterline.api.openapi.documents import build_document
from rosterline.api.readiness import Readiness
from rosterline.api.reading.store import Totals
from rosterline.api.reading.walks import Walks
from rosterline.api.responses import LastResort, api_error_response, http_error_response
from rosterline.api.routes.discovery import discovery_routes
from rosterline.api.routes.docs import docs_routes
from rosterline.api.routes.endpoints import Endpoints, Handlers
from rosterline.api.routes.explain import Explainer, Explaining, explain_route
from rosterline.api.routes.health import health_routes
from rosterline.api.routes.ingest import Intake, ingest_routes
from rosterline.api.routes.reads import Reader, answer
from rosterline.api.routes.token import Issuer, token_routes
from rosterline.api.routes.writes import Scribe
from rosterline.api.routes.xporter import Schoolhouse, xporter_routes
from rosterline.api.routing import Routing
from rosterline.api.writing.bus import CommandBus
from rosterline.api.writing.receipts import Receipts
from rosterline.api.writing.revisions import Revisions
from rosterline.api.writing.writer import Writer
from rosterline.config.settings import Settings


def create_writer(settings: Settings, pool: asyncpg.Pool) -> Writer:
    """What takes writes; nothing is written until somebody runs it."""
    return Writer(settings, CommandBus(settings.nats_url), Revisions(settings.dsn), Receipts(pool))


def create_app(
    settings: Settings,
    pool: asyncpg.Pool,
    *,
    explainer: Explainer | None = None,
    writer: Writer | None = None,
    throttle: Throttle | None = None,
) -> FastAPI:
    """An application that reads from the pool; who calls it opens and closes the pool.

    Without a `writer` that somebody runs, all writes are answered 503. With a `throttle` that
    counts elsewhere too, guesses count together.
    """
    writer = writer or create_writer(settings, pool)
    keys = SigningKeys(pool)
    directory = Directory(pool, settings)
    tokens = Tokens(keys, directory, settings.token_seconds)
    readiness = Readiness(pool)
    throttle = throttle or Throttle(settings)
    issuer = Issuer(tokens, directory, SecretChecker(throttle))
    signatures = Signatures(settings, keys, directory, Nonces(pool), throttle)
    authenticator = Authenticator(tokens, signatures)
    reader = Reader(
        pool, settings.base_url, authenticator, directory, keys, readiness, Walks(), Totals()
    )
    scribe = Scribe(pool, authenticator, readiness, writer)
    handlers = Handlers(partial(answer, reader=reader), scribe.take)
    routing = Routing(DIALECTS)
    app = _application(
        [
            # Nearly every request is one, and each route that is tried before takes its time.
            Endpoints(routing, handlers),
            *token_routes(issuer),
            *xporter_routes(Schoolhouse(pool, issuer, readiness)),
            *ingest_routes(Intake(authenticator, readiness, writer)),
            *health_routes(readiness),
            *docs_routes(DIALECTS, settings.base_url),
            *discovery_routes(DIALECTS, settings.base_url),
            *([explain_route(Explaining(pool, authenticator, explainer))] if explainer else []),
            Endpoints(routing, handlers, takes_rest=True),
        ]
    )
    own_document = partial(build_document, EDTECH_V1P2, settings.base_url)
    app.openapi = own_document  # type: ignore[method-assign]  # FastAPI's own way to replace it
    return app


def _application(routes: list[BaseRoute]) -> FastAPI:
    return FastAPI(
        title="Rosterline",
        # The documents are our own: they are made from the endpoint table.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=routes,
        exception_handlers={
            ApiError: api_error_response,
            HTTPException: http_error_response,
        },
        middleware=[Middleware(LastResort)],
        # Messages of exceptions may hold personal data.
        telemetry={"logs": False},
    )
