"""Assessment systems that push scores whatever happens, and remember what was acknowledged.

Each has its own results, in one tree of line items for all; what it sends is right but for one in
ten, whose student nobody knows.
"""

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import nats
import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError

from rosterline.events.subjects import batch_subject, command_subject
from tests.support.running import LOOK_SECONDS, pause

DISTRICT = "district"
BEGIN = datetime(2026, 10, 1, 8, tzinfo=UTC)
BATCH_LINES = 12
RETRY_SECONDS = 0.1
ACCEPTED = frozenset({200, 201, 202})
ASSESSMENT_SCOPES = ("assessment.readonly", "assessment.createput", "assessment.delete")


def guid(rng: Random) -> str:
    """A version 4 UUID, the same for the same seed."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True)
class Tree:
    """Assessment line items of three levels, by id; `parents` leads upward."""

    root: str
    leaves: tuple[str, ...]
    parents: dict[str, str]

    def ancestors(self, line_item: str) -> list[str]:
        """Its parent, its parent's parent …"""
        found: list[str] = []
        while (line_item := self.parents.get(line_item, "")) != "":
            found.append(line_item)
        return found

    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of the puts that make it, from the root down."""
        named = [
            self.root,
            *dict.fromkeys(self.parents[leaf] for leaf in self.leaves),
            *self.leaves,
        ]
        return [
            {
                "assessmentLineItem": {
                    "sourcedId": line_item,
                    "title": f"Part {number}",
                    **(
                        {"parentAssessmentLineItem": {"sourcedId": self.parents[line_item]}}
                        if line_item in self.parents
                        else {}
                    ),
                }
            }
            for number, line_item in enumerate(named)
        ]


def grow(rng: Random, *, branches: int = 3) -> Tree:
    """A tree of depth three, with `branches` below each that has some."""
    root = guid(rng)
    parents: dict[str, str] = {}
    leaves: list[str] = []
    for _ in range(branches):
        middle = guid(rng)
        parents[middle] = root
        for _ in range(branches):
            leaf = guid(rng)
            parents[leaf] = middle
            leaves.append(leaf)
    return Tree(root, tuple(leaves), parents)


def result(
    sourced_id: str, line_item: str, student: str, moment: datetime, score: float
) -> dict[str, Any]:
    """The body of a put."""
    return {
        "assessmentResult": {
            "sourcedId": sourced_id,
            "assessmentLineItem": {"sourcedId": line_item},
            "student": {"sourcedId": student},
            "scoreDate": moment.isoformat().replace("+00:00", "Z"),
            "score": score,
        }
    }


@dataclass(slots=True)
class Sender:
    """What every sender remembers.

    `commands` names what was acknowledged; `scores` holds of each of its results the last score
    that was; `keys` where it belongs; `refused` are results that can never be stored.
    """

    name: int
    tree: Tree
    students: list[str]
    rng: Random
    commands: list[str] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    keys: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    count: int = 0

    def next_result(self) -> tuple[str, dict[str, Any]]:
        """A new result, a better score for an older one, or one that nobody can have."""
        self.count += 1
        score = float(self.count)
        chance = self.rng.random()
        if chance < 0.1:
            sourced_id = guid(self.rng)
            self.refused.add(sourced_id)
            return sourced_id, result(sourced_id, self.tree.root, guid(self.rng), BEGIN, score)
        if chance < 0.4 and self.keys:
            sourced_id = self.rng.choice(list(self.keys))
        else:
            sourced_id = guid(self.rng)
            # A minute is no other sender's, so that results of two never meet.
            minute = BEGIN + timedelta(minutes=self.count + 100_000 * self.name)
            leaf = self.rng.choice(self.tree.leaves)
            self.keys[sourced_id] = (leaf, self.rng.choice(self.students), minute)
        line_item, student, minute = self.keys[sourced_id]
        return sourced_id, result(sourced_id, line_item, student, minute, score)

    def acknowledge(self, command: str, *bodies: dict[str, Any]) -> None:
        """Note that the results are kept from now on."""
        self.commands.append(command)
        for body in bodies:
            sent = body["assessmentResult"]
            if sent["sourcedId"] not in self.refused:
                self.scores[sent["sourcedId"]] = sent["score"]


@dataclass(slots=True)
class NatsSender(Sender):
    """Publishes single commands and batches, each until the stream has it."""

    app: str = "acme"

    async def publish(self, client: Client, subject: str, data: bytes, command: str) -> None:
        """Publish until it is acknowledged; the same command id every time."""
        while True:
            try:
                await client.jetstream().publish(
                    subject, data, timeout=2, headers={"Rosterline-Command": command}
                )
            except (NatsError, OSError):
                await pause(RETRY_SECONDS)
            else:
                return

    async def push(self, client: Client) -> None:
        """Push one result, or several at once."""
        command = f"{self.name}-{self.count}-{self.rng.getrandbits(32):x}"
        if self.rng.random() < 0.5:
            _, body = self.next_result()
            subject = command_subject(DISTRICT, self.app, "assessmentResults", "put")
            await self.publish(client, subject, orjson.dumps(body), command)
            self.acknowledge(command, body)
            return
        bodies = [self.next_result()[1] for _ in range(BATCH_LINES)]
        data = b"\n".join(map(orjson.dumps, bodies))
        await self.publish(client, batch_subject(DISTRICT, self.app), data, command)
        self.acknowledge(command, *bodies)

    async def push_until(self, stop: asyncio.Event, url: str) -> None:
        """Push on and on."""
        client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
        try:
            while not stop.is_set():
                await self.push(client)
                await pause(LOOK_SECONDS)
        finally:
            await client.close()


@dataclass(slots=True)
class HttpSender(Sender):
    """Puts one result after the other, each until it is answered."""

    async def push(self, client: httpx.AsyncClient) -> None:
        """Put one result until it is kept, or refused for good."""
        sourced_id, body = self.next_result()
        path = f"/ims/oneroster/gradebook/v1p2/assessmentResults/{sourced_id}"
        while True:
            try:
                answer = await client.put(path, json=body)
            except httpx.TransportError:
                await pause(RETRY_SECONDS)
                continue
            if answer.status_code in ACCEPTED:
                self.acknowledge(sourced_id, body)
                return
            if answer.status_code == 404 and sourced_id in self.refused:
                return
            # The API is away, or waits for NATS or the database.
            assert answer.status_code == 503, answer.text
            await pause(RETRY_SECONDS)

    async def push_until(self, stop: asyncio.Event, client: httpx.AsyncClient) -> None:
        """Push on and on."""
        while not stop.is_set():
            await self.push(client)
            await pause(LOOK_SECONDS)
