"""The documentation is served from here, not from the internet."""

import re

from rosterline.api.openapi import build_document
from rosterline.api.operations import ROSTERING_V1P2 as ENDPOINTS
from tests.support.api import BASE_URL, serving
from tests.support.servers import Databases


async def test_the_docs_need_nothing_from_elsewhere(databases: Databases) -> None:
    async with serving(databases.dsn) as served:
        page = await served.http.get("/docs")
        assert page.status_code == 200
        assert "https://" not in page.text
        assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(assets) == 3
        for asset in assets:
            assert (await served.http.get(asset)).status_code == 200


async def test_the_document_is_that_of_the_endpoint_table(databases: Databases) -> None:
    async with serving(databases.dsn) as served:
        answer = await served.http.get("/openapi.json")
        assert answer.json() == build_document(ENDPOINTS, BASE_URL)
