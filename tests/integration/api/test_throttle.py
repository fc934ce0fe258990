"""Who guesses secrets waits: by client and address, by address, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
import pytest

from rosterline.api.access import connections
from rosterline.api.access.passwords import MOST_AT_ONCE, SecretChecker, hash_secret
from rosterline.api.access.throttle import Attempt, Throttle
from rosterline.api.app import create_app
from rosterline.api.errors import ApiError
from rosterline.api.service import bind, serve
from rosterline.config.settings import Settings
from tests.support.api import BASE_URL, Served, serving
from tests.support.running import running, until
from tests.support.servers import Databases
from tests.support.signing import Signer

TOKEN = "/oauth2/token"
ORGS = "/ims/oneroster/v1p1/orgs"
GRANT = {"grant_type": "client_credentials"}
PER_CLIENT = 3
PER_ADDRESS = 8
# So long that no count ends within a test.
LIMITS = {
    "guess_seconds": 86_400,
    "guesses_per_client": PER_CLIENT,
    "guesses_per_address": PER_ADDRESS,
}


@dataclass(frozen=True)
class Town:
    """A served application that is called from several addresses."""

    served: Served
    application: httpx.ASGITransport

    @asynccontextmanager
    async def at(self, address: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client at an address."""
        transport = httpx.ASGITransport(self.application.app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            yield http


@pytest.fixture
async def town(databases: Databases) -> AsyncIterator[Town]:
    settings = Settings(dsn=databases.dsn, public_url=BASE_URL).model_copy(update=LIMITS)
    async with serving(databases.dsn, settings=settings) as served:
        yield Town(served, served.transport)


async def guess(http: httpx.AsyncClient, client_id: str, said: str = "wrong") -> httpx.Response:
    """Ask for a token."""
    return await http.post(TOKEN, data=GRANT, auth=(client_id, said))


async def test_after_too_many_guesses_a_client_waits_at_that_address_alone(town: Town) -> None:
    vendor = town.served.vendor
    other = await connections.add(town.served.connection, "other")
    async with town.at("192.0.2.1") as guesser, town.at("192.0.2.2") as elsewhere:
        for _ in range(PER_CLIENT):
            assert (await guess(guesser, vendor.client_id)).status_code == 401
        refused = await guess(guesser, vendor.client_id)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert 0 < int(refused.headers["Retry-After"]) <= LIMITS["guess_seconds"]
        assert refused.headers["Cache-Control"] == "no-store"
        # Now even the right secret is not looked at: else the answer would tell that it is right.
        assert (await guess(guesser, vendor.client_id, vendor.client_secret)).status_code == 429
        right = await guess(elsewhere, vendor.client_id, vendor.client_secret)
        assert right.status_code == 200
        neighbour = await guess(guesser, other.client_id, other.client_secret)
        assert neighbour.status_code == 200


async def test_right_secrets_are_never_counted(town: Town) -> None:
    vendor = town.served.vendor
    async with town.at("192.0.2.1") as http:
        for _ in range(2 * PER_ADDRESS):
            answer = await guess(http, vendor.client_id, vendor.client_secret)
            assert answer.status_code == 200


@pytest.mark.parametrize(
    "addresses",
    [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:1"), ("::ffff:192.0.2.9",) * 2],
)
async def test_who_guesses_for_many_clients_waits_for_all(
    town: Town, addresses: tuple[str, str]
) -> None:
    vendor = town.served.vendor
    async with town.at(addresses[0]) as guesser, town.at(addresses[1]) as next_door:
        for number in range(PER_ADDRESS):
            assert (await guess(guesser, f"client-{number}")).status_code == 401
        assert (await guess(guesser, "another")).status_code == 429
        right = await guess(next_door, vendor.client_id, vendor.client_secret)
        assert right.status_code == 429
    async with town.at("2001:db8:0:1::1") as elsewhere:
        right = await guess(elsewhere, vendor.client_id, vendor.client_secret)
        assert right.status_code == 200


async def test_wrong_signatures_count_and_are_refused_in_the_words_of_1p1(town: Town) -> None:
    made = await connections.add(town.served.connection, "old", "1.1")
    signer = Signer(made.client_id, made.client_secret)
    forged = replace(signer, client_secret="wrong")

    async def ask(http: httpx.AsyncClient, by: Signer) -> httpx.Response:
        header = by.header(BASE_URL + ORGS)
        return await http.get(ORGS, headers={"Authorization": header})

    async with town.at("192.0.2.1") as guesser, town.at("192.0.2.2") as elsewhere:
        for _ in range(PER_CLIENT):
            assert (await ask(guesser, forged)).status_code == 401
        refused = await ask(guesser, forged)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        (status,) = refused.json()["statusInfoSet"]
        assert status["imsx_codeMinor"] == "server_busy"
        assert (await guess(guesser, made.client_id, made.client_secret)).status_code == 429
        assert (await ask(elsewhere, signer)).status_code == 200


async def test_a_request_that_is_sent_again_is_no_guess(town: Town) -> None:
    made = await connections.add(town.served.connection, "old", "1.1")
    signer = Signer(made.client_id, made.client_secret)
    header = signer.header(BASE_URL + ORGS)
    async with town.at("192.0.2.1") as http:
        answers = [
            (await http.get(ORGS, headers={"Authorization": header})).status_code
            for _ in range(2 * PER_CLIENT)
        ]
        assert answers == [200, *[401] * (2 * PER_CLIENT - 1)]
        fresh = signer.header(BASE_URL + ORGS)
        assert (await http.get(ORGS, headers={"Authorization": fresh})).status_code == 200


async def test_guesses_at_once_are_no_more_than_one_after_the_other() -> None:
    settings = Settings().model_copy(update=LIMITS)
    checker = SecretChecker(Throttle(settings))
    stored = hash_secret("right")
    attempt = Attempt("192.0.2.1", "client")
    answers = await asyncio.gather(
        *(checker.matches("wrong", stored, attempt) for _ in range(20)), return_exceptions=True
    )
    hashed = [answer for answer in answers if answer is False]
    assert PER_CLIENT <= len(hashed) < PER_CLIENT + MOST_AT_ONCE
    with pytest.raises(ApiError, match="wrong credentials") as refused:
        await checker.matches("right", stored, attempt)
    assert refused.value.status == 429


async def test_each_process_counts_for_itself(town: Town) -> None:
    vendor = town.served.vendor
    settings = Settings(public_url=BASE_URL).model_copy(update=LIMITS)
    second = Town(town.served, httpx.ASGITransport(create_app(settings, town.served.pool)))
    async with town.at("192.0.2.1") as http, second.at("192.0.2.1") as again:
        for _ in range(PER_CLIENT):
            assert (await guess(http, vendor.client_id)).status_code == 401
        assert (await guess(http, vendor.client_id)).status_code == 429
        assert (await guess(again, vendor.client_id)).status_code == 401


@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.1", 401), ("192.0.2.99", 429)])
async def test_a_proxys_word_on_the_address_counts_where_it_is_trusted(
    databases: Databases, trusted: str, status: int
) -> None:
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    settings = Settings(dsn=databases.dsn, port=port, trusted_proxies=trusted)
    settings = settings.model_copy(update=LIMITS)
    async with running(serve, settings), httpx.AsyncClient(base_url=settings.base_url) as http:

        async def ask(address: str) -> int:
            headers = {"X-Forwarded-For": f"198.51.100.1, {address}"}
            credentials = ("client", "wrong")
            answer = await http.post(TOKEN, data=GRANT, auth=credentials, headers=headers)
            return answer.status_code

        assert await until(lambda: is_listening(http), seconds=20)
        for _ in range(PER_CLIENT):
            assert await ask("192.0.2.1") == 401
        assert await ask("192.0.2.1") == 429
        assert await ask("192.0.2.2") == status


async def is_listening(http: httpx.AsyncClient) -> bool:
    """Whether the service answers."""
    try:
        return (await http.get("/health/live")).status_code == 200
    except httpx.TransportError:
        return False
