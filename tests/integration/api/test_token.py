"""OAuth 2 client credentials, and what a token opens."""

from collections.abc import AsyncIterator
from dataclasses import replace

import jwt
import pytest
import pytest_asyncio

from rosterline.api.access import connections
from rosterline.config.settings import Settings
from rosterline.oneroster import scopes
from rosterline.oneroster.scopes import ROSTER, ROSTER_CORE, ROSTER_DEMOGRAPHICS, V1P2
from tests.support.api import BASE_URL, Served, renewed, serving, user
from tests.support.running import until
from tests.support.servers import Databases

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHOOL = "8c6c8d3a-94a1-4c1c-9bb0-0b3f8e6a6f01"
GRANT = {"grant_type": "client_credentials"}


@pytest_asyncio.fixture(loop_scope="module")
async def served(bare: tuple[Served, Settings]) -> AsyncIterator[Served]:
    served = await renewed(*bare)
    async with served.http:
        yield served


async def test_without_scope_a_token_has_all_that_the_connection_may_have(served: Served) -> None:
    answer = await served.ask_token({})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"].split() == [ROSTER, ROSTER_CORE, ROSTER_DEMOGRAPHICS]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"


async def test_credentials_may_come_in_the_form(served: Served) -> None:
    vendor = served.vendor
    form = {**GRANT, "client_id": vendor.client_id, "client_secret": vendor.client_secret}
    assert (await served.http.post("/oauth2/token", data=form)).status_code == 200


async def test_a_token_has_just_the_scopes_that_were_asked_for(served: Served) -> None:
    assert (await served.ask_token({"scope": ROSTER_CORE})).json()["scope"] == ROSTER_CORE
    await served.authorize(ROSTER_DEMOGRAPHICS)
    assert (await served.get("/demographics")).status_code == 200
    refused = await served.get("/users")
    assert refused.status_code == 403
    assert ROSTER_CORE in refused.json()["imsx_description"]


async def test_roster_scope_alone_does_not_open_demographics(served: Served) -> None:
    await served.authorize(ROSTER)
    assert (await served.get("/users")).status_code == 200
    assert (await served.get("/demographics")).status_code == 403


@pytest.mark.parametrize(
    ("extra", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"scope": f"{V1P2}gradebook.readonly"}, 400, "invalid_scope"),
        ({"scope": f"{ROSTER} nonsense"}, 400, "invalid_scope"),
        ({"client_secret": "again"}, 400, "invalid_request"),
    ],
)
async def test_errors_are_those_of_rfc_6749(
    served: Served, extra: dict[str, str], status: int, error: str
) -> None:
    answer = await served.ask_token(extra)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("known", [True, False])
async def test_a_wrong_secret_and_an_unknown_client_look_the_same(
    served: Served, *, known: bool
) -> None:
    client_id = served.vendor.client_id if known else "nobody\0"
    answer = await served.http.post("/oauth2/token", data=GRANT, auth=(client_id, "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.json()["error_description"] == "Unknown client or wrong secret"


@pytest.mark.parametrize("header", ["", "Basic", "Basic %%%", "Basic bm9jb2xvbg==", "Bearer x"])
async def test_missing_or_malformed_credentials_are_refused(served: Served, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = await served.http.post("/oauth2/token", data=GRANT, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"grant_type":"client_credentials"}', "application/json"),
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded"),
        (b"x" * 20_000, "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    served: Served, content: bytes, content_type: str
) -> None:
    answer = await served.http.post(
        "/oauth2/token", content=content, headers={"Content-Type": content_type}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer ü"])
async def test_no_token_no_record(served: Served, header: str) -> None:
    answer = await served.http.get(
        f"{BASE_URL}/ims/oneroster/rostering/v1p2/users",
        headers={b"Authorization": header.encode()},
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_that_somebody_else_signed_is_refused(served: Served) -> None:
    token = (await served.ask_token({})).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    for forged in (
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "other"}),
        jwt.encode(claims, None, algorithm="none", headers={"kid": kid}),
    ):
        served.http.headers["Authorization"] = f"Bearer {forged}"
        assert (await served.get("/users")).status_code == 401


async def test_a_token_expires(databases: Databases) -> None:
    settings = Settings(dsn=databases.dsn, public_url=BASE_URL, token_seconds=1)
    async with serving(databases.dsn, settings=settings) as served:
        await served.authorize()
        key = await served.connection.fetchrow("SELECT key_id, secret FROM rosterline.signing_key")
        assert key is not None
        token = served.http.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 1
        old = claims | {"exp": claims["iat"] - 1}
        expired = jwt.encode(old, key["secret"], headers={"kid": key["key_id"]})
        served.http.headers["Authorization"] = f"Bearer {expired}"
        answer = await served.get("/users")
        assert answer.status_code == 401
        assert "expired" in answer.json()["imsx_description"]


@pytest.mark.parametrize("end", ["remove", "rotate"])
async def test_tokens_end_with_the_connection_and_with_its_secret(
    databases: Databases, end: str
) -> None:
    async with serving(databases.dsn) as served:
        await served.authorize()
        assert (await served.get("/users")).status_code == 200
        await getattr(connections, end)(served.connection, "acme")

        async def is_refused() -> bool:
            return (await served.get("/users")).status_code == 401

        assert await until(is_refused)


async def test_a_connection_of_1p1_does_not_read_1p2(served: Served) -> None:
    old = await connections.add(served.connection, "old", "1.1")
    answer = await served.http.post(
        "/oauth2/token", data=GRANT, auth=(old.client_id, old.client_secret)
    )
    served.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    refused = await served.get("/users")
    assert refused.status_code == 403
    assert "1.1" in refused.json()["imsx_description"]


async def test_a_connection_limited_to_schools_reads_what_stands_in_them(served: Served) -> None:
    await served.read_model.write(
        replace(user("inside"), schools=(SCHOOL,)), replace(user("outside"), schools=("other",))
    )
    made = await connections.add(served.connection, "one-school", schools=[SCHOOL.upper()])
    answer = await served.http.post(
        "/oauth2/token", data=GRANT, auth=(made.client_id, made.client_secret)
    )
    served.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    listed = await served.get("/users")
    assert [each["sourcedId"] for each in listed.json()["users"]] == ["inside"]
    assert (await served.get("/users/outside")).status_code == 404


@pytest.mark.parametrize("path", ["/oauth2/token", "/campus/oauth2/token"])
async def test_each_token_address_gives_a_token_that_opens(served: Served, path: str) -> None:
    vendor = served.vendor
    answer = await served.http.post(path, data=GRANT, auth=(vendor.client_id, vendor.client_secret))
    assert answer.status_code == 200
    served.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert (await served.get("/users")).status_code == 200
    wrong = await served.http.post(path, data=GRANT, auth=(vendor.client_id, "wrong"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


async def test_applications_share_one_signing_key(databases: Databases) -> None:
    async with serving(databases.dsn) as one:
        await one.authorize()
        await connections.remove(one.connection, "acme")
        async with serving(databases.dsn) as two:
            await two.authorize()
            one.http.headers["Authorization"] = two.http.headers["Authorization"]
            assert (await one.get("/users")).status_code == 200
            count = await one.connection.fetchval("SELECT count(*) FROM rosterline.signing_key")
            assert count == 1


async def test_the_default_connection_has_no_demographics() -> None:
    assert ROSTER_DEMOGRAPHICS not in scopes.with_included(scopes.DEFAULT["1.2"])
