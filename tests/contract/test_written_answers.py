"""Every endpoint of gradebook and resources answers with written records, valid by 1EdTech."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft4Validator, FormatChecker

from rosterline.api.access import connections
from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2, Dialect
from rosterline.api.endpoints import Endpoint, Service, Shape
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.v1p1 import MODELS
from rosterline.oneroster.vocabulary import Version
from tests.support.api import ONE_OF_EACH, Served, serving, with_parents
from tests.support.official import read_official
from tests.support.servers import fresh_databases
from tests.support.written import ONE_OF_EACH_WRITTEN, WrittenModel
from tests.support.written_documents import (
    BATTERY,
    CLASS,
    READING,
    RESOURCE,
    RESULT,
    VOCABULARY,
    Document,
    ref,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
SPOKEN = {Version.V1P2: "1.2", Version.V1P1: "1.1"}
SCOPES = {
    Version.V1P2: ("gradebook.readonly", "assessment.readonly", "resource.readonly"),
    Version.V1P1: ("gradebook.readonly", "resource.readonly"),
}
FILES = {
    Service.GRADEBOOK: "onerosterv1p2gradebookservice_openapi3_v1p0.json",
    Service.RESOURCES: "onerosterv1p2resourcesservice_openapi3_v1p0.json",
}
NEWER = [row for row in EDTECH_V1P2.endpoints if row.service in FILES]
OLDER = [row for row in EDTECH_V1P1.endpoints if row.service in FILES]


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A filled application, and the headers with which each version's connection reads it."""

    served: Served
    headers: Mapping[Version, Mapping[str, str]]

    async def get(self, version: Version, path: str, **query: str) -> Any:
        """The body of a successful answer."""
        answer = await self.served.http.get(path, params=query, headers=self.headers[version])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def records(self, path: str, **query: str) -> dict[str, Any]:
        """The records of a 1.2 collection by id."""
        (records,) = (await self.get(Version.V1P2, f"/ims/oneroster{path}", **query)).values()
        return {record["sourcedId"]: record for record in records}

    async def read(self, dialect: Dialect, row: Endpoint) -> Any:
        """The body of an endpoint's answer, of the first record where it names one."""
        path = with_parents(dialect.path(row))
        if row.shape is Shape.SINGLE:
            collection = path.rpartition("/")[0]
            (records,) = (await self.get(dialect.version, collection)).values()
            path = f"{collection}/{records[0]['sourcedId']}"
        body = await self.get(dialect.version, path)
        assert list(body) == [row.key]
        assert body[row.key]
        return body


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gradebook(postgres_server: EmbeddedPostgres) -> AsyncIterator[Gradebook]:
    with fresh_databases(postgres_server) as databases:
        async with serving(databases.dsn) as served:
            older = [replace(one, version=Version.V1P1) for one in ONE_OF_EACH]
            await served.read_model.write(*ONE_OF_EACH, *older)
            await WrittenModel(served.read_model).write(*ONE_OF_EACH_WRITTEN)
            headers = {version: await authorized(served, version) for version in Version}
            yield Gradebook(served, headers)


async def authorized(served: Served, version: Version) -> dict[str, str]:
    """The headers of a new connection of the version."""
    vendor = await connections.add(
        served.connection, f"grader-{version}", SPOKEN[version], scopes=SCOPES[version]
    )
    answer = await replace(served, vendor=vendor).ask_token({})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("row", NEWER, ids=[row.operation_id for row in NEWER])
async def test_every_answer_of_1_2_holds_records_and_is_valid(
    gradebook: Gradebook, row: Endpoint
) -> None:
    body = await gradebook.read(EDTECH_V1P2, row)
    official = read_official(FILES[row.service])
    responses = official["paths"][row.path]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    Draft4Validator(
        {**schema, "components": official["components"]}, format_checker=FormatChecker()
    ).validate(body)


@pytest.mark.parametrize("row", OLDER, ids=[row.operation_id for row in OLDER])
async def test_every_answer_of_1_1_holds_records_of_its_models(
    gradebook: Gradebook, row: Endpoint
) -> None:
    found = (await gradebook.read(EDTECH_V1P1, row))[row.key]
    for record in found if isinstance(found, list) else [found]:
        MODELS[row.entity].model_validate(record, by_alias=True, by_name=False)
        for member in record.values():
            assert not isinstance(member, dict) or "/ims/oneroster/v1p1/" in member["href"]


async def test_an_assessment_tree_is_three_deep_and_has_results(gradebook: Gradebook) -> None:
    line_items = await gradebook.records("/gradebook/v1p2/assessmentLineItems")
    parents = {
        sourced_id: one["parentAssessmentLineItem"]["sourcedId"]
        for sourced_id, one in line_items.items()
        if "parentAssessmentLineItem" in one
    }
    assert parents == {READING: BATTERY, VOCABULARY: READING}
    results = await gradebook.records("/gradebook/v1p2/assessmentResults")
    scored = {one["assessmentLineItem"]["sourcedId"] for one in results.values()}
    assert scored == set(line_items)


async def test_later_links_and_deletions_show(gradebook: Gradebook) -> None:
    written = WrittenModel(gradebook.served.read_model)
    body = {"sourcedId": "link-9", "class": ref(CLASS), "resource": ref("resource-2")}
    link = Document("classResources", body)
    before = await written.write(RESOURCE.but(sourcedId="resource-2"))
    after = await written.write(link, RESULT.but(sourcedId="result-2", status="tobedeleted"))
    assert after > before
    of_class, results = f"/resources/v1p2/classes/{CLASS}/resources", "/gradebook/v1p2/results"
    assert set(await gradebook.records(of_class)) == {"resource-1", "resource-2"}
    assert set(await gradebook.records(results)) == {"result-1"}
    gone = await gradebook.records(results, filter="status='tobedeleted'")
    assert set(gone) == {"result-2"}
    await written.write(link.but(status="tobedeleted"))
    assert set(await gradebook.records(of_class)) == {"resource-1"}
