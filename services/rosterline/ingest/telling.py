"""Tells what became of commands: at once to who waits for it, and numbered to connections' streams.

A verdict is published behind the last number that its stream holds, and nowhere else: so each
stands there once, in order, whatever was killed between its commit and its publishing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rosterline.bus.relay import Relay
from rosterline.bus.topology import ensure_verdict_stream, verdict_stream
from rosterline.events.commands import NUMBER_HEADER, Verdict
from rosterline.events.subjects import answer_subject, verdict_subject, verdict_subjects
from rosterline.ingest.store import fetch_told_apps, fetch_untold
from rosterline.ingest.verdicts import Kept

log = structlog.get_logger(__name__)

# Room for the headers of a message; the relay leaves as much.
HEADER_BYTES: Final = 4096
CONTENT_TYPE: Final = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Telling:
    """A verdict on its way to its connection."""

    subject: str
    headers: Mapping[str, str]
    data: bytes


def telling_of(kept: Kept, most_bytes: int) -> Telling:
    """The message of a numbered verdict."""
    return Telling(
        verdict_subject(kept.verdict.app, kept.verdict.state.value),
        {**CONTENT_TYPE, NUMBER_HEADER: str(kept.number)},
        as_json(kept.verdict, most_bytes),
    )


def as_json(verdict: Verdict, most_bytes: int) -> bytes:
    """A verdict as it is sent, with as many rejections as fit; all can be asked for over HTTP."""
    data = verdict.model_dump_json(by_alias=True).encode()
    while len(data) > most_bytes and verdict.rejections:
        fewer = verdict.rejections[: len(verdict.rejections) // 2]
        verdict = verdict.model_copy(update={"rejections": fewer})
        data = verdict.model_dump_json(by_alias=True).encode()
    return data


class Teller:
    """The one writer of all verdict streams."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream()
        self.most_bytes = client.max_payload - HEADER_BYTES
        self.relays: dict[str, Relay] = {}
        self.told: dict[str, int] = {}

    async def last_told(self, app: str) -> int:
        """The number of the last verdict that a connection's stream holds."""
        if app not in self.told:
            await ensure_verdict_stream(self.jetstream, app)
            stream = verdict_stream(app)
            info = await self.jetstream.stream_info(stream)
            try:
                last = await self.jetstream.get_last_msg(stream, verdict_subjects(app))
            except NotFoundError:
                self.told[app] = 0
            else:
                self.told[app] = int((last.headers or {}).get(NUMBER_HEADER, "0"))
            self.relays[app] = Relay(self.client, self.jetstream, info.state.last_seq)
        return self.told[app]

    async def catch_up(self, connection: asyncpg.Connection) -> None:
        """Tell what a predecessor has committed and not told."""
        for app in await fetch_told_apps(connection):
            told = await self.last_told(app)
            while untold := await fetch_untold(connection, app, told):
                log.info("ingest.telling_late", app=app, verdicts=len(untold))
                await self.tell(untold)
                told = self.told[app]

    async def tell(self, found: Iterable[Kept]) -> None:
        """Publish the verdicts that have numbers; their order is that of their numbers."""
        by_app: dict[str, list[Kept]] = defaultdict(list)
        for kept in found:
            if kept.number is not None:
                by_app[kept.verdict.app].append(kept)
        for app, numbered in by_app.items():
            await self.last_told(app)
            await self.relays[app].publish([telling_of(kept, self.most_bytes) for kept in numbered])
            self.told[app] = max(kept.number or 0 for kept in numbered)

    async def answer(self, token: str, verdict: Verdict) -> None:
        """Tell the process that waits; one that has gone asks for it when it comes back."""
        data = as_json(verdict, self.most_bytes)
        await self.client.publish(answer_subject(token), data, headers=CONTENT_TYPE)
