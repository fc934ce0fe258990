"""Service discovery of OneRoster 1.2: each service tells what it supports, to anybody.

The standard's documents disagree on the name of the file, so it is there by both names.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.dialects import APP_NAME, Dialect
from rosterline.api.endpoints import Service
from rosterline.api.openapi.documents import build_service_document
from rosterline.oneroster.vocabulary import Version

# Stands for the app in a document until somebody asks for it; no document says it otherwise.
ANY_APP = "~any-app~"
FILES: Mapping[Service, tuple[str, str]] = {
    Service.ROSTERING: (
        "onerosterv1p2rostersservice_openapi3_v1p0.json",
        "imsorv1p2_rostering_openapi3_v1p0.json",
    ),
    Service.GRADEBOOK: (
        "onerosterv1p2gradebookservice_openapi3_v1p0.json",
        "imsorv1p2_gradebook_openapi3_v1p0.json",
    ),
    Service.RESOURCES: (
        "onerosterv1p2resourcesservice_openapi3_v1p0.json",
        "imsorv1p2_resources_openapi3_v1p0.json",
    ),
}


def discovery_routes(dialects: Iterable[Dialect], base_url: str) -> list[Route]:
    """The documents of every service, below its address in each dialect that has 1.2."""
    return [
        route
        for dialect in dialects
        for service, folder in _folders(dialect).items()
        for route in _routes(dialect, service, folder, base_url)
    ]


def discovery_paths(dialect: Dialect) -> dict[Service, str]:
    """Where the services of a dialect tell of themselves, by the first of the two names."""
    return {
        service: f"{folder}/{FILES[service][0]}" for service, folder in _folders(dialect).items()
    }


def _folders(dialect: Dialect) -> dict[Service, str]:
    if dialect.version is not Version.V1P2:
        return {}
    return {service: f"{dialect.prefix}{path}/discovery" for service, path in dialect.paths.items()}


def _routes(dialect: Dialect, service: Service, folder: str, base_url: str) -> list[Route]:
    @cache
    def template() -> bytes:
        # Anybody may ask, and making one takes its time: it is the same for every app but its name.
        return orjson.dumps(build_service_document(dialect, service, base_url, ANY_APP))

    async def handle(request: Request) -> Response:
        app = quote(request.path_params.get(APP_NAME.strip("{}"), ""), safe="")
        document = template().replace(ANY_APP.encode(), app.encode())
        return Response(document, media_type="application/json")

    return [
        Route(f"{folder}/{name}", handle, name=f"discovery of {service}, {folder}/{name}")
        for name in FILES[service]
    ]
