"""One life of a capture: where the streams end, what to do about it, and then the stream.

Everything is read anew at the start, so that whatever broke the life before has no memory here.
"""

import asyncio
from dataclasses import dataclass, replace

import asyncpg
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rosterline.bus.relay import Relay, StreamEnd, read_end
from rosterline.bus.topology import POSITIONS, ensure_streams
from rosterline.capture.parts import (
    KIND_HEADER,
    POSITION_HEADER,
    TABLES_HEADER,
    Assembler,
    Destination,
    Limits,
    Outgoing,
    Published,
)
from rosterline.capture.pgoutput import Decoder
from rosterline.capture.plan import Begin, Mark, RowsEnd, SlotState, make_plan
from rosterline.capture.position import Position, format_lsn
from rosterline.capture.replication import ReplicationConnection, open_replication
from rosterline.capture.snapshot import SnapshotPlace, read_table, remaining
from rosterline.capture.source import (
    drop_slot,
    estimate_rows,
    fetch_primary_keys,
    fetch_shape,
    fetch_slot,
    prepare_reading,
)
from rosterline.capture.stream import Progress, Streamer, keep_mark
from rosterline.config.settings import Settings
from rosterline.events.source import Gap, SnapshotBegin, SnapshotEnd, SnapshotRows
from rosterline.events.subjects import gap_subject, position_subject, source_subject
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

Body = SnapshotBegin | SnapshotRows | SnapshotEnd | Gap
Keys = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Source:
    """A database to capture: where, which tables, and into which streams."""

    name: str
    dsn: str
    schema: str
    tables: tuple[str, ...]
    slot: str
    rows_stream: str
    outbox_stream: str | None


@dataclass(frozen=True, slots=True)
class Owed:
    """Rows still to be sent: of which tables, behind which place; what messages say of them."""

    epoch: int
    position: Position
    tables: tuple[str, ...]
    place: SnapshotPlace | None = None


class Capture:
    """One connection's life."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        database: asyncpg.Connection,
        client: Client,
        replication: ReplicationConnection,
    ) -> None:
        self.source = source
        self.settings = settings
        self.database = database
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream()
        self.replication = replication
        self.limits = Limits(settings.part_rows, settings.part_bytes)
        self.relays: dict[Destination, Relay] = {}
        self.mark_subject = position_subject(settings.district, source.slot)

    async def run(self, stop: asyncio.Event, asked: set[str]) -> None:
        """Find out where we are, send what a snapshot owes, then stream until `stop`.

        `asked` are tables to be read anew; it is emptied when the stream knows of them.
        """
        rows, outbox = await self.read_ends()
        mark = await self.read_mark()
        now = await self.mark_of_now(rows, outbox)
        slot = await fetch_slot(self.database, self.source.slot)
        plan = make_plan(slot, RowsEnd.from_headers(rows.headers), mark, now)
        log.info("capture.plan", source=self.source.name, plan=repr(plan))
        keys = await fetch_primary_keys(self.database, self.source.schema)
        if isinstance(plan, Begin):
            progress, mark = await self.begin(plan, slot, now, keys)
            published = Published(Position(mark.lsn), None)
            asked.clear()
        else:
            place = SnapshotPlace.from_message(rows.data) if plan.tables else None
            owed = Owed(plan.epoch, plan.position, plan.tables, place)
            progress, mark = await self.resume(owed, plan.pending, asked, keys), plan.mark
            published = Published(plan.position, position_of(outbox))
        await self.stream(stop, progress, published, mark, keys)

    async def read_ends(self) -> tuple[StreamEnd, StreamEnd | None]:
        """Where the streams end; from there on we are their only writer, or fail."""
        names = [self.source.rows_stream, POSITIONS]
        if self.source.outbox_stream:
            names.append(self.source.outbox_stream)
        await ensure_streams(self.jetstream, names)
        rows = await read_end(self.jetstream, self.source.rows_stream)
        self.relays = {"rows": Relay(self.client, self.jetstream, rows.sequence)}
        if not self.source.outbox_stream:
            return rows, None
        outbox = await read_end(self.jetstream, self.source.outbox_stream)
        self.relays["outbox"] = Relay(self.client, self.jetstream, outbox.sequence)
        return rows, outbox

    async def read_mark(self) -> Mark | None:
        """How far the slot was confirmed, as we wrote it down."""
        try:
            message = await self.jetstream.get_last_msg(POSITIONS, self.mark_subject)
        except NotFoundError:
            return None
        return Mark.from_json(message.data or b"{}")

    async def mark_of_now(self, rows: StreamEnd, outbox: StreamEnd | None) -> Mark:
        """The database and streams that we are connected to."""
        ends = [end for end in (rows, outbox) if end]
        database = await self.replication.identify()
        return Mark(
            database.system,
            tuple(end.identity for end in ends),
            tuple(end.sequence for end in ends),
            database.wal_end,
        )

    async def begin(
        self, plan: Begin, held: SlotState | None, now: Mark, keys: Keys
    ) -> tuple[Progress, Mark]:
        """Make the slot, tell of a gap if there may be one, and send the whole snapshot.

        That a slot is being made is stored before it is there, and the gap is told when it is
        there: so a kill in between neither gives up a slot that others rely on, nor hides the gap.
        """
        created = None
        if not plan.keep_slot or held is None:
            await drop_slot(self.database, self.source.slot)
            await self.store_mark(replace(now, creating=True, gap=plan.gap))
            created = await self.replication.create_slot(self.source.slot)
            failpoints.reach(failpoints.CAPTURE_AFTER_SLOT)
        if plan.gap:
            await self.send_gap(plan)
        position = Position(created.consistent_point if created else held.confirmed if held else 0)
        tables, reason = self.source.tables, plan.gap or "first start"
        await self.send_rows(await self.snapshot_begin(plan.epoch, position, tables, reason))
        mark = replace(now, lsn=position.lsn)
        await self.store_mark(mark)
        owed = Owed(plan.epoch, position, tables)
        if created is None:
            return Progress(plan.epoch, await self.send_later(owed, keys)), mark
        await self.send_tables(created.snapshot, owed, keys)
        body = SnapshotEnd(epoch=plan.epoch, position=format_lsn(position.lsn))
        await self.send_rows(self.message(Progress(plan.epoch), position, body))
        failpoints.reach(failpoints.CAPTURE_AFTER_SNAPSHOT)
        return Progress(plan.epoch), mark

    async def store_mark(self, mark: Mark) -> None:
        """Write down how far the slot goes, or that it is being made."""
        await keep_mark(self.jetstream, self.mark_subject, mark)

    async def resume(
        self, owed: Owed, pending: int | None, asked: set[str], keys: Keys
    ) -> Progress:
        """Send what a snapshot owes, and the tables that are asked for."""
        if asked:
            tables = tuple(name for name in self.source.tables if name in {*owed.tables, *asked})
            owed = Owed(owed.epoch, owed.position, tables)
            await self.send_rows(await self.snapshot_begin(owed.epoch, owed.position, tables))
            asked.clear()
        if owed.tables:
            pending = await self.send_later(owed, keys)
        return Progress(owed.epoch, pending)

    async def send_later(self, owed: Owed, keys: Keys) -> int:
        """Send what a snapshot owes out of a later moment, and answer which moment."""
        name = f"capture {self.source.name} snapshot"
        async with open_replication(self.source.dsn, name) as second:
            slot = await second.create_slot(f"{self.source.slot}_snapshot", temporary=True)
            await self.send_tables(slot.snapshot, owed, keys)
        failpoints.reach(failpoints.CAPTURE_AFTER_SNAPSHOT)
        return slot.consistent_point

    async def send_tables(self, snapshot: str, owed: Owed, keys: Keys) -> None:
        """Send the rows of the tables, as the snapshot shows them."""
        limits = Limits(self.settings.snapshot_rows, self.settings.part_bytes)
        progress = Progress(owed.epoch, pending=0)
        headers = {TABLES_HEADER: ",".join(owed.tables)}
        header = (owed.epoch, format_lsn(owed.position.lsn))
        async with self.database.transaction(isolation="repeatable_read", readonly=True):
            await prepare_reading(self.database, snapshot)
            for table, after in remaining(owed.tables, owed.place):
                shape = await fetch_shape(self.database, self.source.schema, table, keys[table])
                async for body in read_table(self.database, shape, after, limits, header):
                    await self.send_rows(self.message(progress, owed.position, body, headers))
                    failpoints.reach(failpoints.CAPTURE_DURING_SNAPSHOT)
                log.info("snapshot.table", source=self.source.name, table=table)

    async def snapshot_begin(
        self, epoch: int, position: Position, tables: tuple[str, ...], reason: str = "asked for"
    ) -> Outgoing:
        """The message that begins a snapshot."""
        body = SnapshotBegin(
            epoch=epoch,
            position=format_lsn(position.lsn),
            tables=tables,
            reason=reason,
            rows=await estimate_rows(self.database, self.source.schema, tables),
        )
        headers = {TABLES_HEADER: ",".join(tables)}
        return self.message(Progress(epoch, pending=0), position, body, headers)

    async def send_gap(self, plan: Begin) -> None:
        """Tell the streams' readers that changes may be missing up to here."""
        log.error("capture.gap", source=self.source.name, reason=plan.gap)
        origin = Position(0)
        body = Gap(epoch=plan.epoch, position=format_lsn(0), reason=plan.gap or "")
        message = self.message(Progress(plan.epoch), origin, body)
        if "outbox" in self.relays:
            subject = gap_subject(self.settings.district)
            event = Outgoing("outbox", subject, message.headers, message.data)
            await self.relays["outbox"].publish([event])
        await self.send_rows(message)

    def message(
        self,
        progress: Progress,
        position: Position,
        body: Body,
        headers: dict[str, str] | None = None,
    ) -> Outgoing:
        """A message of the rows' stream."""
        return Outgoing(
            "rows",
            source_subject(self.source.name, self.settings.district, body.kind),
            progress.headers()
            | {KIND_HEADER: body.kind, POSITION_HEADER: str(position)}
            | (headers or {}),
            body.model_dump_json().encode(),
        )

    async def send_rows(self, message: Outgoing) -> None:
        """Publish one message of the rows' stream."""
        await self.relays["rows"].publish([message])

    async def stream(
        self,
        stop: asyncio.Event,
        progress: Progress,
        published: Published,
        mark: Mark,
        keys: Keys,
    ) -> None:
        """Stream from where the slot was confirmed."""
        district, name = self.settings.district, self.source.name
        assembler = Assembler(
            published,
            self.limits,
            source_subject(name, district, "transaction"),
            progress.headers,
            progress.epoch,
            outbox=self.source.outbox_stream is not None,
        )
        await self.replication.start(self.source.slot, self.source.slot, mark.lsn)
        log.info("capture.streaming", source=name, position=format_lsn(mark.lsn))
        streamer = Streamer(
            replication=self.replication,
            jetstream=self.jetstream,
            relays=self.relays,
            decoder=Decoder(keys, self.source.schema),
            assembler=assembler,
            progress=progress,
            mark=mark,
            mark_subject=self.mark_subject,
            end_subject=source_subject(name, district, "snapshot_end"),
            idle_seconds=self.settings.idle_confirm_seconds,
        )
        await streamer.run(stop)


def position_of(end: StreamEnd | None) -> Position | None:
    """The position that the last event of the outbox's stream carries."""
    if end is None or not end.headers or POSITION_HEADER not in end.headers:
        return None
    return Position.parse(end.headers[POSITION_HEADER])
