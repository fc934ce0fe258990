"""G6: capture only reads the SIS, with the rights of a reader."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from rosterline.capture.service import serve_sis
from rosterline.launch.embedded import EmbeddedNats
from tests.integration.capture.scenes import Replica, freed, open_scene
from tests.support.running import running
from tests.support.servers import SIS_PUBLICATION, Databases

READER = "capture_reader"
PASSWORD = "only-for-this-test"
RIGHTS = f"""
CREATE ROLE {READER} LOGIN REPLICATION PASSWORD '{PASSWORD}';
GRANT USAGE ON SCHEMA sis TO {READER};
GRANT SELECT ON ALL TABLES IN SCHEMA sis TO {READER};
"""
WRITTEN = """
SELECT relid::regclass::text, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY 1
"""
OBJECTS = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg_%' ORDER BY 1
"""


def as_reader(dsn: str) -> str:
    """The same address for the reader."""
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{READER}:{PASSWORD}@{place}"))


async def drop_reader(sis: asyncpg.Connection) -> None:
    """Roles outlive the databases of a test."""
    if await sis.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", READER):
        await sis.execute(f"DROP OWNED BY {READER}; DROP ROLE {READER}")


async def written(sis: asyncpg.Connection) -> list[asyncpg.Record]:
    """What was ever written to each table."""
    await sis.execute("SELECT pg_stat_force_next_flush()")
    return list(await sis.fetch(WRITTEN))


async def test_g6_select_and_replication_suffice_and_nothing_is_written(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    capture_dsn = as_reader(databases.sis_dsn)
    async with open_scene(databases, nats_server, sis_capture_dsn=capture_dsn) as scene:
        await drop_reader(scene.sis)
        await scene.sis.execute(RIGHTS)
        try:
            await scene.people(1, 30)
            before, objects = await written(scene.sis), await scene.sis.fetch(OBJECTS)
            async with running(serve_sis, scene.settings):
                await scene.snapshots_ended()
            # Everything that may happen to a slot, a gap and a snapshot of one table included.
            await freed(scene.sis, SIS_PUBLICATION)
            await scene.sis.execute("SELECT pg_drop_replication_slot($1)", SIS_PUBLICATION)
            async with running(
                lambda settings, stop: serve_sis(settings, stop, ("person",)), scene.settings
            ):
                await scene.snapshots_ended(2)
            async with running(
                lambda settings, stop: serve_sis(settings, stop, ("person",)), scene.settings
            ):
                await scene.snapshots_ended(3)
            assert await written(scene.sis) == before
            assert await scene.sis.fetch(OBJECTS) == objects
            async with running(serve_sis, scene.settings):
                await scene.rename(1, "Read by a reader")
                messages = await scene.settled()
            table = await scene.table("person", "person_id")
            assert Replica().apply(messages).tables["person"] == table
        finally:
            await drop_reader(scene.sis)
