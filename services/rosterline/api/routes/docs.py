"""The documentation for people: a page of all dialects, and Swagger UI for each.

Nothing is loaded from elsewhere: the assets come from packages, and the pages allow no other.
"""

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import NUMBERS
from rosterline.api.openapi.documents import build_document
from rosterline.api.routes.discovery import discovery_paths
from rosterline.oneroster.scopes import DEFAULT

DOCS_PATH = "/docs"
ASSETS_PATH = f"{DOCS_PATH}/assets"
OPENAPI_PATH = "/openapi.json"
# Swagger UI sets styles of its own; scripts and requests are of this origin only.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def docs_routes(dialects: Iterable[Dialect], base_url: str) -> list[BaseRoute]:
    """`/docs`, a page for each dialect and its document; `/openapi.json` is the first one's."""
    known = {dialect.name: dialect for dialect in dialects}
    first = next(iter(known))

    @cache
    def document(name: str) -> bytes:
        return orjson.dumps(build_document(known[name], base_url))

    async def first_document(_: Request) -> Response:
        return Response(document(first), media_type="application/json")

    async def one_document(request: Request) -> Response:
        return Response(document(_named(request, known).name), media_type="application/json")

    async def index(_: Request) -> Response:
        return _page("index.html", rows="".join(map(_row, known.values())))

    async def one_page(request: Request) -> Response:
        return _dialect_page(_named(request, known), base_url)

    assets = StaticFiles(
        directory=str(files("rosterline.api") / "pages" / "assets"),
        packages=[("fastapi_offline", "static")],
    )
    return [
        Route(OPENAPI_PATH, first_document, name="openapi"),
        Route("/openapi/{name}.json", one_document, name="openapi of a dialect"),
        Route(DOCS_PATH, index, name="docs"),
        Mount(ASSETS_PATH, assets, name="assets"),
        Route(f"{DOCS_PATH}/{{name}}", one_page, name="docs of a dialect"),
    ]


def _named(request: Request, known: dict[str, Dialect]) -> Dialect:
    dialect = known.get(request.path_params["name"])
    if dialect is None:
        raise HTTPException(404, f"There is no such page; choose among {', '.join(known)}")
    return dialect


def _page(template: str, **values: str) -> Response:
    return HTMLResponse(_fill(template, **values), headers=PAGE_HEADERS)


@cache
def _template(name: str) -> Template:
    return Template((files("rosterline.api") / "pages" / name).read_text())


def _fill(template: str, **values: str) -> str:
    """A page; the values are HTML already."""
    return _template(template).substitute(values)


def _row(dialect: Dialect) -> str:
    addresses = dict.fromkeys(dialect.prefix + path for path in dialect.paths.values())
    return _fill(
        "row.html",
        name=escape(dialect.name),
        title=escape(dialect.title),
        version=NUMBERS[dialect.version],
        addresses="".join(f"<code>{escape(address)}</code>" for address in addresses),
        token=escape(dialect.token_path),
        discovery="".join(
            f"<code>{escape(path)}</code>" for path in discovery_paths(dialect).values()
        ),
    )


def _dialect_page(dialect: Dialect, base_url: str) -> Response:
    return _page(
        "dialect.html",
        name=escape(dialect.name),
        title=escape(dialect.title),
        server=escape(base_url),
        scopes=escape(" ".join(DEFAULT[NUMBERS[dialect.version]])),
    )
