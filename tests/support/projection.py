"""The projector without NATS: what capture would publish of a SIS, fed to a `Projection` by hand.

Changes come through a real replication slot, decoder and assembler; events are read back from the
WAL of the Rosterline database, so they are those that were committed, in their order.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import asyncpg

from rosterline.capture.parts import Assembler, Outgoing, Published
from rosterline.capture.parts import Limits as PartLimits
from rosterline.capture.pgoutput import Decoder, LogicalMessage
from rosterline.capture.position import Position, format_lsn
from rosterline.capture.replication import (
    Keepalive,
    ReplicationConnection,
    WalData,
    open_replication,
)
from rosterline.capture.snapshot import read_table
from rosterline.capture.source import fetch_primary_keys, fetch_shape
from rosterline.db.tables import records, sis
from rosterline.events.change import OUTBOX_PREFIX, parse_outbox
from rosterline.events.source import SOURCE_MESSAGE, SnapshotBegin, SnapshotEnd
from rosterline.oneroster.v1p2 import with_base
from rosterline.oneroster.vocabulary import ALL_COLLECTIONS
from rosterline.projector.apply import apply
from rosterline.projector.batch import Batch, Limits, Received, SourceMessage, units
from rosterline.projector.build import build
from rosterline.projector.draft import Draft
from rosterline.projector.facts import Context, Switches
from rosterline.projector.gather import gather_reference
from rosterline.projector.load import portions
from rosterline.projector.projection import Projection
from rosterline.projector.store import TABLE, Cursor, fetch_clock, fetch_cursor, save_cursor
from rosterline.projector.streams import RECORDS, SIS, Followed, SourceStream
from rosterline.projector.write import Writer
from tests.support.running import until
from tests.support.servers import RECORDS_PUBLICATION, SIS_PUBLICATION, Databases

BASE_URL = "http://rosterline.test"
DISTRICT = "district"
TODAY = date(2025, 10, 15)
LIMITS = Limits(200, 2000)
# What is committed after its stamp is told anew: not on any machine, unless a test wants it.
LEAD_SECONDS = 30.0
MARK = "tests"
POKE_SECONDS = 0.02
RecordKey = tuple[str, str, str]


@dataclass(frozen=True)
class Event:
    """An event of the outbox, as it was committed."""

    subject: str
    headers: dict[str, str]
    data: str

    @property
    def operation(self) -> str:
        """created, updated or deleted."""
        return self.subject.rpartition(".")[2]

    @property
    def version(self) -> str:
        """The version of OneRoster."""
        return self.subject.split(".")[2]

    @property
    def entity(self) -> str:
        """The collection, as in the REST path."""
        return self.subject.split(".")[3]

    @property
    def key(self) -> RecordKey:
        """The record that changed."""
        return self.version, self.entity, self.headers["ce-subject"]

    @property
    def sequence(self) -> int:
        """Its number in the district's one order."""
        return int(self.headers["ce-sequence"])

    @property
    def unstamped(self) -> tuple[str, RecordKey, str]:
        """What must be the same in every run: all but the stamp."""
        return self.operation, self.key, self.data.replace(self.headers["ce-time"], "", 1)


class Wal:
    """One database's committed changes, read when asked for."""

    def __init__(
        self,
        admin: asyncpg.Connection,
        messages: AsyncIterator[WalData | Keepalive],
        decoder: Decoder,
    ) -> None:
        self.admin = admin
        self.messages = messages
        self.decoder = decoder

    async def drain(self) -> list[Any]:
        """What was decoded since the last time, up to now."""
        mark = uuid.uuid4().hex
        await self.admin.execute(f"SELECT pg_logical_emit_message(true, '{MARK}', '{mark}')")
        found: list[Any] = []
        while True:
            message = await anext(self.messages)
            if isinstance(message, Keepalive):
                continue
            for decoded in self.decoder.decode(message.data):
                if isinstance(decoded, LogicalMessage) and decoded.prefix == MARK:
                    if decoded.content == mark.encode():
                        return found
                    continue
                found.append(decoded)


async def poke(replication: ReplicationConnection, stop: asyncio.Event) -> None:
    """Wake the server's sender now and then: it can miss that WAL was flushed, for ten seconds."""
    while not stop.is_set():
        await replication.confirm(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(POKE_SECONDS):
                await stop.wait()


async def is_gone(admin: asyncpg.Connection, slot: str) -> bool:
    """Whether a temporary slot went with its connection."""
    query = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1"
    return bool(await admin.fetchval(query, slot) == 0)


@asynccontextmanager
async def open_wal(dsn: str, schema: str, publication: str) -> AsyncIterator[Wal]:
    """A database's changes from now on."""
    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(dsn)
        stack.push_async_callback(admin.close)
        slot = f"tap_{uuid.uuid4().hex[:12]}"
        stack.push_async_callback(until, lambda: is_gone(admin, slot))
        replication = await stack.enter_async_context(open_replication(dsn, "tap"))
        made = await replication.create_slot(slot, temporary=True)
        decoder = Decoder(await fetch_primary_keys(admin, schema))
        await replication.start(slot, publication, made.consistent_point)
        stop = asyncio.Event()
        poking = asyncio.create_task(poke(replication, stop))
        try:
            yield Wal(admin, replication.messages(), decoder)
        finally:
            stop.set()
            await asyncio.gather(poking, return_exceptions=True)


class Source:
    """What capture would put into a stream behind message `after`; `history` is all of it."""

    def __init__(
        self, wal: Wal, parts: PartLimits, after: int = 0, stream: SourceStream = SIS
    ) -> None:
        self.wal = wal
        self.stream = stream
        self.sequence = after
        self.history: list[Received] = []
        self.assembler = Assembler(
            Published(Position(0), None), parts, "a.subject", dict, 1, outbox=False
        )

    def add(self, message: SourceMessage) -> Received:
        """Put a message behind the others."""
        self.sequence += 1
        received = Received(self.sequence, message)
        self.history.append(received)
        return received

    async def drain(self) -> list[Received]:
        """The transactions committed since the last time."""
        return self.feed(await self.wal.drain())

    def feed(self, changes: Iterable[Any]) -> list[Received]:
        """The transactions among what was decoded."""
        return [
            self.add(SOURCE_MESSAGE.validate_json(item.data))
            for decoded in changes
            for item in self.assembler.feed(decoded)
            if isinstance(item, Outgoing)
        ]

    async def snapshot(
        self,
        tables: tuple[str, ...] | None = None,
        rows: int = 500,
        meanwhile: Callable[[], Awaitable[Any]] | None = None,
    ) -> list[Received]:
        """A snapshot of the tables; `meanwhile` is called between its messages and may write."""
        admin, schema = self.wal.admin, self.stream.source
        tables = tables or {"sis": sis.TABLES, "records": records.TABLES}[schema]
        found = await self.drain()
        keys = await fetch_primary_keys(admin, schema)
        head = (1, format_lsn(self.assembler.last_rows.lsn))
        begin = SnapshotBegin(epoch=1, position=head[1], tables=tables, reason="a test asked")
        found.append(self.add(begin))
        for table in tables:
            shape = await fetch_shape(admin, schema, table, keys[table])
            limits = PartLimits(rows, 400_000)
            async for body in read_table(admin, shape, None, limits, head):
                found.append(self.add(SOURCE_MESSAGE.validate_json(body.model_dump_json())))
                if meanwhile is not None:
                    await meanwhile()
        found += await self.drain()
        found.append(self.add(SnapshotEnd(epoch=1, position=head[1])))
        return found


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@dataclass
class Store:
    """A Rosterline database with its projector, and the events that came of what was applied."""

    dsn: str
    outbox: Wal
    connection: asyncpg.Connection
    projection: Projection
    options: dict[str, Any]
    records: Source
    events: list[Event] = field(default_factory=list)
    written: list[Received] = field(default_factory=list)

    @property
    def reader(self) -> asyncpg.Connection:
        """A connection that is not the projector's."""
        return self.outbox.admin

    async def apply(self, messages: Iterable[Received], limits: Limits = LIMITS) -> list[Event]:
        """Apply messages of stream SIS; the events of it."""
        before = len(self.events)
        for unit in units(messages, limits):
            await self.apply_unit(unit)
        return self.events[before:]

    async def apply_unit(self, unit: Batch | Received) -> None:
        """Apply one unit of work of stream SIS."""
        await apply(self.projection, self.projection.sis, unit)
        await self.collect()

    async def apply_records(
        self, messages: Iterable[Received], limits: Limits = LIMITS
    ) -> list[Event]:
        """Apply messages of stream RECORDS; the events of it."""
        before = len(self.events)
        for unit in units(messages, limits):
            await apply(self.projection, self.projection.records, unit)
            await self.collect()
        return self.events[before:]

    async def collect(self) -> None:
        """Read the events that were committed meanwhile, and what was written to `records`."""
        changes = await self.outbox.drain()
        self.written += self.records.feed(changes)
        for item in changes:
            if isinstance(item, LogicalMessage):
                assert item.prefix == OUTBOX_PREFIX
                subject, headers, data = parse_outbox(item.content)
                self.events.append(Event(subject, headers, data.decode()))

    async def restart(self) -> None:
        """Another projector process on the same database, once the old one's session has ended."""
        pid = self.connection.get_server_pid()
        self.connection.terminate()
        await until(lambda: self.has_ended(pid))
        self.connection = await asyncpg.connect(self.dsn)
        self.projection = await make_projection(self.connection, **self.options)
        await self.collect()

    async def has_ended(self, pid: int) -> bool:
        """Whether a session is no more."""
        count = await self.reader.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid
        )
        return bool(count == 0)

    async def stored(self, *, only_active: bool = False) -> dict[RecordKey, str]:
        """The read model: documents as a GET returns them."""
        found: dict[RecordKey, str] = {}
        where = " WHERE status = 'active'" if only_active else ""
        for collection in ALL_COLLECTIONS:
            version, entity = collection
            query = f"SELECT sourced_id, document FROM {TABLE[collection]}{where}"
            for sourced_id, document in await self.reader.fetch(query):
                body = with_base(document, BASE_URL)
                found[version.value, entity.value, sourced_id] = f'{{"{entity.single}":{body}}}'
        return found


@dataclass
class Chain:
    """A SIS, its changes, and the projection of them."""

    sis: asyncpg.Connection
    source: Source
    store: Store

    async def load(self) -> list[Event]:
        """Bring the whole SIS into the read model."""
        return await self.store.apply(await self.source.snapshot())

    async def sync_records(self, limits: Limits = LIMITS) -> list[Event]:
        """Apply what was written to `records` since the last time; the events of it."""
        await self.store.collect()
        written, self.store.written = self.store.written, []
        return await self.store.apply_records(written, limits)

    async def sync(self, limits: Limits = LIMITS) -> list[Event]:
        """Apply what was committed since the last time; the events of it."""
        return await self.store.apply(await self.source.drain(), limits)


async def follow(
    connection: asyncpg.Connection, stream: SourceStream, beginning: Cursor
) -> Followed:
    """A stream from where the database says that it is applied, or else from its beginning."""
    cursor = await fetch_cursor(connection, stream.name)
    if cursor is None or cursor.created != beginning.created:
        cursor = beginning
        await save_cursor(connection, stream.name, cursor)
    return Followed(stream, cursor)


async def make_projection(
    connection: asyncpg.Connection,
    stream: str = "one",
    *,
    now: Callable[[], datetime] = utc_now,
    today: date = TODAY,
    run_size: int = 5000,
    load_people: int = 2000,
    lead_seconds: float = LEAD_SECONDS,
) -> Projection:
    """A projection as the service makes it, of what the database says.

    Stream RECORDS is followed as if its snapshot, of nothing, had been applied.
    """
    sis, records = [
        await follow(connection, each, Cursor(stream, 0, "0/0", loading=each is SIS))
        for each in (SIS, RECORDS)
    ]
    return Projection(
        connection=connection,
        sis=sis,
        records=records,
        writer=Writer(DISTRICT, BASE_URL, lead_seconds, now),
        switches=Switches(),
        today=lambda: today,
        run_size=run_size,
        load_people=load_people,
        clock=await fetch_clock(connection),
        reference=await gather_reference(connection),
    )


async def fresh_load(connection: asyncpg.Connection, today: date) -> dict[RecordKey, Draft]:
    """What a first load of the mirror as it is now would store."""
    context = Context(await gather_reference(connection), today)
    found: dict[RecordKey, Draft] = {}
    async for touched in portions(connection, 2000):
        async for wanted in build(connection, context, touched, 5000):
            for sourced_id, (draft, _) in wanted.records.items():
                if draft is not None:
                    version, entity = wanted.collection
                    found[version.value, entity.value, sourced_id] = draft
    return found


@asynccontextmanager
async def open_store(dsn: str, *, part_rows: int = 1000, **options: Any) -> AsyncIterator[Store]:
    """A Rosterline database with a projector; `options` are those of `make_projection`."""
    async with open_wal(dsn, "records", RECORDS_PUBLICATION) as outbox:
        connection = await asyncpg.connect(dsn)
        projection = await make_projection(connection, **options)
        parts = PartLimits(part_rows, 400_000)
        source = Source(outbox, parts, projection.records.cursor.sequence, RECORDS)
        store = Store(dsn, outbox, connection, projection, options, source)
        try:
            yield store
        finally:
            store.connection.terminate()


@asynccontextmanager
async def open_chain(
    databases: Databases, *, part_rows: int = 1000, **options: Any
) -> AsyncIterator[Chain]:
    """A chain over fresh databases, with nothing applied yet."""
    async with AsyncExitStack() as stack:
        wal = await stack.enter_async_context(open_wal(databases.sis_dsn, "sis", SIS_PUBLICATION))
        store = await stack.enter_async_context(
            open_store(databases.dsn, part_rows=part_rows, **options)
        )
        sis_connection = await asyncpg.connect(databases.sis_dsn)
        stack.push_async_callback(sis_connection.close)
        after = store.projection.sis.cursor.sequence
        yield Chain(sis_connection, Source(wal, PartLimits(part_rows, 400_000), after), store)
