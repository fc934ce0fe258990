"""The replication connection: libpq's streaming protocol through psycopg's `pq` layer, on asyncio.

asyncpg cannot speak it, and polling the SQL functions is slower and heavier for the SIS (decision
0001). Nothing here knows what the messages mean.
"""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from rosterline.capture.pgoutput import POSTGRES_EPOCH
from rosterline.capture.position import format_lsn, parse_lsn
from rosterline.capture.source import TEXT_FORMS

WAL_DATA = ord("w")
KEEPALIVE = ord("k")
WAL_HEAD = struct.Struct("!QQQ")
KEEPALIVE_BODY = struct.Struct("!QQB")
STATUS = struct.Struct("!cQQQQB")
FORM = sql.SQL("SET {} = {}")


class StreamEndedError(Exception):
    """The server ended the stream; connect again."""


@dataclass(frozen=True, slots=True)
class WalData:
    """One message of the output plugin."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Keepalive:
    """The server's WAL position, and whether it wants an answer at once."""

    wal_end: int
    reply: bool


@dataclass(frozen=True, slots=True)
class CreatedSlot:
    """A new slot: where its stream begins, and the snapshot of exactly that moment."""

    consistent_point: int
    snapshot: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a database's history from any other, and how far its WAL is written."""

    system: str
    wal_end: int


class ReplicationConnection:
    """A connection in replication mode.

    Its socket is watched through a descriptor of our own: libpq may close the socket at any call,
    and a loop that still watches a closed descriptor is deaf on the next connection that gets its
    number.
    """

    def __init__(self, connection: psycopg.AsyncConnection[tuple[str, ...]]) -> None:
        self.connection = connection
        self.descriptor = os.dup(connection.pgconn.socket)
        self.sending = asyncio.Lock()

    def close(self) -> None:
        """End the connection, without the end of the copy: the slot keeps what is unconfirmed."""
        self.connection.pgconn.finish()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.descriptor)
        loop.remove_writer(self.descriptor)
        os.close(self.descriptor)

    async def identify(self) -> Identity:
        """Cluster, timeline and database: WAL positions mean something only within one timeline."""
        cursor = await self.connection.execute("IDENTIFY_SYSTEM")
        row = await cursor.fetchone()
        if row is None:
            raise StreamEndedError("the server did not identify itself")
        system, timeline, wal_end, database = row
        return Identity(f"{system}/{timeline}/{database}", parse_lsn(wal_end))

    async def create_slot(self, slot: str, *, temporary: bool = False) -> CreatedSlot:
        """Make a logical slot; its snapshot lives until the next command on this connection."""
        kind = sql.SQL("TEMPORARY LOGICAL" if temporary else "LOGICAL")
        cursor = await self.connection.execute(
            sql.SQL("CREATE_REPLICATION_SLOT {} {} pgoutput (SNAPSHOT 'export')").format(
                sql.Identifier(slot), kind
            )
        )
        row = await cursor.fetchone()
        if row is None:
            raise StreamEndedError("the server did not describe the new slot")
        return CreatedSlot(parse_lsn(row[1]), row[2])

    async def start(self, slot: str, publication: str, position: int) -> None:
        """Begin streaming after `position`."""
        await self.connection.execute(
            sql.SQL(
                "START_REPLICATION SLOT {} LOGICAL {} "
                "(proto_version '1', publication_names {}, messages 'true')"
            ).format(
                sql.Identifier(slot),
                sql.SQL(format_lsn(position)),
                sql.Literal(publication),
            )
        )

    async def messages(self) -> AsyncIterator[WalData | Keepalive]:
        """What the server sends, until it ends the stream.

        Raises StreamEndedError, or psycopg.OperationalError when the connection breaks.
        """
        pgconn = self.connection.pgconn
        while True:
            size, data = pgconn.get_copy_data(1)
            if size > 0:
                yield parse_copy_data(bytes(data))
            elif size == 0:
                await readable(self.descriptor)
                pgconn.consume_input()
            else:
                raise StreamEndedError("the server ended the replication stream")

    async def confirm(self, position: int) -> None:
        """Tell the server that everything before `position` is durable elsewhere."""
        now = int((datetime.now(UTC) - POSTGRES_EPOCH).total_seconds() * 1_000_000)
        status = STATUS.pack(b"r", position, position, position, now, 0)
        async with self.sending:
            self.connection.pgconn.put_copy_data(status)
            while self.connection.pgconn.flush():
                await writable(self.descriptor)


def parse_copy_data(data: bytes) -> WalData | Keepalive:
    """One CopyData message of the replication protocol."""
    if data[0] == WAL_DATA:
        return WalData(data[1 + WAL_HEAD.size :])
    if data[0] == KEEPALIVE:
        wal_end, _, reply = KEEPALIVE_BODY.unpack_from(data, 1)
        return Keepalive(wal_end, bool(reply))
    raise StreamEndedError(f"an unknown replication message {data[:1]!r}")


async def readable(descriptor: int) -> None:
    """Wait until the socket has something to read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


async def writable(descriptor: int) -> None:
    """Wait until the socket takes more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)


@asynccontextmanager
async def open_replication(dsn: str, name: str) -> AsyncIterator[ReplicationConnection]:
    """A replication connection for the length of the block."""
    connection = await psycopg.AsyncConnection.connect(
        dsn,
        autocommit=True,
        replication="database",
        application_name=f"rosterline {name}",
        client_encoding="utf8",
        connect_timeout=10,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
    )
    replication = ReplicationConnection(connection)
    try:
        # pgoutput writes its texts as the session's settings say.
        forms = [FORM.format(sql.Identifier(n), sql.Literal(v)) for n, v in TEXT_FORMS.items()]
        await connection.execute(sql.SQL("; ").join(forms))
        yield replication
    finally:
        replication.close()
