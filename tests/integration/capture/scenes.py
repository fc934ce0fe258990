"""What capture's tests share: writers of the SIS, a plain reader of the stream, and waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from rosterline.capture.position import parse_lsn
from rosterline.config.settings import Settings
from rosterline.db.pools import LOST_CONNECTION
from rosterline.events.source import (
    SOURCE_MESSAGE,
    Change,
    SnapshotBegin,
    SnapshotEnd,
    SnapshotRows,
    TransactionPart,
    Values,
)
from rosterline.launch.embedded import EmbeddedNats
from tests.support.running import PATIENCE_SECONDS, settings_for, until
from tests.support.servers import Databases
from tests.support.streams import Message, client_of, last_sequence

Key = tuple[str | None, ...]
Table = dict[Key, Values]
Serve = Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]
PEOPLE = """
INSERT INTO sis.person (person_id, person_guid, given_name, family_name)
SELECT number, gen_random_uuid(), 'Given ' || number, 'Family'
FROM generate_series($1::int, $2::int) AS number
"""
# Writers that do not pause would leave no processor for the capture that they test.
PAUSE_SECONDS = 0.01
IS_FREE = "SELECT NOT active FROM pg_replication_slots WHERE slot_name = $1"
RENAME = "UPDATE sis.person SET given_name = $2 WHERE person_id = $1"
CHANGES_OF_RANDOM_WRITERS = (
    "UPDATE sis.person SET given_name = given_name || '.' WHERE person_id % 397 = $1::int % 397",
    "UPDATE sis.person SET email = $1::int::text WHERE person_id = $1::int * 3",
    "DELETE FROM sis.person WHERE person_id = $1::int * 7",
    "UPDATE sis.person SET person_id = person_id + 1000000 WHERE person_id = $1::int * 5",
    """
    INSERT INTO sis.district (district_guid, name, lms_exclude)
    VALUES (gen_random_uuid(), $1::int::text, $1::int % 2 = 0)
    """,
    "DELETE FROM sis.district WHERE name < $1::int::text",
)


@dataclass
class Scene:
    """A SIS, a bus, and settings that lead to both."""

    databases: Databases
    nats: EmbeddedNats
    settings: Settings
    sis: asyncpg.Connection
    client: Client
    seen: list[Message] = field(default_factory=list)

    async def messages(self) -> list[Message]:
        """Everything in stream SIS, which nobody purges here."""
        async for data in self.raw(len(self.seen)):
            self.seen.append(SOURCE_MESSAGE.validate_json(data))
        return [*self.seen]

    async def raw(self, after: int) -> AsyncIterator[bytes]:
        """What is in stream SIS now behind a sequence, all of it: a slow answer is awaited."""
        last = await last_sequence(self.client, "SIS")
        if last <= after:
            return
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            inactive_threshold=60,
        )
        subscription = await self.client.jetstream().pull_subscribe("", stream="SIS", config=config)
        while after < last:
            # Few at a time: large ones would pile up in the server, which then hangs up.
            for message in await subscription.fetch(min(last - after, 50), timeout=5):
                after += 1
                yield message.data
        await subscription.unsubscribe()

    async def people(self, first: int, last: int) -> None:
        """Add people with these numbers."""
        await self.sis.execute(PEOPLE, first, last)

    async def rename(self, person_id: int, name: str) -> None:
        """Change one person."""
        await self.sis.execute(RENAME, person_id, name)

    async def snapshots_ended(self, count: int = 1) -> None:
        """Wait until so many snapshots are whole."""

        async def enough() -> bool:
            if await self.length() is None:
                return False
            ends = [m for m in await self.messages() if isinstance(m, SnapshotEnd)]
            return len(ends) >= count

        await until(enough)

    async def length(self) -> int | None:
        """How many messages the stream holds, if NATS answers."""
        try:
            return (await self.jetstream().stream_info("SIS")).state.last_seq
        except NotFoundError:
            return 0
        except (NatsError, TimeoutError):
            return None

    def jetstream(self) -> JetStreamContext:
        """JetStream, of which an answer is not awaited long: it may be down."""
        return self.client.jetstream(timeout=0.5)

    async def grown_by(self, count: int) -> None:
        """Wait until the stream holds so many messages more."""
        before = 0

        async def counted() -> bool:
            nonlocal before
            length = await self.length()
            before = length or 0
            return length is not None

        await until(counted)

        async def enough() -> bool:
            return (await self.length() or 0) >= before + count

        await until(enough)

    async def said(
        self, word: str, stream: str = "SIS", *, seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait until the stream's last message holds the word."""
        jetstream = self.jetstream()

        async def heard() -> bool:
            try:
                last = (await jetstream.stream_info(stream)).state.last_seq
                message = await jetstream.get_msg(stream, last) if last else None
            except (NatsError, TimeoutError):
                return False
            return message is not None and word.encode() in (message.data or b"")

        await until(heard, seconds=seconds)

    async def settled(self, word: str = "the very last") -> list[Message]:
        """Commit one more change, wait until it has arrived, and give all of the stream."""
        await self.arrived(word)
        return await self.messages()

    async def arrived(
        self, word: str = "the very last", *, seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Commit one more change, and wait until the stream has it."""
        await self.sis.execute(
            "INSERT INTO sis.district (district_guid, name, lms_exclude) "
            "VALUES (gen_random_uuid(), $1, false)",
            word,
        )
        await self.said(word, seconds=seconds)

    async def table(self, name: str, *key: str) -> Table:
        """A table of the SIS as texts by key."""
        columns = await self.sis.fetch(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'sis' AND table_name = $1",
            name,
        )
        shown = "CASE WHEN {0} IS NOT NULL THEN format('%s', {0}) END AS {0}"
        listed = ", ".join(shown.format(f'"{row[0]}"') for row in columns)
        rows = await self.sis.fetch(f"SELECT {listed} FROM sis.{name}")
        return {tuple(row[column] for column in key): dict(row) for row in rows}


async def freed(connection: asyncpg.Connection, slot: str) -> None:
    """Wait until nobody uses the slot: a capture's server process outlives it for a moment."""
    await until(lambda: connection.fetchval(IS_FREE, slot))


@asynccontextmanager
async def open_scene(
    databases: Databases, nats: EmbeddedNats, **changes: Any
) -> AsyncIterator[Scene]:
    """A scene in which capture does not run yet."""
    settings = settings_for(databases, nats, **changes)
    sis = await asyncpg.connect(databases.sis_dsn)
    async with client_of(nats.url) as client:
        scene = Scene(databases, nats, settings, sis, client)
        try:
            yield scene
        finally:
            scene.sis.terminate()


@asynccontextmanager
async def short_life(serve: Serve, settings: Settings) -> AsyncIterator[None]:
    """The service for the length of the block, and then cut off without a chance to tidy up."""
    task = asyncio.create_task(serve(settings, asyncio.Event()))
    try:
        yield
    finally:
        assert not task.done(), task.exception()
        while not task.done():
            task.cancel()
            # A cancellation may be lost while NATS is being reached.
            await asyncio.wait([task], timeout=2)


@dataclass
class Replica:
    """What a reader makes of the stream: the plainest thing that can work."""

    tables: dict[str, Table] = field(default_factory=dict)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def apply(self, messages: Iterable[Message]) -> "Replica":
        """Take messages in, in order."""
        for message in messages:
            match message:
                case SnapshotRows():
                    self.apply_rows(message)
                case TransactionPart():
                    for change in message.changes:
                        self.apply_change(change)
                case _:
                    continue
        return self

    def apply_rows(self, message: SnapshotRows) -> None:
        """Rows of a snapshot; of numbers as keys, those beyond the range stay as they are."""
        table = self.tables.setdefault(message.table, {})
        rows = [dict(zip(message.columns, row, strict=True)) for row in message.rows]
        found = {tuple(row[name] for name in message.key): row for row in rows}
        upper = None if message.done or not found else order(list(found)[-1])
        lower = order(message.after) if message.after else None
        for key in list(table):
            behind = lower is None or order(key) > lower
            if behind and (upper is None or order(key) <= upper):
                del table[key]
        table.update(found)

    def apply_change(self, change: Change) -> None:
        """A change of a transaction."""
        table = self.tables.setdefault(change.table, {})
        if change.op == "truncate":
            table.clear()
            return
        before = table.pop(tuple(change.key.values()), {})
        if change.row is not None:
            row = change.row | {name: before[name] for name in change.unchanged}
            table[tuple(row[name] for name in change.key)] = row


def order(key: Key) -> tuple[tuple[int, str], ...]:
    """The order of keys of numbers and of uuids: by length, where all letters are digits."""
    return tuple((len(text) if text.isdigit() else 0, text) for text in map(str, key))


def check_whole(messages: list[Message]) -> None:
    """G2 and G4: within an epoch transactions stand in commit order, whole, each once."""
    place = (0, 0, 0)
    open_part = 0
    for message in messages:
        if not isinstance(message, TransactionPart):
            if isinstance(message, SnapshotBegin) and message.reason != "asked for":
                open_part = 0
            continue
        here = (message.epoch, parse_lsn(message.position), message.part)
        assert here > place, "a part that stands twice, or before an earlier one"
        assert message.part == open_part + 1, "a part is missing"
        assert message.part == 1 or here[:2] == place[:2], "a transaction that has no end"
        open_part = 0 if message.last else message.part
        place = here
    assert open_part == 0, "the last transaction has no end"


async def is_set(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event comes within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def write_randomly(dsn: str, seed: int, enough: asyncio.Event) -> int:
    """Insert, update, delete and change keys until `enough`; how many transactions were made."""
    rng = Random(seed)
    connection: asyncpg.Connection | None = None
    count = 0
    while not await is_set(enough, PAUSE_SECONDS):
        try:
            connection = connection or await asyncpg.connect(dsn, timeout=5)
            async with connection.transaction():
                for _ in range(rng.randint(1, 3)):
                    await connection.execute(
                        rng.choice(CHANGES_OF_RANDOM_WRITERS), rng.randint(1, 400)
                    )
            count += 1
        except (asyncpg.TransactionRollbackError, asyncpg.UniqueViolationError):
            continue
        except LOST_CONNECTION:
            if connection is not None:
                connection.terminate()
            connection = None
    if connection is not None:
        await connection.close()
    return count


@asynccontextmanager
async def random_writers(dsn: str, writers: int = 3) -> AsyncIterator[None]:
    """Writers for the length of the block; they must have done something."""
    enough = asyncio.Event()
    tasks = [asyncio.create_task(write_randomly(dsn, seed, enough)) for seed in range(writers)]
    try:
        yield
    finally:
        enough.set()
        counts = await asyncio.gather(*tasks)
    assert min(counts) > 0
