"""What the API knows of a vendor's connection, read with a short memory.

A connection that is removed, or gets a new secret, loses its tokens within REMEMBER_SECONDS.
One that sees guardians and relatives although this installation lets it not (somebody made or
turned it under other settings) is put right before it reads anything.
"""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from rosterline.api.access import connections
from rosterline.api.borrowing import borrow
from rosterline.api.errors import unavailable
from rosterline.api.viewing.switches import Turns
from rosterline.api.viewing.viewers import Viewer
from rosterline.config.settings import Settings

REMEMBER_SECONDS = 2.0
MOST_REMEMBERED = 1000
VENDOR = (
    "SELECT app, client_id, secret_hash, version, scopes, schools, "
    "secondary_email, gradebook_sync, sees_agents, tombstones, switched_at, "
    "first_token_at, signing_key_id, signing_salt "
    "FROM rosterline.connection WHERE client_id = $1"
)
NAMED = """
SELECT client_id FROM rosterline.connection
WHERE client_id = $1 OR app = $1 ORDER BY client_id = $1 DESC LIMIT 1
"""
NOTE_FIRST = """
UPDATE rosterline.connection SET first_token_at = now()
WHERE client_id = $1 AND first_token_at IS NULL
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Vendor:
    """A row of `rosterline.connection`.

    From `signing_key_id` and `signing_salt` the secret is derived of one that may sign requests.
    """

    app: str
    client_id: str
    secret_hash: str
    version: str
    scopes: tuple[str, ...]
    schools: tuple[str, ...] | None
    had_token: bool
    viewer: Viewer
    signing_key_id: str | None = None
    signing_salt: str | None = None

    @property
    def generation(self) -> str:
        """Changes with the secret; a token carries that of its time."""
        return hashlib.sha256(self.secret_hash.encode()).hexdigest()[:16]


class Directory:
    """Finds connections by client id."""

    def __init__(self, pool: asyncpg.Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._remembered: OrderedDict[str, tuple[float, Vendor | None]] = OrderedDict()

    async def find(self, client_id: str) -> Vendor | None:
        """The connection as it was at most REMEMBER_SECONDS ago."""
        held = self._remembered.get(client_id)
        if held is not None and time.monotonic() - held[0] < REMEMBER_SECONDS:
            return held[1]
        return await self.read(client_id)

    async def read(self, client_id: str) -> Vendor | None:
        """The connection as it is now."""
        if "\0" in client_id:
            return None
        async with borrow(self._pool) as connection:
            row = await connection.fetchrow(VENDOR, client_id)
            if row is not None and self._sees_too_much(row):
                await self._put_right(connection, row["app"])
                row = await connection.fetchrow(VENDOR, client_id)
        vendor = None
        if row is not None:
            schools = None if row["schools"] is None else tuple(row["schools"])
            vendor = Vendor(
                app=row["app"],
                client_id=row["client_id"],
                secret_hash=row["secret_hash"],
                version=row["version"],
                scopes=tuple(row["scopes"]),
                schools=schools,
                had_token=row["first_token_at"] is not None,
                viewer=Viewer(
                    app=row["app"],
                    secondary_email=row["secondary_email"],
                    sees_agents=row["sees_agents"],
                    tombstones=row["tombstones"],
                    switched_at=row["switched_at"],
                    schools=schools,
                ),
                signing_key_id=row["signing_key_id"],
                signing_salt=row["signing_salt"],
            )
        self._remember(client_id, vendor)
        return vendor

    async def read_named(self, name: str) -> Vendor | None:
        """The connection of a client id or an app name as it is now."""
        if "\0" in name:
            return None
        async with borrow(self._pool) as connection:
            client_id = await connection.fetchval(NAMED, name)
        return None if client_id is None else await self.read(client_id)

    async def _put_right(self, connection: PoolConnectionProxy, app: str) -> None:
        try:
            await connections.turn(
                connection,
                app,
                Turns(),
                self._settings,
                patience_seconds=connections.PATIENCE_SECONDS,
            )
        except asyncpg.LockNotAvailableError:
            raise unavailable("A switch of this connection is being turned; try again") from None
        log.warning("connection put right: it must not see agents", app=app)

    async def note_token(self, vendor: Vendor) -> None:
        """Note that the connection may have seen records from now on."""
        if vendor.had_token:
            return
        async with borrow(self._pool) as connection:
            await connection.execute(NOTE_FIRST, vendor.client_id)

    def _sees_too_much(self, row: asyncpg.Record) -> bool:
        may_see = row["gradebook_sync"] or not self._settings.agents_need_gradebook_sync
        return bool(row["sees_agents"]) and not may_see

    def _remember(self, client_id: str, vendor: Vendor | None) -> None:
        self._remembered[client_id] = (time.monotonic(), vendor)
        self._remembered.move_to_end(client_id)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
