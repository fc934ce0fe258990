"""What streams: every kind of change, large transactions, idle times, odd databases."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import orjson
import psycopg

from rosterline.capture.position import parse_lsn
from rosterline.capture.service import serve_sis
from rosterline.config.settings import Settings
from rosterline.db.migrate import migrate_sis
from rosterline.events.source import TransactionPart
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.integration.capture.scenes import Replica, Scene, check_whole, open_scene
from tests.support.running import pause, running, until
from tests.support.servers import SIS_PUBLICATION, Databases, drop_with_slots
from tests.support.streams import last_sequence

SLOT = """
SELECT confirmed_flush_lsn::text AS confirmed, restart_lsn::text AS restart, active_pid
FROM pg_replication_slots WHERE database = current_database() AND slot_type = 'logical'
"""
LARGE = 300_000
INSERT_LARGE = """
INSERT INTO sis.district (district_guid, name, lms_exclude)
SELECT gen_random_uuid(), number, false FROM generate_series(1, $1::int) AS number
"""
# What waits between reading and publishing (16 MB), a batch on its way, and copies of both.
LARGE_GROWTH_BYTES = 80_000_000


@asynccontextmanager
async def streaming(
    databases: Databases, nats: EmbeddedNats, **settings: object
) -> AsyncIterator[Scene]:
    """A scene whose first snapshot is done."""
    async with (
        open_scene(databases, nats, **settings) as scene,
        running(serve_sis, scene.settings),
    ):
        await scene.snapshots_ended()
        yield scene


async def changes(scene: Scene) -> list[tuple[str, str, dict[str, str | None]]]:
    """Table, operation and key of every change so far."""
    parts = [m for m in await scene.settled() if isinstance(m, TransactionPart)]
    found = [change for part in parts for change in part.changes]
    return [(change.table, change.op, change.key) for change in found[:-1]]


async def test_an_untouched_toast_column_is_unchanged_and_not_null(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with open_scene(databases, nats_server) as scene:
        await scene.sis.execute("ALTER TABLE sis.person ALTER other_phone SET STORAGE EXTERNAL")
        await scene.people(1, 1)
        await scene.sis.execute("UPDATE sis.person SET other_phone = repeat('5', 5000)")
        async with running(serve_sis, scene.settings):
            await scene.snapshots_ended()
            await scene.rename(1, "New")
            await scene.sis.execute("UPDATE sis.person SET person_id = 2")
            messages = await scene.settled()
        renamed, rekeyed, _ = (
            part.changes[0] for part in messages if isinstance(part, TransactionPart)
        )
        for change in (renamed, rekeyed):
            assert change.unchanged == ("other_phone",)
            assert change.row is not None
            assert "other_phone" not in change.row
            assert change.row["given_name"] == "New"
        table = await scene.table("person", "person_id")
    assert Replica().apply(messages).tables["person"] == table
    assert table[("2",)]["other_phone"] == "5" * 5000


async def test_a_changed_key_names_the_row_as_it_was_before(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server) as scene:
        await scene.people(1, 2)
        await scene.sis.execute("UPDATE sis.person SET person_id = person_id + 10")
        messages = await scene.settled()
    parts = [message for message in messages if isinstance(message, TransactionPart)]
    assert [(c.key, (c.row or {})["person_id"]) for c in parts[1].changes] == [
        ({"person_id": "1"}, "11"),
        ({"person_id": "2"}, "12"),
    ]
    assert set(Replica().apply(messages).tables["person"]) == {("11",), ("12",)}


async def test_a_truncation_names_every_table_that_it_empties(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server) as scene:
        await scene.people(1, 3)
        await scene.sis.execute("TRUNCATE sis.person CASCADE")
        await scene.people(4, 4)
        emptied = {
            table for table, operation, key in await changes(scene) if operation == "truncate"
        }
        tables = Replica().apply(await scene.messages()).tables
    assert {"person", "enrollment", "roster", "user_account"} <= emptied
    assert set(tables["person"]) == {("4",)}


async def test_what_is_rolled_back_is_never_seen(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server) as scene:
        await scene.sis.execute(
            "BEGIN; DELETE FROM sis.person; INSERT INTO sis.person (person_id, person_guid, "
            "given_name, family_name) VALUES (9, gen_random_uuid(), 'No', 'One'); ROLLBACK"
        )
        assert await changes(scene) == []


async def test_a_table_of_the_same_name_in_another_schema_is_not_ours(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server) as scene:
        await scene.sis.execute(
            "CREATE TABLE public.person (person_id bigint PRIMARY KEY, salary int);"
            f"ALTER PUBLICATION {SIS_PUBLICATION} ADD TABLE public.person"
        )
        await scene.sis.execute("INSERT INTO public.person VALUES (1, 2)")
        await scene.people(7, 7)
        assert await changes(scene) == [("person", "insert", {"person_id": "7"})]


async def test_g6_messages_of_other_users_do_not_stop_capture(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server) as scene:
        await scene.sis.execute("SELECT pg_logical_emit_message(true, 'rosterline', 'garbage')")
        await scene.people(7, 7)
        assert await changes(scene) == [("person", "insert", {"person_id": "7"})]


async def test_idle_times_confirm_what_others_write_and_release_its_wal(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server, idle_confirm_seconds=0.2) as scene:
        before = await scene.sis.fetchrow(SLOT)
        await scene.sis.execute("CREATE TABLE public.not_ours (n int)")
        await scene.sis.execute("INSERT INTO public.not_ours SELECT generate_series(1, 20000)")
        written = parse_lsn(await scene.sis.fetchval("SELECT pg_current_wal_lsn()::text"))

        async def released() -> bool:
            # The server remembers running transactions anew now and then, here at once.
            await scene.sis.execute("CHECKPOINT")
            slot = await scene.sis.fetchrow(SLOT)
            assert slot is not None
            return parse_lsn(slot["confirmed"]) >= written <= parse_lsn(slot["restart"])

        await until(released)
        assert before is not None
        assert parse_lsn(before["restart"]) < written
        kinds = {message.kind for message in await scene.messages()}
    assert "transaction" not in kinds


async def test_an_idle_capture_confirms_seldom(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server, idle_confirm_seconds=3600.0) as scene:
        await scene.people(1, 1)
        before = await marks(scene, "a word")
        await scene.sis.execute("CREATE TABLE public.not_ours (n int)")
        # What is ours would be confirmed by now.
        await pause(2.5)
        assert await last_sequence(scene.client, "POSITIONS") == before
        await scene.people(2, 2)
        assert await marks(scene, "another word") <= before + 2


async def marks(scene: Scene, word: str) -> int:
    """Commit one more change; how many marks were made until the slot is confirmed behind it."""
    last = (await scene.settled(word))[-1]
    assert isinstance(last, TransactionPart)

    async def confirmed() -> bool:
        slot = await scene.sis.fetchrow(SLOT)
        assert slot is not None
        newest = await last_sequence(scene.client, "POSITIONS")
        mark = await scene.client.jetstream().get_msg("POSITIONS", newest)
        is_marked = f'"{slot["confirmed"]}"'.encode() in (mark.data or b"")
        return is_marked and parse_lsn(slot["confirmed"]) > parse_lsn(last.position)

    await until(confirmed)
    return await last_sequence(scene.client, "POSITIONS")


@contextmanager
def capture_process(settings: Settings, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Capture as a process of its own."""
    fields = settings.model_dump(exclude_defaults=True)
    environment = {f"ROSTERLINE_{name.upper()}": str(value) for name, value in fields.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rosterline", "capture", "sis"],
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(10) == 0, log.read_text()


def peak_bytes(process: "subprocess.Popen[bytes]") -> int:
    """The most memory that a process has had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def test_a_transaction_of_300_000_rows_comes_in_parts_and_takes_little_memory(
    databases: Databases, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    async with open_scene(databases, nats_server) as scene:
        with capture_process(scene.settings, tmp_path / "capture.log") as process:
            await scene.snapshots_ended()
            before, sent = peak_bytes(process), await last_sequence(scene.client, "SIS")
            await scene.sis.execute(INSERT_LARGE, LARGE)
            await scene.arrived(seconds=120)
            growth = peak_bytes(process) - before
        *parts, _ = [orjson.loads(data) async for data in sized(scene.raw(sent), 420_000)]
    assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
    assert [part["last"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert len({part["xid"] for part in parts}) == 1
    numbers = [change["row"]["name"] for part in parts for change in part["changes"]]
    assert numbers == [str(number) for number in range(1, LARGE + 1)]
    assert max(len(part["changes"]) for part in parts) <= scene.settings.part_rows
    assert growth < LARGE_GROWTH_BYTES, f"grew by {growth:,} bytes"


async def sized(messages: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """The messages, none of which may be larger than that."""
    async for data in messages:
        assert len(data) <= most
        yield data


@contextmanager
def odd_database(server: EmbeddedPostgres) -> Iterator[str]:
    """A SIS in Latin 1 whose sessions write dates and times in their own way."""
    name = "sis_of_old"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        for setting in ("datestyle = 'German, DMY'", "timezone = 'America/New_York'"):
            admin.execute(f"ALTER DATABASE {name} SET {setting}")
    try:
        migrate_sis(server.dsn(name), SIS_PUBLICATION)
        yield server.dsn(name)
    finally:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            drop_with_slots(admin, name)


async def test_values_are_the_same_texts_whatever_the_databases_encoding_and_settings(
    postgres_server: EmbeddedPostgres, nats_server: EmbeddedNats
) -> None:
    insert = (
        "INSERT INTO sis.person (person_id, person_guid, given_name, family_name, birth_date) "
        "VALUES ($1, gen_random_uuid(), 'Zoë', 'Muñoz', '2010-02-28')"
    )
    with odd_database(postgres_server) as dsn:
        databases = Databases(dsn, dsn)
        async with open_scene(databases, nats_server) as scene:
            await scene.sis.execute(insert, 1)
            async with running(serve_sis, scene.settings):
                await scene.snapshots_ended()
                await scene.sis.execute(insert, 2)
                messages = await scene.settled()
    people = Replica().apply(messages).tables["person"]
    for number in "12":
        person = people[(number,)]
        assert (person["given_name"], person["family_name"]) == ("Zoë", "Muñoz")
        assert person["birth_date"] == "2010-02-28"


async def test_g2_transactions_of_many_writers_are_whole_and_in_commit_order(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    async with streaming(databases, nats_server, part_rows=3) as scene:
        await scene.people(1, 50)
        await asyncio.gather(*(increment(databases.sis_dsn, seed) for seed in range(4)))
        messages = await scene.settled()
        table = await scene.table("person", "person_id")
    check_whole(messages)
    assert Replica().apply(messages).tables["person"] == table
    assert int(table[("1",)]["email"] or 0) == 4 * 20


async def increment(dsn: str, seed: int) -> None:
    """Add one to the same rows in twenty transactions, beside others who do so too."""
    connection = await asyncpg.connect(dsn)
    for _ in range(20):
        async with connection.transaction():
            # All begin with the same row, for else they would block each other for ever.
            await connection.execute("SELECT FROM sis.person WHERE person_id = 1 FOR UPDATE")
            await connection.execute(
                "UPDATE sis.person SET email = coalesce(email, '0')::int + 1 WHERE person_id <= $1",
                1 + seed * 4,
            )
    await connection.close()
