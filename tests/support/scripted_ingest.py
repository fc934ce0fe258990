"""A stand-in for ingest, capture and projector, for the API's part alone: it takes what comes.

It reads stream INGEST as ingest does, stores by no rules but `refuse`, and shows it at once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from nats.aio.client import Client

from rosterline.bus.reader import StreamMessage, open_reader
from rosterline.bus.topology import INGEST
from rosterline.events.commands import (
    NOTHING_STORED,
    CommandOperation,
    Rejection,
    State,
    Verdict,
)
from rosterline.events.subjects import answer_subject
from rosterline.ingest.command import Arrival, Command, Entry, Malformed
from rosterline.ingest.intake import Intake
from rosterline.ingest.lines import Refused
from rosterline.oneroster.vocabulary import Entity
from tests.support.api import Served
from tests.support.streams import client_of, last_sequence
from tests.support.written import WrittenModel
from tests.support.written_documents import Document

CURSOR = """
INSERT INTO rosterline.cursor (stream, created, sequence, position, loading, applied_at, revision)
VALUES ('RECORDS', '', 0, '', false, now(), $1)
ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision
"""
KEEP = """
INSERT INTO rosterline.command (app, command_id, state, lines, stored, rejections, status,
    revision, batch_id, first_line, decided_at)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10, now())
ON CONFLICT (app, command_id) DO UPDATE SET state = excluded.state, stored = excluded.stored,
    rejections = excluded.rejections, status = excluded.status, decided_at = now()
"""
Key = tuple[Entity, str]
# What comes in larger batches is only counted.
FEW_LINES = 100


@dataclass
class Script:
    """What it does: `refuse` says why a line is, `is_silent` that nobody is told of a verdict.

    The read model says of itself that it is `lag` revisions behind. `arrived` are the messages that
    were read, `shows` whether what is stored is shown.
    """

    served: Served
    client: Client
    refuse: Callable[[Entry], Refused | None] = lambda _: None
    is_silent: bool = False
    lag: int = 0
    shows: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: list[StreamMessage] = field(default_factory=list)
    stored: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    revision: int = 0

    async def run(self, after: int) -> None:
        """Work off what is published behind this sequence."""
        intake = Intake("district", "INGEST", timedelta(days=1))
        async with open_reader(self.client, INGEST, after) as reader:
            while True:
                for message in await reader.read(100):
                    self.arrived.append(message)
                    arrival = Arrival(
                        message.sequence,
                        message.subject,
                        message.headers,
                        message.data,
                        datetime.now(UTC),
                    )
                    await self.work_off(intake.read(arrival))

    async def work_off(self, command: Command) -> None:
        """Decide a command, show what it stored, and tell."""
        outcomes: dict[int, Refused | int]
        outcomes = {line.number: self.decide(line) for line in command.lines}
        refused = {number: one for number, one in outcomes.items() if isinstance(one, Refused)}
        takes = [one for one in command.lines if one.number not in refused]
        if command.is_atomic and refused:
            fallen = Refused(422, "invaliddata", NOTHING_STORED.format(line=min(refused)))
            outcomes |= {one.number: fallen for one in takes}
            takes = []
        self.revision += bool(takes)
        documents = [
            self.store(line)
            for line in takes
            if isinstance(line, Entry) and (line.body is not None or line.key in self.stored)
        ]
        await self.shows.wait()
        if len(command.lines) < FEW_LINES:
            await WrittenModel(self.served.read_model).write(*documents)
        verdict = self.verdict(command, outcomes, len(takes))
        await self.tell(command, verdict)

    def decide(self, line: Entry | Malformed) -> Refused | int:
        """The refusal, or the status."""
        if isinstance(line, Malformed):
            return line.refused
        if refused := self.refuse(line):
            return refused
        if line.operation is CommandOperation.DELETE:
            return 204
        return 200 if line.key in self.stored else 201

    def store(self, line: Entry) -> Document:
        """The document as the line wants it."""
        body: dict[str, Any] = {**self.stored.get(line.key, {}), **(line.body or {})}
        if line.operation is CommandOperation.DELETE:
            self.stored.pop(line.key, None)
            body["status"] = "tobedeleted"
        else:
            self.stored[line.key] = body
        return Document(line.entity.value, body)

    def verdict(
        self, command: Command, outcomes: Mapping[int, Refused | int], stored: int
    ) -> Verdict:
        """As ingest words it."""
        rejections = tuple(
            Rejection(
                line=number,
                collection=line.entity if isinstance(line, Entry) else None,
                sourced_id=line.sourced_id if isinstance(line, Entry) else None,
                status=one.status,
                code_minor=one.code_minor,
                description=one.description,
            )
            for line in command.lines
            if isinstance(one := outcomes[number := line.number], Refused)
        )
        state = State.MIXED if stored else State.REJECTED
        (first, *_) = outcomes.values()
        status = first.status if isinstance(first, Refused) else first
        return Verdict(
            command=command.command_id,
            app=command.app,
            state=state if rejections else State.STORED,
            lines=len(command.lines),
            stored=stored,
            rejections=rejections,
            status=status if len(command.lines) == 1 else None,
            revision=self.revision if stored else None,
            decided_at="2026-09-01T08:00:00.000Z",
        )

    async def tell(self, command: Command, verdict: Verdict) -> None:
        """Keep the verdict, let readers know how far the read model is, and answer."""
        connection = self.served.connection
        rejections = [each.model_dump(by_alias=True) for each in verdict.rejections]
        async with connection.transaction():
            await connection.execute(
                KEEP,
                command.app,
                command.command_id,
                verdict.state,
                verdict.lines,
                verdict.stored,
                orjson.dumps(rejections).decode(),
                verdict.status,
                verdict.revision,
                command.batch_id,
                command.first_line,
            )
            shown = self.revision - self.lag
            await connection.execute(CURSOR, shown)
            await connection.execute("SELECT pg_notify('rosterline_revision', $1)", str(shown))
        if command.answer is not None and not self.is_silent:
            data = verdict.model_dump_json(by_alias=True).encode()
            await self.client.publish(answer_subject(command.answer), data)


@asynccontextmanager
async def scripted(served: Served, nats_url: str) -> AsyncIterator[Script]:
    """The stand-in at work for the length of the block; a failure of its own fails the test."""
    async with client_of(nats_url) as client:
        script = Script(served, client)
        script.shows.set()
        running = asyncio.create_task(script.run(await last_sequence(client, INGEST)))
        try:
            yield script
        finally:
            running.cancel()
            await asyncio.wait({running})
            if not running.cancelled():
                running.result()
