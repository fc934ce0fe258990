"""Writing over HTTP in a test: asking what became of a command."""

from typing import Any

import httpx

from tests.support.running import until

UNDECIDED = frozenset({"queued", "waiting"})


async def told_of(client: httpx.AsyncClient, place: str, **query: int) -> dict[str, Any]:
    """What is told of a command or batch once all of it is decided."""

    async def ask() -> dict[str, Any] | None:
        answer = await client.get(place, params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return None if body["state"] in UNDECIDED else body

    told: dict[str, Any] = await until(ask)
    return told
