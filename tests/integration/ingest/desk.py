"""The surroundings of a running ingest: a roster, a connection that sends, and what comes of it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from rosterline.api.access import connections
from rosterline.bus.topology import INGEST, INGEST_CONSUMER, ensure_streams, verdict_stream
from rosterline.config.settings import Settings
from rosterline.events.commands import COMMAND_HEADER, NUMBER_HEADER, Verdict
from rosterline.events.subjects import answer_subject, batch_subject, command_subject
from rosterline.launch.embedded import EmbeddedNats
from tests.support.api import ReadModel, user
from tests.support.running import settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, read_all

APP = "vendor"
SCOPES = ("assessment.createput", "assessment.delete", "gradebook.createput", "gradebook.delete")
STUDENT = "student-1"
DOCUMENTS = """
SELECT collection, sourced_id, body, is_deleted, revision FROM records.document
ORDER BY collection, sourced_id
"""
ROW = "SELECT * FROM rosterline.command WHERE app = $1 AND command_id = $2"


def guid(number: int) -> str:
    """A version 4 UUID that is the same in every run."""
    return str(uuid.UUID(int=number, version=4))


def line_item(number: int, parent: int | None = None, **members: Any) -> dict[str, Any]:
    """The body of a put of an assessment line item."""
    named = {} if parent is None else {"parentAssessmentLineItem": {"sourcedId": guid(parent)}}
    body = {"sourcedId": guid(number), "title": f"Part {number}", **named, **members}
    return {"assessmentLineItem": body}


def result(
    number: int, of: int, *, student: str = STUDENT, score: float = 1, **members: Any
) -> dict[str, Any]:
    """The body of a put of an assessment result."""
    body = {
        "sourcedId": guid(number),
        "assessmentLineItem": {"sourcedId": guid(of)},
        "student": {"sourcedId": student},
        "scoreDate": "2026-10-01",
        "score": score,
        **members,
    }
    return {"assessmentResult": body}


@dataclass(slots=True)
class Desk:
    """What a test of ingest works at."""

    settings: Settings
    client: Client
    connection: asyncpg.Connection
    roster: ReadModel
    sent: int = 0
    answers: list[Verdict] = field(default_factory=list)

    async def send(
        self,
        collection: str,
        operation: str,
        body: Any,
        *,
        command: str | None = "",
        app: str = APP,
        **headers: str,
    ) -> str:
        """Publish a command; its id. `headers` are those without their beginning."""
        subject = command_subject(self.settings.district, app, collection, operation)
        return await self.publish(subject, orjson.dumps(body), command, headers)

    async def put(self, body: dict[str, Any], **options: Any) -> str:
        """Publish a put."""
        (single,) = body
        return await self.send(f"{single}s", "put", body, **options)

    async def batch(self, *lines: Any, command: str | None = "", **headers: str) -> str:
        """Publish a batch."""
        data = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
        subject = batch_subject(self.settings.district, APP)
        return await self.publish(subject, data, command, headers)

    async def publish(
        self, subject: str, data: bytes, command: str | None, headers: Mapping[str, str]
    ) -> str:
        """Put a message into the stream."""
        self.sent += 1
        command = f"command-{self.sent}" if command == "" else command
        known = {f"Rosterline-{name.title()}": value for name, value in headers.items()}
        known |= {} if command is None else {COMMAND_HEADER: command}
        await self.client.jetstream().publish(subject, data, headers=known, stream=INGEST)
        return command or ""

    async def row(self, command: str, app: str = APP) -> dict[str, Any] | None:
        """A command's row."""
        row = await self.connection.fetchrow(ROW, app, command)
        return None if row is None else dict(row) | {"rejections": orjson.loads(row["rejections"])}

    async def decided(self, command: str, app: str = APP) -> dict[str, Any]:
        """A command's row, once it has its verdict."""

        async def found() -> dict[str, Any] | None:
            row = await self.row(command, app)
            return row if row is not None and row["decided_at"] is not None else None

        return dict(await until(found))

    async def in_state(self, command: str, state: str, app: str = APP) -> dict[str, Any]:
        """A command's row, once it stands so."""

        async def found() -> dict[str, Any] | None:
            row = await self.row(command, app)
            return row if row is not None and row["state"] == state else None

        return dict(await until(found))

    async def documents(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The bodies of the live documents."""
        rows = await self.connection.fetch(DOCUMENTS)
        return {
            (row["collection"], row["sourced_id"]): orjson.loads(row["body"])
            for row in rows
            if not row["is_deleted"]
        }

    async def stored(self) -> set[str]:
        """The ids of the live documents."""
        return {sourced_id for _, sourced_id in await self.documents()}

    async def told(self, app: str = APP) -> list[tuple[int, Verdict]]:
        """What a connection's stream holds."""
        found = await read_all(self.client, verdict_stream(app))
        return [
            (int(headers[NUMBER_HEADER]), Verdict.model_validate_json(data))
            for _, headers, data in found
        ]

    async def told_or_nothing(self) -> list[tuple[int, Verdict]]:
        """The same, where there may be no stream yet."""
        try:
            return await self.told()
        except NotFoundError:
            return []

    async def is_empty(self) -> bool:
        """Whether everything is acknowledged."""
        try:
            info = await self.client.jetstream().consumer_info(INGEST, INGEST_CONSUMER)
        except NotFoundError:
            return False
        return not info.num_pending and not info.num_ack_pending

    async def value(self, query: str, *arguments: Any) -> Any:
        """One value of the database."""
        return await self.connection.fetchval(query, *arguments)

    @asynccontextmanager
    async def listening(self, token: str) -> AsyncIterator["asyncio.Queue[Verdict]"]:
        """The answers that come to a token."""
        answers: asyncio.Queue[Verdict] = asyncio.Queue()

        async def arrive(message: Msg) -> None:
            answers.put_nowait(Verdict.model_validate_json(message.data))

        subscription = await self.client.subscribe(answer_subject(token), cb=arrive)
        await self.client.flush()
        yield answers
        await subscription.unsubscribe()


@asynccontextmanager
async def open_desk(
    databases: Databases, nats: EmbeddedNats, **changes: Any
) -> AsyncIterator[Desk]:
    """A desk with a student, and a connection that may write everything."""
    settings = settings_for(databases, nats, **changes)
    connection = await asyncpg.connect(databases.dsn)
    async with client_of(nats.url) as client:
        await ensure_streams(client.jetstream(), [INGEST])
        await connections.add(connection, APP, scopes=list(SCOPES))
        roster = ReadModel(connection)
        await roster.write(user(STUDENT))
        yield Desk(settings, client, connection, roster)
    await connection.close()
