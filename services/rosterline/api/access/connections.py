"""Vendors' connections, as the command line keeps them: add, list, turn switches, rotate, remove.

A secret is shown once, when it is made; only its Argon2 hash is stored, and for OneRoster 1.1 what
it is derived from together with a signing key. A switch that changes what
a connection reads is a change of all its users: it takes a stamp from Rosterline's clock.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from rosterline.api.access.connection_rules import (
    SIGNED_VERSION,
    InvalidConnectionError,
    check_name,
    check_schools,
    check_scopes,
    check_switches,
    check_version,
)
from rosterline.api.access.passwords import derive_secret, hash_secret, make_salt, make_secret
from rosterline.api.access.signing import read_keys
from rosterline.api.endpoints import VERSIONS
from rosterline.api.viewing.sources import STAMP_MEMBER
from rosterline.api.viewing.switches import LEAST_LEAD, Switches, Turns, lead_for, switch_stamp
from rosterline.api.viewing.visibility import OWN_ROLES, TABLES, places_at
from rosterline.config.settings import Settings
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.views import ACTIVE_MEMBER, DELETED_MEMBER, EVERY_APP, STAMP_START
from rosterline.oneroster.vocabulary import Collection, Entity

Database = asyncpg.Connection | PoolConnectionProxy
PATIENCE = "SELECT set_config('lock_timeout', $1, true)"
PATIENCE_SECONDS = 1.0
STORED = "secret_hash, signing_key_id, signing_salt"
# What belongs to a connection; another one of its name begins without. Its records stay.
OWNED = ("withdrawn", "waiting_line", "dead_letter", "command_batch", "command")
SWITCHES = "secondary_email, gradebook_sync, tombstones, sees_agents"
# As the vendor last saw them, which is also what the tombstone may show. Those that were deleted
# stay as tombstones: the vendor may not have asked since.
WITHDRAW = f"""
INSERT INTO rosterline.withdrawn (app, collection, sourced_id, date_last_modified, document)
SELECT $1, '{{table}}', sourced_id, $2,
    replace(replace({{document}}, {STAMP_MEMBER}, $3), '{ACTIVE_MEMBER}', '{DELETED_MEMBER}')
FROM {{table}} AS held
WHERE {{hidden}}
ON CONFLICT (app, collection, sourced_id)
DO UPDATE SET date_last_modified = excluded.date_last_modified, document = excluded.document
"""


HIDDEN = f"""is_agent AND NOT EXISTS (
    SELECT FROM rosterline.withdrawn AS gone
    WHERE gone.app = '{EVERY_APP}' AND gone.collection = '{{table}}'
        AND gone.sourced_id = held.sourced_id
)"""
# From a connection that is limited to schools also those go who are more elsewhere only.
HIDDEN_THERE = "schools && $4::text[] AND NOT places && $5::text[]"


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What a vendor needs to ask for tokens; the secret cannot be read again."""

    app: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class ListedConnection:
    """A connection without its secret; `schools` is None for all schools."""

    app: str
    client_id: str
    version: str
    scopes: tuple[str, ...]
    schools: tuple[str, ...] | None
    switches: Switches
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Secret:
    """A client secret, with the key and salt that it is derived from if it may sign requests."""

    text: str
    key_id: str | None = None
    salt: str | None = None

    async def stored(self) -> tuple[str, str | None, str | None]:
        """The values of the columns of STORED."""
        return await asyncio.to_thread(hash_secret, self.text), self.key_id, self.salt


async def add(
    connection: Database,
    app: str,
    version: str = "1.2",
    *,
    scopes: Sequence[str] | None = None,
    schools: Sequence[str] | None = None,
    switches: Switches | None = None,
) -> NewConnection:
    """Make a connection; scopes may be given by their last part, None means reading the roster."""
    check_name(app)
    check_version(version)
    switches = switches or Switches()
    check_switches(version, switches)
    client_id = secrets.token_hex(16)
    secret = await _make_secret(connection, version, client_id)
    try:
        await connection.execute(
            "INSERT INTO rosterline.connection "
            f"(app, client_id, {STORED}, version, scopes, schools, {SWITCHES}) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            app,
            client_id,
            *await secret.stored(),
            version,
            check_scopes(version, scopes),
            check_schools(schools),
            *astuple(switches),
        )
    except asyncpg.UniqueViolationError:
        raise InvalidConnectionError(
            f"connection {app!r} exists: give it a new secret with `rosterline connection "
            f"rotate {app}`, or remove it first"
        ) from None
    return NewConnection(app, client_id, secret.text)


async def list_all(connection: Database) -> list[ListedConnection]:
    """All connections by name."""
    rows = await connection.fetch(
        f"SELECT app, client_id, version, scopes, schools, created_at, {SWITCHES} "
        "FROM rosterline.connection ORDER BY app"
    )
    return [
        ListedConnection(
            app=row["app"],
            client_id=row["client_id"],
            version=row["version"],
            scopes=tuple(row["scopes"]),
            schools=None if row["schools"] is None else tuple(row["schools"]),
            switches=_switches(row),
            created_at=row["created_at"],
        )
        for row in rows
    ]


async def rotate(connection: Database, app: str) -> NewConnection:
    """A new secret; the old one, and the tokens got with it, end within seconds."""
    row = await connection.fetchrow(
        "SELECT client_id, version FROM rosterline.connection WHERE app = $1", app
    )
    if row is None:
        raise _unknown(app)
    secret = await _make_secret(connection, row["version"], row["client_id"])
    is_kept = await connection.fetchval(
        f"UPDATE rosterline.connection SET ({STORED}) = ($2, $3, $4) "
        "WHERE client_id = $1 RETURNING true",
        row["client_id"],
        *await secret.stored(),
    )
    if not is_kept:
        raise _unknown(app)
    return NewConnection(app, row["client_id"], secret.text)


async def remove(connection: Database, app: str) -> None:
    """End a connection, its commands and their verdicts; its tokens end within seconds."""
    async with connection.transaction():
        removed = await connection.fetchval(
            "DELETE FROM rosterline.connection WHERE app = $1 RETURNING app", app
        )
        if removed is None:
            raise _unknown(app)
        for table in OWNED:
            await connection.execute(f"DELETE FROM rosterline.{table} WHERE app = $1", app)


async def _make_secret(connection: Database, version: str, client_id: str) -> _Secret:
    if version != SIGNED_VERSION:
        return _Secret(make_secret())
    key_id, key = next(iter((await read_keys(connection)).items()))
    salt = make_salt()
    return _Secret(derive_secret(key, client_id, salt), key_id, salt)


class _LateError(Exception):
    """The stamp would become visible after its own time."""


async def turn(
    connection: Database,
    app: str,
    turns: Turns,
    settings: Settings,
    *,
    patience_seconds: float = 0,
) -> Switches:
    """Turn switches of a connection; `sees_agents` follows. Its pollers learn what that changed.

    Raises asyncpg.LockNotAvailableError when the clock is held for `patience_seconds`; never if 0.
    """
    stretch = 1
    while True:
        try:
            async with connection.transaction():
                await connection.execute(PATIENCE, str(round(1000 * patience_seconds)))
                return await _turn(connection, app, turns, settings, stretch=stretch)
        except _LateError:
            stretch *= 2


async def reconcile(connection: Database, settings: Settings) -> list[str]:
    """Let every connection see agents or not, as the installation's settings say; who changed."""
    changed = []
    for row in await connection.fetch(
        "SELECT app FROM rosterline.connection "
        "WHERE sees_agents <> (gradebook_sync OR NOT $1) ORDER BY app",
        settings.agents_need_gradebook_sync,
    ):
        # Who cannot be put right now, because a long write holds the clock, is when it next reads.
        with suppress(InvalidConnectionError, asyncpg.LockNotAvailableError):
            await turn(connection, row["app"], Turns(), settings, patience_seconds=PATIENCE_SECONDS)
            changed.append(row["app"])
    return changed


async def _turn(
    connection: Database, app: str, turns: Turns, settings: Settings, *, stretch: int
) -> Switches:
    # The clock first, as everybody who stamps: no other stamp can come between.
    last = await connection.fetchval(
        "SELECT last_stamp FROM rosterline.clock WHERE id = 1 FOR UPDATE"
    )
    row = await connection.fetchrow(
        f"SELECT version, first_token_at, schools, {SWITCHES} FROM rosterline.connection "
        "WHERE app = $1 FOR UPDATE",
        app,
    )
    if last is None:
        raise RuntimeError("rosterline.clock has no row; run `rosterline migrate`")
    if row is None:
        raise _unknown(app)
    before = _switches(row)
    after = before.turned(turns, settings)
    check_switches(row["version"], after)
    await connection.execute(
        f"UPDATE rosterline.connection SET ({SWITCHES}) = ($2, $3, $4, $5) WHERE app = $1",
        app,
        *astuple(after),
    )
    if after.shows_others_than(before):
        table = TABLES[Collection(VERSIONS[row["version"]], Entity.USERS)]
        has_read = row["first_token_at"] is not None
        change = _Change(app, table, before, after, has_read=has_read, schools=row["schools"])
        await _stamp(connection, change, last, settings, stretch=stretch)
    return after


@dataclass(frozen=True, slots=True)
class _Change:
    app: str
    table: str
    before: Switches
    after: Switches
    has_read: bool
    schools: list[str] | None


async def _stamp(
    connection: Database,
    change: _Change,
    last: datetime,
    settings: Settings,
    *,
    stretch: int,
) -> None:
    hides = change.has_read and change.before.sees_agents and not change.after.sees_agents
    count = "SELECT count(*) FROM {table} WHERE is_agent"
    records = await connection.fetchval(count.format(table=change.table)) if hides else 0
    now = await connection.fetchval("SELECT clock_timestamp()")
    stamp = switch_stamp(last, now, stretch * lead_for(records, settings))
    await connection.execute(
        "UPDATE rosterline.connection SET switched_at = $2 WHERE app = $1", change.app, stamp
    )
    await connection.execute("UPDATE rosterline.clock SET last_stamp = $1 WHERE id = 1", stamp)
    if hides:
        seen = "coalesce(alternative, document)" if change.before.secondary_email else "document"
        member = f'{STAMP_START}{format_stamp(stamp)}"'
        limits: list[list[str]] = []
        hidden = HIDDEN.format(table=change.table)
        if change.schools is not None:
            hidden = HIDDEN_THERE
            limits = [change.schools, places_at(change.schools, OWN_ROLES)]
        statement = WITHDRAW.format(table=change.table, document=seen, hidden=hidden)
        await connection.execute(statement, change.app, stamp, member, *limits)
    elif change.after.sees_agents:
        await connection.execute("DELETE FROM rosterline.withdrawn WHERE app = $1", change.app)
    if stamp - await connection.fetchval("SELECT clock_timestamp()") < LEAST_LEAD / 2:
        raise _LateError


def _switches(row: asyncpg.Record) -> Switches:
    return Switches(
        secondary_email=row["secondary_email"],
        gradebook_sync=row["gradebook_sync"],
        tombstones=row["tombstones"],
        sees_agents=row["sees_agents"],
    )


def _unknown(app: str) -> InvalidConnectionError:
    return InvalidConnectionError(
        f"connection {app!r} is unknown: see `rosterline connection list`"
    )
