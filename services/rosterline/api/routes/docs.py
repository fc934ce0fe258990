"""The OpenAPI document and Swagger UI, whose assets come from a package, not from the internet."""

from importlib.resources import files

import orjson
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

OPENAPI_PATH = "/openapi.json"
DOCS_PATH = "/docs"
ASSETS_PATH = "/docs/assets"


def docs_routes(document: dict[str, object]) -> list[BaseRoute]:
    """`/openapi.json`, `/docs`, and the assets of Swagger UI."""
    content = orjson.dumps(document)
    assets = str(files("fastapi_offline") / "static")

    async def openapi(_: Request) -> Response:
        return Response(content, media_type="application/json")

    async def docs(_: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url=OPENAPI_PATH,
            title="Rosterline",
            swagger_js_url=f"{ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS_PATH}/favicon.png",
        )

    return [
        Route(OPENAPI_PATH, openapi, name="openapi"),
        Mount(ASSETS_PATH, StaticFiles(directory=assets), name="assets"),
        Route(DOCS_PATH, docs, name="docs"),
    ]
