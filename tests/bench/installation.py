"""An installation to measure: embedded servers that sync to disk, services as processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from psycopg.sql import SQL, Identifier

from rosterline.config.settings import Settings
from rosterline.db.migrate import migrate_rosterline, migrate_sis
from rosterline.launch.children import free_port
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.support.chain import SERVICES, Chain

MEGABYTE = 1024


@dataclass
class Installation:
    """Running servers, and the services to be started on them."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    settings: Settings
    folder: Path

    def chain(self) -> Chain:
        """The services, not yet started."""
        return Chain(self.settings, self.folder)

    async def ready(self) -> None:
        """Return when the API answers."""
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    answer = await client.get(f"{self.settings.base_url}/health/ready")
                    if answer.status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def installation(folder: Path) -> AsyncIterator[Installation]:
    """Servers with migrated databases: empty ones, or those that stand in the folder."""
    folder.chmod(0o755)
    postgres, nats = EmbeddedPostgres(folder / "servers"), EmbeddedNats(folder / "servers")
    postgres.start()
    nats.start()
    try:
        with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
            held = {name for (name,) in admin.execute("SELECT datname FROM pg_database")}
            for name in sorted({"sis", "rosterline"} - held):
                admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        settings = Settings(
            sis_dsn=postgres.dsn("sis"),
            dsn=postgres.dsn("rosterline"),
            nats_url=nats.url,
            port=free_port(),
        )
        migrate_sis(settings.sis_dsn, "rosterline_sis")
        migrate_rosterline(settings.dsn, "rosterline_records")
        yield Installation(postgres, nats, settings, folder)
    finally:
        nats.stop()
        postgres.stop()


def start_all(chain: Chain) -> None:
    """Start every service."""
    for service in (*SERVICES, "ingest", "api"):
        chain.start(service)


def peak_memory(pid: int) -> float:
    """The most memory that a process has held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / MEGABYTE


def processor_seconds(pid: int) -> float:
    """What a process has taken of the processors so far."""
    # The name, in parentheses, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
