"""The whole way of a write, in the test's own loop: API, ingest, capture, projector, a district.

Each service but the API can be stopped and started, so that a test sees what depends on it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from rosterline.api.dialects import APP_NAME, EDTECH_V1P2, Dialect
from rosterline.api.endpoints import NUMBERS, Endpoint, Shape
from rosterline.bus.topology import INGEST
from rosterline.capture.service import serve_records, serve_sis
from rosterline.config.settings import Settings
from rosterline.ingest.service import serve as serve_ingest
from rosterline.launch.embedded import EmbeddedNats
from rosterline.oneroster.scopes import ADMIN, KNOWN
from rosterline.oneroster.vocabulary import Entity, Version
from rosterline.projector.service import serve as serve_projector
from rosterline.sample.generate import generate
from tests.support.api import Served, serving
from tests.support.ledger import is_ready
from tests.support.projection import LEAD_SECONDS
from tests.support.running import PATIENCE_SECONDS, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import client_of, last_sequence
from tests.support.whole_district import FULL_CLASS, gradebook

Serve = Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]
SERVICES: Mapping[str, Serve] = {
    "capture sis": serve_sis,
    "capture records": serve_records,
    "projector": serve_projector,
    "ingest": serve_ingest,
}
STUDENTS = 20
# What the others refer to, in this order.
FOUNDATIONS = (
    Entity.CATEGORIES,
    Entity.SCORE_SCALES,
    Entity.LINE_ITEMS,
    Entity.ASSESSMENT_LINE_ITEMS,
)


@dataclass
class Office:
    """The services at work, a client of each version that may write everything, and a class."""

    settings: Settings
    served: Served
    nats: EmbeddedNats
    row: Mapping[str, Any]
    clients: dict[Version, httpx.AsyncClient] = field(default_factory=dict)
    running: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=dict)
    made: int = 0

    @property
    def client(self) -> httpx.AsyncClient:
        """The client of 1.2."""
        return self.clients[Version.V1P2]

    def new_id(self) -> str:
        """A version 4 UUID that nothing has."""
        self.made += 1
        return f"6f1f7f0e-0c3b-4a52-9e0a-{self.made:012x}"

    def body(self, entity: Entity, sourced_id: str, version: Version) -> dict[str, Any]:
        """A record as a writer of the version sends it."""
        documents = [one for one in gradebook(self.row) if one.entity is entity]
        body = dict(documents[-1].body) | {"sourcedId": sourced_id}
        if version is Version.V1P1 and "student" in body:
            body["student"] = {"sourcedId": self.row["older_student"]}
        if entity is Entity.ASSESSMENT_RESULTS:
            # A student has one result of a minute.
            hour, minute = divmod(self.made, 60)
            body["scoreDate"] = f"2026-10-05T{hour % 24:02}:{minute:02}:00.000Z"
        return body

    def address(self, dialect: Dialect, endpoint: Endpoint, sourced_id: str = "") -> str:
        """The address of an endpoint, to the connection of its version."""
        path = dialect.path(endpoint).replace(APP_NAME, f"writer-{dialect.version}")
        parents = {
            "class": self.row["class"],
            "school": self.row["school"],
            "academicSession": self.row["term"],
            "lineItem": "line-item-1",
        }
        for name, parent in parents.items():
            path = path.replace(f"{{{name}SourcedId}}", parent)
        return path.replace("{sourcedId}", sourced_id)

    async def send(
        self, dialect: Dialect, row: Endpoint, sourced_id: str, **headers: str
    ) -> httpx.Response:
        """The write of one record with this id, and the body that it needs."""
        record = self.body(row.entity, sourced_id, dialect.version)
        body: Any = {row.key: [record] if row.shape is Shape.COLLECTION else record}
        return await self.clients[dialect.version].request(
            row.method,
            self.address(dialect, row, sourced_id),
            json=None if row.method == "DELETE" else body,
            headers=headers,
        )

    async def last_message(self) -> tuple[str, dict[str, str]]:
        """Subject and headers of what was last sent to ingest."""
        async with client_of(self.nats.url) as nats:
            sequence = await last_sequence(nats, INGEST)
            message = await nats.jetstream().get_msg(INGEST, sequence)
            return message.subject or "", message.headers or {}

    async def count_messages(self) -> int:
        """How many messages were sent to ingest."""
        async with client_of(self.nats.url) as nats:
            return await last_sequence(nats, INGEST)

    def start(self, service: str) -> None:
        """Start a service."""
        stop = asyncio.Event()
        task = asyncio.create_task(SERVICES[service](self.settings, stop))
        self.running[service] = stop, task

    async def stop(self, service: str) -> None:
        """Stop a service; an error of its own fails the test."""
        stop, task = self.running.pop(service)
        stop.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task

    @asynccontextmanager
    async def without(self, service: str) -> AsyncIterator[None]:
        """A service is away for the length of the block."""
        await self.stop(service)
        try:
            yield
        finally:
            self.start(service)

    @contextmanager
    def answering_within(self, seconds: float) -> Iterator[None]:
        """A write that cannot be read after so many seconds is answered all the same."""
        writer = self.served.writer
        usual = writer.settings
        writer.settings = usual.model_copy(update={"write_seconds": seconds})
        try:
            yield
        finally:
            writer.settings = usual

    async def lay_foundations(self) -> None:
        """Write what other records refer to."""
        rows = {row.operation_id: row for row in EDTECH_V1P2.writes}
        for entity in FOUNDATIONS:
            for one in gradebook(self.row):
                if one.entity is entity and one.sourced_id != "line-item-2":
                    row = rows[f"put{entity.single[0].upper()}{entity.single[1:]}"]
                    path = self.address(EDTECH_V1P2, row, one.sourced_id)
                    answer = await self.client.put(path, json={row.key: one.body})
                    assert answer.status_code == 201, answer.text


@asynccontextmanager
async def open_office(
    databases: Databases, nats: EmbeddedNats, **changes: Any
) -> AsyncIterator[Office]:
    """An office in a district of a few students."""
    settings = settings_for(databases, nats, **{"stamp_lead_seconds": LEAD_SECONDS} | changes)
    await generate(databases.sis_dsn, students=STUDENTS, seed=8, progress=lambda *_: None)
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(
            serving(databases.dsn, settings=settings, ready=False)
        )
        office = Office(settings, served, nats, {})
        try:
            for service in SERVICES:
                office.start(service)
            await until(lambda: is_ready(databases.dsn))
            office.row = dict(await served.connection.fetchrow(FULL_CLASS) or {})
            for version in Version:
                number = NUMBERS[version]
                scopes = [scope for scope in KNOWN[number] if scope != ADMIN]
                name = f"writer-{version}"
                office.clients[version] = await served.connect(name, number, scopes=scopes)
            await office.lay_foundations()
            yield office
        finally:
            for client in office.clients.values():
                await client.aclose()
            for service in list(office.running):
                await office.stop(service)
