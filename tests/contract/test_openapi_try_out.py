"""What the documentation's "Try it out" does, by the served document alone: it works.

A token is asked for at the document's `tokenUrl`, then every operation is called with its examples.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from rosterline.api.dialects import DIALECTS, XPORTER, Dialect
from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.servers import fresh_databases
from tests.support.whole_district import District, whole_district

pytestmark = pytest.mark.asyncio(loop_scope="module")
Node = dict[str, Any]
NAMES = [dialect.name for dialect in DIALECTS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def district(postgres_server: EmbeddedPostgres) -> AsyncIterator[District]:
    with fresh_databases(postgres_server) as databases:
        async with whole_district(databases) as made:
            yield made


async def authorize(district: District, dialect: Dialect, document: Node) -> str:
    """The token that a person gets who fills in client id and secret."""
    vendor = district.vendors[dialect.version]
    client_id = vendor.client_id
    if dialect is XPORTER:
        client_id = f"{vendor.app}|{district.row['estab']}"
    flow = document["components"]["securitySchemes"]["OAuth2"]["flows"]["clientCredentials"]
    answer = await district.served.http.post(
        flow["tokenUrl"],
        data={"grant_type": "client_credentials", "scope": ""},
        auth=(client_id, vendor.client_secret),
    )
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


class Form:
    """The form of an operation: what stands in each field, and what may be chosen instead."""

    def __init__(self, document: Node, path: str, operation: Node, app: str) -> None:
        self.path = path.replace("{appName}", app)
        self.names_records = False
        self.filled: dict[str, str] = {}
        self.choices: list[dict[str, str]] = []
        for parameter in operation["parameters"]:
            if "$ref" in parameter:
                name = parameter["$ref"].rpartition("/")[2]
                parameter = document["components"]["parameters"][name]  # noqa: PLW2901 - what it refers to
            self.add(parameter)

    def add(self, parameter: Node) -> None:
        """A field: filled with the first example, as Swagger UI does."""
        name = parameter["name"]
        several = [each["value"] for each in parameter.get("examples", {}).values()]
        shown = [*several, parameter.get("example", "")]
        if parameter["in"] == "path":
            if name != "appName":
                self.names_records = True
                self.path = self.path.replace(f"{{{name}}}", str(shown[0]))
        elif parameter["in"] == "query":
            if shown[0] not in ("", []):
                self.filled[name] = text(shown[0])
            self.choices += [{name: text(value)} for value in several[1:]]


def text(value: object) -> str:
    """A value as it stands in an address."""
    return ",".join(value) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
async def test_every_operation_can_be_tried_with_each_of_its_examples(
    district: District, dialect: Dialect
) -> None:
    http = district.served.http
    document = (await http.get(f"/openapi/{dialect.name}.json")).json()
    (server,) = document["servers"]
    headers = {"Authorization": f"Bearer {await authorize(district, dialect, document)}"}
    app = district.vendors[dialect.version].app
    wrong = []
    for path, methods in document["paths"].items():
        operation = methods.get("get")
        if operation is None or not operation["security"]:
            continue
        form = Form(document, path, operation, app)
        for query in [{}, *form.choices]:
            answer = await http.get(
                server["url"] + form.path, params=form.filled | query, headers=headers
            )
            expected = (200, 404) if form.names_records else (200,)
            if answer.status_code not in expected:
                wrong.append((path, query, answer.status_code, answer.text))
    assert wrong == []


@pytest.mark.parametrize("address", ["version", "auth/version"])
async def test_xporter_tells_its_versions_as_described(district: District, address: str) -> None:
    http: httpx.AsyncClient = district.served.http
    document = (await http.get("/openapi/xporter.json")).json()
    path = f"/api/ims/oneroster/v1p1/school/{address}"
    described = document["paths"][path]["get"]["responses"]["200"]
    answer = await http.get(path)
    assert answer.status_code == 200
    schema = described["content"]["application/json"]["schema"]
    assert set(answer.json()) == set(schema["properties"])


@pytest.mark.parametrize("dialect", DIALECTS, ids=NAMES)
async def test_a_wrong_secret_is_refused_as_described(district: District, dialect: Dialect) -> None:
    http = district.served.http
    document = (await http.get(f"/openapi/{dialect.name}.json")).json()
    described = document["paths"][dialect.token_path]["post"]["responses"]["401"]
    answer = await http.post(
        dialect.token_path, data={"grant_type": "client_credentials"}, auth=("nobody|1", "wrong")
    )
    assert answer.status_code == 401
    shown = described["content"]["application/json"]["examples"]
    assert answer.json()["error"] in shown


CAMPUS = [dialect for dialect in DIALECTS if dialect.rules.strict_offset]


@pytest.mark.parametrize("dialect", CAMPUS, ids=[dialect.name for dialect in CAMPUS])
@pytest.mark.parametrize(
    ("name", "query"),
    [("offset", {"limit": "500", "offset": "600"}), ("limit", {"limit": "60000"})],
)
async def test_campus_refuses_paging_in_the_words_of_its_document(
    district: District, dialect: Dialect, name: str, query: dict[str, str]
) -> None:
    document = (await district.served.http.get(f"/openapi/{dialect.name}.json")).json()
    described = document["components"]["responses"]["InvalidPaging"]
    shown = described["content"]["application/json"]["examples"][name]["value"]
    users = next(row for row in dialect.endpoints if row.operation_id == "getAllUsers")
    answer = await district.get(dialect, dialect.path(users), **query)
    assert answer.status_code == 422
    assert answer.json() == shown
