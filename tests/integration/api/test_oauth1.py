"""Requests signed with OAuth 1.0a: who may sign, that each is answered once, what is refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest
import pytest_asyncio
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256
from starlette.types import Receive, Scope, Send

from rosterline.api.access import connections
from rosterline.api.access.nonces import KEEP_SECONDS
from rosterline.api.app import create_app
from rosterline.config.settings import Settings
from rosterline.oneroster.vocabulary import Version
from tests.support.api import BASE_URL, Served, org, renewed
from tests.support.signing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

V1P1 = "/ims/oneroster/v1p1"
ORGS = f"{V1P1}/orgs"
ADDRESS = BASE_URL + ORGS
GRANT = {"grant_type": "client_credentials"}
Parameters = list[tuple[str, str]]
Primitive = str | int | float | bool | None


@dataclass(frozen=True)
class Old:
    """A served application and a connection of 1.1 that signs."""

    served: Served
    settings: Settings
    signer: Signer

    async def get(
        self, path: str = ORGS, parameters: Parameters | None = None, *, header: str | None = None
    ) -> httpx.Response:
        """GET of an address, signed unless there is a header."""
        asked: list[tuple[str, Primitive]] = [*(parameters or [])]
        header = header or self.signer.header(BASE_URL + path, parameters or [])
        return await self.served.http.get(path, params=asked, headers={"Authorization": header})


@pytest_asyncio.fixture(loop_scope="module")
async def old(bare: tuple[Served, Settings]) -> AsyncIterator[Old]:
    served = await renewed(*bare)
    await served.read_model.write(
        *(replace(org(name), version=Version.V1P1) for name in ("school-1", "school-2"))
    )
    made = await connections.add(served.connection, "old", "1.1")
    async with served.http:
        yield Old(served, bare[1], Signer(made.client_id, made.client_secret))
    await connections.remove(served.connection, "old")


def status_of(answer: httpx.Response) -> dict[str, str]:
    """The one status object of 1.1's payload."""
    (status,) = answer.json()["statusInfoSet"]
    return dict(status)


@pytest.mark.parametrize("method", [SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256])
@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ([], 2),
        ([("limit", "1"), ("offset", "1")], 1),
        ([("filter", "sourcedId='school-1'"), ("sort", "dateLastModified")], 1),
        ([("filter", "sourcedId='Über+all & ~\"*'"), ("x", ""), ("x", "a=b;c,%")], 0),
    ],
)
async def test_a_signed_request_is_answered(
    old: Old, parameters: Parameters, count: int, method: str
) -> None:
    signer = replace(old.signer, method=method)
    answer = await old.get(parameters=parameters, header=signer.header(ADDRESS, parameters))
    assert (answer.status_code, len(answer.json()["orgs"])) == (200, count)


@pytest.mark.parametrize(
    "query",
    [
        "filter=sourcedId>='a'+AND+status='active'&limit=5",
        "limit=5&filter=sourcedId%3E%3D%27a%27%20AND%20status=%27active%27",
    ],
)
async def test_the_query_is_signed_as_it_is_meant_however_it_is_written(
    old: Old, query: str
) -> None:
    meant = [("filter", "sourcedId>='a' AND status='active'"), ("limit", "5")]
    header = old.signer.header(ADDRESS, meant)
    url = httpx.URL(BASE_URL).copy_with(raw_path=f"{ORGS}?{query}".encode())
    answer = await old.served.http.get(url, headers={"Authorization": header})
    assert (answer.status_code, len(answer.json()["orgs"])) == (200, 2)


async def test_the_signature_may_stand_in_the_query_and_leaves_no_trace_in_links(old: Old) -> None:
    signed = old.signer.signed_address(ADDRESS, [("limit", "1")])
    answer = await old.served.http.get(signed)
    assert (answer.status_code, len(answer.json()["orgs"])) == (200, 1)
    assert "oauth_" not in answer.headers["Link"]
    assert (await old.served.http.get(signed)).status_code == 401
    tampered = old.signer.signed_address(ADDRESS, [("limit", "1")]) + "&limit=2"
    assert (await old.served.http.get(tampered)).status_code == 401


@pytest.mark.parametrize(
    "query", [b"filter=\xff", b"oauth_signature=\xff&oauth_consumer_key=%ff%00", b"oauth_signature"]
)
@pytest.mark.parametrize("header", [None, b"OAuth \xff", b"OAuth oauth_consumer_key=%00%ff"])
async def test_what_is_no_text_is_no_signature(
    old: Old, query: bytes, header: bytes | None
) -> None:
    app = create_app(old.settings, old.served.pool)

    async def with_raw_query(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "query_string": query}, receive, send)

    transport = httpx.ASGITransport(with_raw_query)
    headers = {} if header is None else {b"Authorization": header}
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
        assert (await http.get(ORGS, headers=headers)).status_code == 401


async def test_a_bad_signature_is_refused_in_the_words_of_1p1(old: Old) -> None:
    header = old.signer.header(ADDRESS, [("limit", "1")])
    answer = await old.get(ORGS, [("limit", "2")], header=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'OAuth realm="OneRoster"'
    status = status_of(answer)
    assert (status["imsx_codeMajor"], status["imsx_codeMinor"]) == ("failure", "unauthorized")
    assert f"sign GET {ADDRESS}" in status["imsx_description"]
    assert old.signer.client_secret not in answer.text


async def test_a_request_is_answered_once(old: Old) -> None:
    header = old.signer.header(ADDRESS)
    assert (await old.get(header=header)).status_code == 200
    again = await old.get(header=header)
    assert again.status_code == 401
    assert "answered before" in status_of(again)["imsx_description"]
    moment = int(time.time())
    for nonce, at in (("a", moment), ("b", moment), ("a", moment - 1)):
        fresh = old.signer.header(ADDRESS, nonce=nonce, moment=at)
        assert (await old.get(header=fresh)).status_code == 200


async def test_many_processes_answer_a_request_once(old: Old) -> None:
    header = old.signer.header(ADDRESS)
    headers = {"Authorization": header}

    async def ask() -> int:
        transport = httpx.ASGITransport(create_app(old.settings, old.served.pool))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            return (await http.get(ORGS, headers=headers)).status_code

    answers = await asyncio.gather(*(ask() for _ in range(8)))
    assert sorted(answers) == [200, *[401] * 7]


async def test_a_wrong_signature_uses_up_no_nonce(old: Old) -> None:
    moment = int(time.time())
    forged = replace(old.signer, client_secret="wrong")
    refused = forged.header(ADDRESS, moment=moment, nonce="once")
    assert (await old.get(header=refused)).status_code == 401
    right = old.signer.header(ADDRESS, moment=moment, nonce="once")
    assert (await old.get(header=right)).status_code == 200


async def test_old_nonces_are_forgotten_and_others_kept(old: Old) -> None:
    moment = int(time.time())
    await old.served.connection.executemany(
        "INSERT INTO rosterline.nonce VALUES ($1, $2, 'x')",
        [("gone", moment - KEEP_SECONDS - 60), ("kept", moment - KEEP_SECONDS + 60)],
    )
    assert (await old.get()).status_code == 200
    kept = await old.served.connection.fetch(
        "SELECT client_id FROM rosterline.nonce WHERE nonce = 'x'"
    )
    assert [row["client_id"] for row in kept] == ["kept"]


async def test_one_secret_serves_both_and_a_rotation_ends_it(old: Old) -> None:
    auth = (old.signer.client_id, old.signer.client_secret)
    assert (await old.served.http.post("/oauth2/token", data=GRANT, auth=auth)).status_code == 200
    made = await connections.rotate(old.served.connection, "old")
    assert made.client_secret != old.signer.client_secret
    turned = replace(old, signer=Signer(made.client_id, made.client_secret))
    assert (await turned.get()).status_code == 200
    assert (await old.get()).status_code == 401
    again = await old.served.http.post("/oauth2/token", data=GRANT, auth=auth)
    assert again.status_code == 401


async def test_only_connections_of_1p1_sign(old: Old, capfd: pytest.CaptureFixture[str]) -> None:
    vendor = old.served.vendor
    signer = Signer(vendor.client_id, vendor.client_secret)
    answer = await old.get(header=signer.header(ADDRESS))
    assert answer.status_code == 401
    assert "rotate" not in capfd.readouterr().out
    path = "/ims/oneroster/rostering/v1p2/orgs"
    refused = await old.get(path)
    assert refused.status_code == 403
    assert "for OneRoster 1.1" in refused.json()["imsx_description"]


async def test_a_connection_of_before_cannot_sign_until_its_secret_is_rotated(
    old: Old, capfd: pytest.CaptureFixture[str]
) -> None:
    await old.served.connection.execute(
        "UPDATE rosterline.connection SET signing_key_id = NULL, signing_salt = NULL "
        "WHERE app = 'old'"
    )
    assert (await old.get()).status_code == 401
    assert "rosterline connection rotate old" in capfd.readouterr().out
    made = await connections.rotate(old.served.connection, "old")
    turned = replace(old, signer=Signer(made.client_id, made.client_secret))
    assert (await turned.get()).status_code == 200


async def test_a_signature_counts_as_having_read(old: Old) -> None:
    seen = "SELECT first_token_at FROM rosterline.connection WHERE app = 'old'"
    assert await old.served.connection.fetchval(seen) is None
    await old.get()
    assert await old.served.connection.fetchval(seen) is not None


@pytest.mark.parametrize(
    ("public_url", "signed_for", "status"),
    [
        ("https://public.example.org/roster", "https://public.example.org/roster", 200),
        ("https://public.example.org", "https://called.example.org", 401),
        ("", "https://called.example.org", 200),
        ("", "http://127.0.0.1:8080", 200),
        ("", "https://elsewhere.example.org", 401),
    ],
)
async def test_the_public_address_is_signed_or_where_none_is_set_the_one_that_was_called(
    old: Old, public_url: str, signed_for: str, status: int
) -> None:
    settings = old.settings.model_copy(update={"public_url": public_url})
    transport = httpx.ASGITransport(create_app(settings, old.served.pool))
    header = old.signer.header(signed_for + ORGS)
    called = "https://called.example.org"
    async with httpx.AsyncClient(transport=transport, base_url=called) as http:
        answer = await http.get(ORGS, headers={"Authorization": header})
    assert answer.status_code == status
