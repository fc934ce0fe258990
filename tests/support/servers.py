"""Real servers for tests: one PostgreSQL a run with template databases, one NATS a test."""

import os
import select
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from rosterline.db.migrate import migrate_rosterline, migrate_sis
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres

SIS_PUBLICATION = "rosterline_sis"
RECORDS_PUBLICATION = "rosterline_records"
# A killed process loses nothing without fsync; only a power cut does, which no test makes.
FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
END_SECONDS = 30


@dataclass(frozen=True)
class Databases:
    """Addresses of a fresh pair of migrated databases."""

    sis_dsn: str
    dsn: str


@contextmanager
def template_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running server with migrated databases `template_sis` and `template_rosterline`."""
    server = EmbeddedPostgres(folder, options=FAST | {"max_replication_slots": "60"})
    server.start()
    try:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE template_sis")
            admin.execute("CREATE DATABASE template_rosterline")
        migrate_sis(server.dsn("template_sis"), SIS_PUBLICATION)
        migrate_rosterline(server.dsn("template_rosterline"), RECORDS_PUBLICATION)
        yield server
    finally:
        server.stop()


@contextmanager
def fresh_databases(server: EmbeddedPostgres) -> Iterator[Databases]:
    """A pair of databases of one's own, dropped with their slots at the end."""
    token = uuid.uuid4().hex[:12]
    names = [f"sis_{token}", f"rosterline_{token}"]
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {names[0]} TEMPLATE template_sis")
        admin.execute(f"CREATE DATABASE {names[1]} TEMPLATE template_rosterline")
    try:
        yield Databases(server.dsn(names[0]), server.dsn(names[1]))
    finally:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
            for name in names:
                drop_with_slots(admin, name)


def drop_with_slots(admin: psycopg.Connection, database: str) -> None:
    """Drop a database whose slots may still be in use."""
    # All are told before any is waited for: the server looks for each ten times a second.
    for patience in (0, END_SECONDS * 1000):
        admin.execute(
            "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = %s",
            [patience, database],
        )
    for (slot,) in admin.execute(
        "SELECT slot_name FROM pg_replication_slots WHERE database = %s AND NOT temporary",
        [database],
    ).fetchall():
        admin.execute("SELECT pg_drop_replication_slot(%s)", [slot])
    admin.execute(f"DROP DATABASE {database} WITH (FORCE)")


def kill(server: EmbeddedNats | EmbeddedPostgres) -> None:
    """End a server without warning, and return when nothing is left of it.

    PostgreSQL's children outlive it for a moment, and while one does it cannot be started again.
    """
    if server.process is None:
        return
    children = children_of(server.process.pid)
    server.process.kill()
    server.process.wait()
    for child in children:
        # It becomes readable when its process has ended.
        ended, _, _ = select.select([child], [], [], END_SECONDS)
        os.close(child)
        assert ended, f"a child of the killed {server.label} does not end"


def children_of(pid: int) -> list[int]:
    """Descriptors of a process's children; none where the system does not list them (macOS)."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    found: list[int] = []
    for child in listed.read_text().split() if listed.exists() else []:
        with suppress(ProcessLookupError):
            found.append(os.pidfd_open(int(child)))
    return found
