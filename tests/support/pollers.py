"""Vendors who poll: three ways to ask for what has changed, each keeping its own copy."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from typing_extensions import override

ROSTERING = "/ims/oneroster/rostering/v1p2"
Records = dict[str, dict[str, Any]]


def stamp_text(moment: datetime) -> str:
    """A moment as a filter takes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


@dataclass
class Poller:
    """A copy of one collection, and the requests that keep it fresh."""

    client: httpx.AsyncClient
    collection: str
    limit: int
    records: Records = field(default_factory=dict)
    requests: int = 0

    async def get(self, address: str, parameters: dict[str, Any] | None = None) -> httpx.Response:
        """One page; anything but 200 fails the test."""
        self.requests += 1
        response = await self.client.get(address, params=parameters)
        assert response.status_code == 200, response.text
        for record in response.json()[self.collection]:
            self.records[record["sourcedId"]] = record
        return response

    async def by_offset(self, condition: str | None) -> None:
        """All pages, stepping the offset by the limit until the total that the first page told."""
        offset, total = 0, 1
        while offset < total:
            parameters: dict[str, Any] = {"limit": self.limit, "offset": offset}
            if condition:
                parameters["filter"] = condition
            response = await self.get(f"{ROSTERING}/{self.collection}", parameters)
            total = int(response.headers["X-Total-Count"]) if offset == 0 else total
            offset += self.limit

    async def by_links(self, condition: str | None) -> None:
        """All pages, following `Link: …; rel="next"`."""
        parameters: dict[str, Any] | None = {"limit": self.limit}
        if condition:
            parameters = {"limit": self.limit, "filter": condition}
        address = f"{ROSTERING}/{self.collection}"
        while True:
            response = await self.get(address, parameters)
            following = response.links.get("next")
            if following is None:
                return
            address, parameters = following["url"], None

    async def poll(self) -> None:
        """Bring the copy up to date."""
        raise NotImplementedError


@dataclass
class LargestStampPoller(Poller):
    """Remembers the largest stamp that it saw, and counts offsets."""

    @override
    async def poll(self) -> None:
        largest = max((r["dateLastModified"] for r in self.records.values()), default=None)
        since = largest or "1970-01-01"
        await self.by_offset(f"dateLastModified>'{since}'")


@dataclass
class RequestTimePoller(Poller):
    """Remembers by its own clock when it asked last, and counts offsets."""

    asked_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @override
    async def poll(self) -> None:
        since, self.asked_at = self.asked_at, datetime.now(UTC)
        await self.by_offset(f"dateLastModified>'{stamp_text(since)}'")


@dataclass
class FullThenDeltaPoller(Poller):
    """Pulls everything once by links, then asks for what is later than the largest stamp."""

    @override
    async def poll(self) -> None:
        largest = max((r["dateLastModified"] for r in self.records.values()), default=None)
        await self.by_links(f"dateLastModified>'{largest}'" if largest else None)


async def poll_until(poller: Poller, stop: asyncio.Event) -> None:
    """Poll again and again, and once more when it is time to stop."""
    while not stop.is_set():
        await poller.poll()
    await poller.poll()


def active(records: Records) -> Records:
    """The records that have not been taken away."""
    return {key: record for key, record in records.items() if record["status"] == "active"}
