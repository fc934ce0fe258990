"""GET /explain: for an administrator's token only, with the same JSON as the command."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date

import asyncpg
import httpx
import pytest

from rosterline.api.access import connections
from rosterline.api.app import create_app
from rosterline.api.dialects import TOKEN_PATH, XPORTER
from rosterline.config.settings import Settings
from rosterline.launch.explainer import explainer_for
from rosterline.oneroster.scopes import ADMIN
from rosterline.oneroster.vocabulary import Version
from rosterline.projector.explain.explainer import explain
from rosterline.projector.explain.model import Explanation
from rosterline.projector.explain.subjects import Question
from tests.support.api import ReadModel, org
from tests.support.servers import Databases
from tests.support.signing import Signer

BASE_URL = "https://roster.example.org"
DISTRICT = "00000000-0000-4000-8000-000000000001"
SCHOOL = "00000000-0000-4000-8000-00000000000a"
MIRROR = f"""
INSERT INTO mirror.district (district_guid, name, lms_exclude)
VALUES ('{DISTRICT}', 'Plainview', false);
INSERT INTO mirror.school (school_guid, district_guid, name, lms_exclude)
VALUES ('{SCHOOL}', '{DISTRICT}', 'Plainview High', true)
"""
TODAY = date(2026, 10, 1)


@dataclass(frozen=True)
class Service:
    """The API with an explainer, and its database."""

    http: httpx.AsyncClient
    connection: asyncpg.Connection

    async def authorize(self, app: str, *scopes: str, schools: list[str] | None = None) -> None:
        """Use the token of a new connection that may read rosters and has these scopes as well."""
        made = await connections.add(
            self.connection, app, scopes=("roster.readonly", *scopes), schools=schools
        )
        answer = await self.http.post(
            TOKEN_PATH,
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


@pytest.fixture
async def service(databases: Databases) -> AsyncIterator[Service]:
    """A service over one school that is excluded."""
    settings = Settings(dsn=databases.dsn, public_url=BASE_URL)
    async with asyncpg.create_pool(databases.dsn, min_size=1, max_size=2) as pool:
        connection = await asyncpg.connect(databases.dsn)
        app = create_app(settings, pool, explainer=explainer_for(settings))
        transport = httpx.ASGITransport(app)
        try:
            for statement in MIRROR.split(";"):
                await connection.execute(statement)
            async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
                yield Service(http, connection)
        finally:
            await connection.close()


def code_of(answer: httpx.Response) -> str:
    """The minor code of OneRoster's payload."""
    (field,) = answer.json()["imsx_CodeMinor"]["imsx_codeMinorField"]
    return str(field["imsx_codeMinorFieldValue"])


async def test_an_administrator_gets_the_explanation(service: Service) -> None:
    await service.authorize("office", ADMIN)
    answer = await service.http.get(f"/explain/school/{SCHOOL}?date=2026-10-01&connection=office")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    question = Question("school", SCHOOL, "office", TODAY)
    told = Explanation.model_validate_json(answer.text)
    assert told == await explain(service.connection, question, TODAY)
    assert {each.rule for each in told.kept_out} == {"lms exclude"}


async def test_nobody_else_does(service: Service) -> None:
    path = f"/explain/school/{SCHOOL}"
    nobody = await service.http.get(path)
    assert (nobody.status_code, code_of(nobody)) == (401, "unauthorisedrequest")
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    await service.authorize("vendor")
    vendor = await service.http.get(path)
    assert (vendor.status_code, code_of(vendor)) == (403, "forbidden")
    assert ADMIN in vendor.json()["imsx_description"]
    await service.authorize("limited", ADMIN, schools=[SCHOOL])
    assert (await service.http.get(path)).status_code == 403


async def test_an_administrator_of_1p1_may_sign_instead(service: Service) -> None:
    made = await connections.add(service.connection, "office", "1.1", scopes=[ADMIN])
    path = f"/explain/school/{SCHOOL}"
    signer = Signer(made.client_id, made.client_secret)
    header = signer.header(BASE_URL + path, [("date", "2026-10-01")])
    headers = {"Authorization": header}
    answer = await service.http.get(path, params={"date": "2026-10-01"}, headers=headers)
    assert answer.status_code == 200
    again = await service.http.get(path, params={"date": "2026-10-01"}, headers=headers)
    assert (again.status_code, code_of(again)) == (401, "unauthorisedrequest")
    assert again.headers["www-authenticate"].startswith("OAuth")


async def test_a_token_of_one_school_explains_nothing(service: Service) -> None:
    made = await connections.add(service.connection, "office", "1.1", scopes=[ADMIN])
    school = replace(org(SCHOOL), version=Version.V1P1)
    read_model = ReadModel(service.connection)
    await read_model.write(school)
    await read_model.become_ready()
    credentials = (f"office|{SCHOOL}", made.client_secret)
    token = await service.http.post(XPORTER.token_path, auth=credentials)
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    answer = await service.http.get(f"/explain/school/{SCHOOL}", headers=headers)
    assert (answer.status_code, code_of(answer)) == (403, "forbidden")
    assert "limited to schools" in answer.json()["imsx_description"]


@pytest.mark.parametrize(
    ("path", "status", "code", "says"),
    [
        ("/explain/person/5", 404, "unknownobject", "give a person_id"),
        ("/explain/person/a%2Fb%00", 404, "unknownobject", "give a person_id"),
        ("/explain/teacher/5", 404, "unknownobject", "person, section, school"),
        ("/explain/enrollment/81", 400, "invaliddata", "r81 or t81"),
        (f"/explain/school/{SCHOOL}?connection=nobody", 404, "unknownobject", "'nobody'"),
        (f"/explain/school/{SCHOOL}?date=soon", 400, "invaliddata", "'soon' is no day"),
    ],
)
async def test_what_cannot_be_answered_is_said_in_the_standards_payload(
    service: Service, path: str, status: int, code: str, says: str
) -> None:
    await service.authorize("office", ADMIN)
    answer = await service.http.get(path)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert says in answer.json()["imsx_description"]


async def test_an_api_without_an_explainer_has_no_such_address(databases: Databases) -> None:
    async with asyncpg.create_pool(databases.dsn, min_size=1, max_size=1) as pool:
        app = create_app(Settings(dsn=databases.dsn, public_url=BASE_URL), pool)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            assert (await http.get(f"/explain/school/{SCHOOL}")).status_code == 404
