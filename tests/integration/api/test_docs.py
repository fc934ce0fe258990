"""The documentation is served from here, not from the internet, and what it says works."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from typing_extensions import override

from rosterline.api.dialects import DIALECTS, EDTECH_V1P2, Dialect
from rosterline.api.openapi.documents import build_document
from tests.support.api import BASE_URL, serving
from tests.support.servers import Databases

NAMES = [dialect.name for dialect in DIALECTS]


class Page(HTMLParser):
    """What a page loads, where it leads, its data, and whether it holds code of its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.data: dict[str, str] = {}
        self.inline: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and "src" not in given:
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.loads += [given[name] for name in ("src",) if name in given]
        if tag in ("a", "link"):
            (self.leads if tag == "a" else self.loads).append(given["href"])
        self.data |= {name: value for name, value in given.items() if name.startswith("data-")}


async def test_the_first_page_leads_to_every_dialect(databases: Databases) -> None:
    async with serving(databases.dsn) as served:
        answer = await served.http.get("/docs")
        assert answer.status_code == 200
        page = Page(answer.text)
        led = {urljoin(f"{BASE_URL}/docs", target) for target in page.leads}
        assert led == {
            f"{BASE_URL}{path}"
            for name in NAMES
            for path in (f"/docs/{name}", f"/openapi/{name}.json")
        }
        for target in led:
            assert (await served.http.get(target)).status_code == 200
        for dialect in DIALECTS:
            assert dialect.token_path in answer.text


@pytest.mark.parametrize("address", ["/docs", *(f"/docs/{name}" for name in NAMES)])
async def test_a_page_needs_nothing_from_elsewhere(databases: Databases, address: str) -> None:
    async with serving(databases.dsn) as served:
        answer = await served.http.get(address)
        assert answer.status_code == 200
        page = Page(answer.text)
        assert page.inline == []
        assert len(page.loads) >= 2
        for asset in page.loads:
            target = urljoin(f"{BASE_URL}{address}", asset)
            assert target.startswith(f"{BASE_URL}/docs/assets/")
            assert (await served.http.get(target)).status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "connect-src 'self';" in policy


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
async def test_a_page_shows_the_document_of_its_dialect(
    databases: Databases, dialect: Dialect
) -> None:
    async with serving(databases.dsn) as served:
        page = Page((await served.http.get(f"/docs/{dialect.name}")).text)
        document = await served.http.get(
            urljoin(f"{BASE_URL}/docs/{dialect.name}", page.data["data-document"])
        )
        assert document.json() == build_document(dialect, BASE_URL)
        assert page.data["data-server"] == BASE_URL
        scheme = document.json()["components"]["securitySchemes"]["OAuth2"]
        flow = scheme["flows"]["clientCredentials"]
        assert set(page.data["data-scopes"].split()) <= set(flow["scopes"])
        assert flow["tokenUrl"] == BASE_URL + dialect.token_path


async def test_openapi_json_is_that_of_1edtech(databases: Databases) -> None:
    async with serving(databases.dsn) as served:
        answer = await served.http.get("/openapi.json")
        assert answer.json() == build_document(EDTECH_V1P2, BASE_URL)


async def test_the_script_keeps_no_authorization_and_asks_nobody_else(
    databases: Databases,
) -> None:
    async with serving(databases.dsn) as served:
        script = (await served.http.get("/docs/assets/docs.js")).text
        assert "persistAuthorization: false" in script
        assert "validatorUrl: null" in script
        assert re.findall(r"https?://", script) == []


@pytest.mark.parametrize("address", ["/docs/nothing", "/openapi/nothing.json"])
async def test_an_unknown_dialect_has_no_page(databases: Databases, address: str) -> None:
    async with serving(databases.dsn) as served:
        answer = await served.http.get(address)
        assert answer.status_code == 404
        assert EDTECH_V1P2.name in answer.json()["imsx_description"]
