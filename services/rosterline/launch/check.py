"""Pre-flight of what Rosterline stands on: two databases, their slots, NATS, its streams.

`up` refuses to start on an error; `rosterline check` shows all there is to say. Changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import asyncpg
import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.issuer import InvalidSeedError, Issuer
from rosterline.bus.topology import STREAMS
from rosterline.bus.vendors import DOOR_SUBJECT, SERVICES_ACCOUNT
from rosterline.capture.preflight import inspect
from rosterline.config.settings import Settings
from rosterline.db.pools import DatabaseUnreachableError, open_connection
from rosterline.db.tables import records, sis

OLDEST_ROSTERLINE_SERVER: Final = 18
OLDEST_NATS: Final = (2, 12)
ROOMY_PAYLOAD_BYTES: Final = 8_000_000

OWN_USER: Final = "$SYS.REQ.USER.INFO"
ANSWER_SECONDS: Final = 2

Severity = Literal["ok", "warning", "error"]
SLOT = """
SELECT active, wal_status,
       pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint AS behind
FROM pg_replication_slots WHERE slot_name = $1
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: where, how it stands, and what to do about it."""

    place: str
    severity: Severity
    what: str
    remedy: str = ""


async def inspect_all(settings: Settings) -> list[Finding]:
    """Everything, in the order of the data's way."""
    publications = settings.slot_prefix
    return [
        *await inspect_database(
            "SIS database", settings.capture_dsn, "sis", sis.TABLES, f"{publications}_sis"
        ),
        *await inspect_database(
            "Rosterline database",
            settings.dsn,
            "records",
            records.TABLES,
            f"{publications}_records",
            oldest=OLDEST_ROSTERLINE_SERVER,
        ),
        *await inspect_nats(settings),
    ]


async def inspect_database(
    place: str, dsn: str, schema: str, tables: tuple[str, ...], slot: str, *, oldest: int = 0
) -> list[Finding]:
    """A database as a source of changes, and its slot."""
    try:
        async with open_connection(dsn, "check") as connection:
            version = connection.get_server_version().major
            found = [Finding(place, "ok", f"PostgreSQL {version}")]
            if version < oldest:
                found = [
                    Finding(
                        place,
                        "error",
                        f"PostgreSQL {version} is too old",
                        f"use PostgreSQL {oldest} or newer for this database",
                    )
                ]
            found += [
                Finding(place, problem.severity, problem.what, problem.remedy)
                for problem in await inspect(connection, schema, tables, slot)
            ]
            return [*found, *slot_findings(slot, await connection.fetchrow(SLOT, slot))]
    except (DatabaseUnreachableError, asyncpg.PostgresError, OSError) as error:
        return [Finding(place, "error", str(error), "check the address and that the server runs")]


def slot_findings(slot: str, row: asyncpg.Record | None) -> Iterator[Finding]:
    """How a replication slot stands."""
    place = f"slot {slot}"
    if row is None:
        yield Finding(place, "ok", "not made yet; capture makes it")
    elif row["wal_status"] == "lost":
        yield Finding(
            place,
            "warning",
            "lost: the server has removed WAL that it needed",
            "capture reads the tables anew by itself; raise max_slot_wal_keep_size",
        )
    else:
        reader = "read by capture" if row["active"] else "nobody reads it"
        behind = row["behind"] or 0
        yield Finding(place, "ok", f"{reader}, {behind:,} bytes behind, WAL {row['wal_status']}")


async def inspect_nats(settings: Settings) -> list[Finding]:
    """The NATS server and its streams."""
    try:
        async with connect(settings.nats_url, "check") as client:
            server = list(server_findings(client, settings.part_bytes))
            return [
                *server,
                *await stream_findings(client),
                *await door_findings(client, settings.nats_issuer_seed),
            ]
    except (BusUnreachableError, NatsError, OSError, TimeoutError) as error:
        return [Finding("NATS", "error", str(error), "check the address and that the server runs")]


def server_findings(client: Client, part_bytes: int) -> Iterator[Finding]:
    """The server's version and limits."""
    version = client.connected_server_version
    shown = f"{version.major}.{version.minor}.{version.patch}"
    if (version.major, version.minor) < OLDEST_NATS:
        yield Finding(
            "NATS",
            "error",
            f"NATS {shown} knows no atomic batches",
            "use NATS 2.12 or newer",
        )
    else:
        yield Finding("NATS", "ok", f"NATS {shown}")
    if client.max_payload < 2 * part_bytes:
        yield Finding(
            "NATS",
            "error",
            f"max_payload of {client.max_payload:,} bytes is too small for messages of "
            f"{part_bytes:,} bytes",
            "set max_payload: 8MB in the server's configuration, or lower ROSTERLINE_PART_BYTES",
        )
    elif client.max_payload < ROOMY_PAYLOAD_BYTES:
        yield Finding(
            "NATS",
            "warning",
            f"max_payload is {client.max_payload:,} bytes: a larger row could not be published",
            "set max_payload: 8MB in the server's configuration",
        )


async def stream_findings(client: Client) -> list[Finding]:
    """JetStream and each stream."""
    jetstream = client.jetstream()
    try:
        await jetstream.account_info()
    except NatsError as error:
        return [
            Finding(
                "NATS",
                "error",
                f"JetStream cannot be used: {error}",
                "add `jetstream { sync_interval: always }` to the server's configuration",
            )
        ]
    found: list[Finding] = []
    for name in STREAMS:
        try:
            info = await jetstream.stream_info(name)
        except NotFoundError:
            found.append(Finding(f"stream {name}", "ok", "not made yet; capture makes it"))
            continue
        found.append(Finding(f"stream {name}", "ok", f"{info.state.messages:,} messages"))
        found += configuration_findings(name, info.config)
    return found


async def door_findings(client: Client, seed: str) -> list[Finding]:
    """Whether vendors can be admitted; a warning, for everything else works without them."""
    place = "vendors on NATS"
    try:
        user = orjson.loads((await client.request(OWN_USER, timeout=ANSWER_SECONDS)).data)
    except (NatsError, ValueError):
        user = {}
    if user.get("data", {}).get("account") != SERVICES_ACCOUNT:
        remedy = "configure the server as deploy/nats/nats.conf, where vendors have an account"
        return [Finding(place, "warning", "the server has no account for them", remedy)]
    try:
        issuer = Issuer(seed).public_key if seed else await door_issuer(client)
    except InvalidSeedError as error:
        remedy = "make a key with `rosterline nats-issuer`"
        return [Finding(place, "warning", f"ROSTERLINE_NATS_ISSUER_SEED: {error}", remedy)]
    if issuer is None:
        remedy = "start the API with ROSTERLINE_NATS_ISSUER_SEED (`rosterline nats-issuer`)"
        return [Finding(place, "warning", "nobody admits them", remedy)]
    return [Finding(place, "ok", f"admitted by the API as issuer {issuer}")]


async def door_issuer(client: Client) -> str | None:
    """The public key with which a running API admits vendors; None when none does."""
    try:
        return (await client.request(DOOR_SUBJECT, timeout=ANSWER_SECONDS)).data.decode()
    except NatsError:
        return None


def configuration_findings(name: str, config: StreamConfig) -> Iterator[Finding]:
    """Whether an existing stream was configured so that nothing is lost."""
    place = f"stream {name}"
    if STREAMS[name].allow_atomic and not config.allow_atomic:
        yield Finding(place, "error", "takes no atomic batches", "set allow_atomic on the stream")
    if config.max_age:
        yield Finding(
            place,
            "error",
            "drops messages by age: capture could not tell where to resume",
            f"nats stream edit {name} --max-age 0",
        )
