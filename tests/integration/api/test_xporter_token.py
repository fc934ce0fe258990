"""Xporter's token for one school (seed 004): who gets it, what it opens, and how it is refused."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import jwt
import pytest
import pytest_asyncio

from rosterline.api.access import connections
from rosterline.api.app import create_app
from rosterline.api.dialects import XPORTER_PATH
from rosterline.config.settings import Settings
from rosterline.oneroster.vocabulary import Version
from tests.support.api import BASE_URL, Served, Stored, org, renewed, serving
from tests.support.servers import Databases

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = f"{XPORTER_PATH}/auth/token"
ELM = "8c6c8d3a-94a1-4c1c-9bb0-0b3f8e6a6f01"
OAK = "8c6c8d3a-94a1-4c1c-9bb0-0b3f8e6a6f02"
ASH = "8c6c8d3a-94a1-4c1c-9bb0-0b3f8e6a6f03"
FIR = "8c6c8d3a-94a1-4c1c-9bb0-0b3f8e6a6f04"
DISTRICT = "8c6c8d3a-94a1-4c1c-9bb0-0b3f8e6a6f00"
REFUSAL = {
    "error": "invalid_client",
    "error_description": "Request contains an invalid client ID or secret",
}


def school(guid: str, identifier: str, kind: str = "school", *, status: str = "active") -> Stored:
    """An org of 1.1 with an identifier."""
    made = org(guid, kind, status=status)
    record = made.record.model_copy(update={"identifier": identifier})
    return replace(made, record=record, schools=(guid,), version=Version.V1P1)


@pytest_asyncio.fixture(loop_scope="module")
async def served(bare: tuple[Served, Settings]) -> AsyncIterator[Served]:
    # So long that no count ends within a test.
    settings = bare[1].model_copy(update={"guess_seconds": 86_400})
    served = await renewed(bare[0], settings)
    await served.read_model.write(
        school(ELM, "3281110"),
        school(OAK, "3281111"),
        school(ASH, "3281111"),
        school(FIR, "3281113", status="tobedeleted"),
        school(DISTRICT, "328", "district"),
    )
    made = await connections.add(served.connection, "partner-rp", "1.1")
    async with served.http:
        yield replace(served, vendor=made)
    await connections.remove(served.connection, "partner-rp")


async def ask(served: Served, estab: str, *, rp: str = "partner-rp") -> httpx.Response:
    """Ask for a token with the right secret."""
    return await served.http.post(TOKEN, auth=(f"{rp}|{estab}", served.vendor.client_secret))


async def read(served: Served, token: str, path: str) -> httpx.Response:
    """GET with a token."""
    return await served.http.get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("estab", [ELM, ELM.upper(), "3281110"])
@pytest.mark.parametrize("by_name", [True, False])
async def test_a_partner_gets_a_token_for_a_school(
    served: Served, estab: str, *, by_name: bool
) -> None:
    rp = "partner-rp" if by_name else served.vendor.client_id
    answer = await ask(served, estab, rp=rp)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["access_token", "token_type", "expires_in"]
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert answer.headers["Cache-Control"] == "no-store"
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["schools"] == [ELM]


@pytest.mark.parametrize(
    "content", [{}, {"json": {"a": 1}}, {"content": b"grant_type=x"}, {"data": {"scope": "none"}}]
)
async def test_whatever_the_body_holds_is_left_alone(
    served: Served, content: dict[str, object]
) -> None:
    auth = (f"partner-rp|{ELM}", served.vendor.client_secret)
    answer = await served.http.post(TOKEN, auth=auth, **content)  # type: ignore[arg-type]  # of many kinds
    assert answer.status_code == 200


@pytest.mark.parametrize("path", [f"{XPORTER_PATH}/orgs", "/ims/oneroster/v1p1/orgs"])
async def test_the_token_shows_its_school_alone_at_every_address(served: Served, path: str) -> None:
    token = (await ask(served, ELM)).json()["access_token"]
    answer = await read(served, token, path)
    assert answer.status_code == 200
    assert [each["sourcedId"] for each in answer.json()["orgs"]] == [ELM]


async def test_xporters_addresses_need_a_token_of_one_school(served: Served) -> None:
    vendor = served.vendor
    grant = {"grant_type": "client_credentials"}
    token = await served.http.post(
        "/oauth2/token", data=grant, auth=(vendor.client_id, vendor.client_secret)
    )
    answer = await read(served, token.json()["access_token"], f"{XPORTER_PATH}/orgs")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "estab", ["", "0", "3281111", "3281113", "328", DISTRICT, FIR, "\0", f"{ELM}|{ELM}"]
)
async def test_what_names_no_single_active_school_is_refused_as_a_wrong_secret(
    served: Served, estab: str
) -> None:
    answer = await ask(served, estab)
    assert (answer.status_code, answer.json()) == (401, REFUSAL)


async def test_wrong_credentials_look_the_same_whatever_is_wrong(served: Served) -> None:
    secret = served.vendor.client_secret
    other = await connections.add(served.connection, "modern", "1.2")
    try:
        answers = [
            await served.http.post(TOKEN, auth=(f"partner-rp|{ELM}", "wrong")),
            await served.http.post(TOKEN, auth=(f"nobody|{ELM}", secret)),
            await served.http.post(TOKEN, auth=(f"nobody\0|{ELM}", secret)),
            await served.http.post(TOKEN, auth=("partner-rp", secret)),
            await served.http.post(TOKEN, auth=(f"modern|{ELM}", other.client_secret)),
            await served.http.post(TOKEN),
            *[
                await served.http.post(TOKEN, headers={b"Authorization": header.encode()})
                for header in (
                    "Basic",
                    "Basic %%%",
                    "Basic ü",
                    f"Basic {base64.b64encode(b'no colon').decode()}",
                    f"Basic {base64.b64encode(bytes([255, 58])).decode()}",
                    "Bearer x",
                )
            ],
        ]
    finally:
        await connections.remove(served.connection, "modern")
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (401, answers[0].content)
    }
    assert answers[0].json() == REFUSAL
    assert answers[0].headers["WWW-Authenticate"].startswith("Basic")


async def test_the_school_must_be_the_connections(served: Served) -> None:
    limited = await connections.add(served.connection, "limited", "1.1", schools=[OAK])
    try:
        auth = limited.client_secret
        elm = await served.http.post(TOKEN, auth=(f"limited|{ELM}", auth))
        assert (elm.status_code, elm.json()) == (401, REFUSAL)
        # Of two schools with this identifier one is its own.
        oak = await served.http.post(TOKEN, auth=("limited|3281111", auth))
        answer = await read(served, oak.json()["access_token"], f"{XPORTER_PATH}/orgs")
        assert [each["sourcedId"] for each in answer.json()["orgs"]] == [OAK]
    finally:
        await connections.remove(served.connection, "limited")


async def test_a_token_ends_with_the_connections_right_to_its_school(served: Served) -> None:
    token = (await ask(served, ELM)).json()["access_token"]
    await served.connection.execute(
        "UPDATE rosterline.connection SET schools = $1 WHERE app = 'partner-rp'", [OAK]
    )
    transport = httpx.ASGITransport(create_app(Settings(public_url=BASE_URL), served.pool))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as later:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await later.get(f"{XPORTER_PATH}/orgs", headers=headers)
    assert answer.status_code == 401
    assert "has lost its schools" in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH"])
async def test_other_methods_are_bad_requests(served: Served, method: str) -> None:
    auth = (f"partner-rp|{ELM}", served.vendor.client_secret)
    assert (await served.http.request(method, TOKEN, auth=auth)).status_code == 400


@pytest.mark.parametrize("path", ["version", "auth/version"])
async def test_the_versions_are_open_to_all(served: Served, path: str) -> None:
    answer = await served.http.get(f"{XPORTER_PATH}/{path}")
    assert answer.status_code == 200
    assert answer.json()["apiVersion"] == "1.1"
    assert answer.json()["version"]


async def test_after_many_failures_a_partner_waits_and_still_reads_401(served: Served) -> None:
    for _ in range(Settings().guesses_per_client):
        wrong = await served.http.post(TOKEN, auth=(f"partner-rp|{ELM}", "wrong"))
        assert "Retry-After" not in wrong.headers
    answer = await ask(served, ELM)
    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert int(answer.headers["Retry-After"]) > 0


async def test_g9_while_the_first_load_runs_no_school_is_called_unknown(
    databases: Databases,
) -> None:
    async with serving(databases.dsn, ready=False) as early:
        made = await connections.add(early.connection, "partner-rp", "1.1")
        auth = (f"partner-rp|{ELM}", made.client_secret)
        answer = await early.http.post(TOKEN, auth=auth)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
