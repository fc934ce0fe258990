"""A vendor: a connection, a token, and an HTTP client that carries it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx

from rosterline.api.access.connections import add
from rosterline.config.settings import Settings
from tests.support.chain import Chain
from tests.support.ledger import connected


async def is_answering(client: httpx.AsyncClient) -> bool:
    """Whether the API answers roster requests."""
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def is_listening(client: httpx.AsyncClient) -> bool:
    """Whether the API's process is up."""
    try:
        return (await client.get("/health/live")).status_code == 200
    except httpx.TransportError:
        return False


@asynccontextmanager
async def vendor(
    settings: Settings, chain: Chain, app: str = "vendor", scopes: Sequence[str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token, once the API's process is up."""
    async with connected(settings.dsn) as connection:
        made = await add(connection, app, scopes=scopes)
    async with httpx.AsyncClient(base_url=settings.base_url, timeout=20) as client:
        await chain.until(lambda: is_listening(client), 30)
        answer = await client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.client_secret),
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
