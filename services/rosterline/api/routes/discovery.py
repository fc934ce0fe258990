"""Service discovery of OneRoster 1.2: each service tells what it supports, to anybody.

The standard's documents disagree on the name of the file, so it is there by both names.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rosterline.api.dialects import APP_NAME, Dialect
from rosterline.api.endpoints import Service
from rosterline.api.openapi.documents import build_service_document
from rosterline.oneroster.vocabulary import Version

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
        _route(dialect, service, f"{folder}/{name}", base_url)
        for dialect in dialects
        for service, folder in _folders(dialect).items()
        for name in FILES[service]
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


def _route(dialect: Dialect, service: Service, path: str, base_url: str) -> Route:
    async def handle(request: Request) -> Response:
        app = quote(request.path_params.get(APP_NAME.strip("{}"), ""), safe="")
        document = build_service_document(dialect, service, base_url, app)
        return Response(orjson.dumps(document), media_type="application/json")

    return Route(path, handle, name=f"discovery of {service}, {dialect.name}, {path}")
