"""A filled district to read from: a vendor who may read it, and changes for its deltas."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
import httpx

from rosterline.api.access import connections
from rosterline.sample.generate import generate
from tests.bench.installation import Installation
from tests.support.running import until

APP = "bench"
LOAD_SECONDS = 600
SETTLE_SECONDS = 60
CLOCK = "SELECT last_stamp FROM rosterline.clock"
SEQUENCE = "SELECT last_sequence FROM rosterline.clock"
VISIBLE = """
SELECT substr(sourced_id, 2)::bigint FROM v1p2.enrollments
WHERE status = 'active' AND role = 'student' ORDER BY md5(sourced_id) LIMIT $1
"""
CHANGE = """
UPDATE sis.roster SET start_date = coalesce(start_date, current_date) - 1
WHERE roster_id = ANY($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Deltas:
    """Stamps after which 1,000, 100 and no enrollments have changed."""

    thousand: datetime
    hundred: datetime
    none: datetime


async def fill(measured: Installation, students: int) -> None:
    """Generate the district unless it stands there; return when all of it is readable."""
    sis = await asyncpg.connect(measured.settings.sis_dsn)
    is_filled = await sis.fetchval("SELECT EXISTS (SELECT FROM sis.district)")
    await sis.close()
    if not is_filled:
        await generate(
            measured.settings.sis_dsn, students=students, seed=1, progress=lambda *_: None
        )
    await measured.ready()


async def settle(connection: asyncpg.Connection) -> None:
    """Do now what autovacuum does within minutes, so that no figure depends on when."""
    await connection.execute("VACUUM (ANALYZE)", timeout=LOAD_SECONDS)
    await connection.execute("CHECKPOINT", timeout=LOAD_SECONDS)


async def make_changes(measured: Installation, connection: asyncpg.Connection) -> Deltas:
    """Change 900 enrollments in the SIS, then 100 others, each at once."""
    rows = [row[0] for row in await connection.fetch(VISIBLE, 1000)]
    thousand = await connection.fetchval(CLOCK)
    await _change(measured, connection, rows[100:])
    hundred = await connection.fetchval(CLOCK)
    await _change(measured, connection, rows[:100])
    return Deltas(thousand, hundred, await connection.fetchval(CLOCK))


async def _change(
    measured: Installation, connection: asyncpg.Connection, roster_ids: list[int]
) -> None:
    awaited = await connection.fetchval(SEQUENCE) + len(roster_ids)

    async def is_visible() -> bool:
        return bool(await connection.fetchval(SEQUENCE) >= awaited)

    sis = await asyncpg.connect(measured.settings.sis_dsn)
    await sis.execute(CHANGE, roster_ids)
    await sis.close()
    await until(is_visible, seconds=SETTLE_SECONDS)


async def vendor_token(measured: Installation, connection: asyncpg.Connection) -> str:
    """An access token of a new connection that sees the whole roster."""
    if any(held.app == APP for held in await connections.list_all(connection)):
        await connections.remove(connection, APP)
    vendor = await connections.add(connection, APP, "1.2")
    async with httpx.AsyncClient(base_url=measured.settings.base_url) as client:
        answer = await client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(vendor.client_id, vendor.client_secret),
        )
    return str(answer.raise_for_status().json()["access_token"])
