"""Vendors' connections, as the command line keeps them: add, list, rotate, remove.

A secret is shown once, when it is made; only its Argon2 hash is stored.
"""

import asyncio
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from rosterline.api.passwords import hash_secret, make_secret
from rosterline.api.scopes import DEFAULT, KNOWN, find_scope

# It becomes part of stream names, subjects and paths.
APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


class InvalidConnectionError(Exception):
    """A connection cannot be made or found; the message says why and what to do."""


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
    created_at: datetime


async def add(
    connection: asyncpg.Connection,
    app: str,
    version: str = "1.2",
    *,
    scopes: Sequence[str] | None = None,
    schools: Sequence[str] | None = None,
) -> NewConnection:
    """Make a connection; scopes may be given by their last part, None means reading the roster."""
    if APP_NAME.fullmatch(app) is None:
        raise InvalidConnectionError(
            f"{app!r} cannot name a connection: use 1 to 63 letters, digits, - and _, "
            "beginning with a letter or digit"
        )
    if version not in KNOWN:
        raise InvalidConnectionError(f"version {version!r} is unknown: choose {' or '.join(KNOWN)}")
    made = NewConnection(app, secrets.token_hex(16), make_secret())
    try:
        await connection.execute(
            "INSERT INTO rosterline.connection "
            "(app, client_id, secret_hash, version, scopes, schools) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            app,
            made.client_id,
            await asyncio.to_thread(hash_secret, made.client_secret),
            version,
            _check_scopes(version, scopes),
            _check_schools(schools),
        )
    except asyncpg.UniqueViolationError:
        raise InvalidConnectionError(
            f"connection {app!r} exists: give it a new secret with `rosterline connection "
            f"rotate {app}`, or remove it first"
        ) from None
    return made


async def list_all(connection: asyncpg.Connection) -> list[ListedConnection]:
    """All connections by name."""
    rows = await connection.fetch(
        "SELECT app, client_id, version, scopes, schools, created_at "
        "FROM rosterline.connection ORDER BY app"
    )
    return [
        ListedConnection(
            app=row["app"],
            client_id=row["client_id"],
            version=row["version"],
            scopes=tuple(row["scopes"]),
            schools=None if row["schools"] is None else tuple(row["schools"]),
            created_at=row["created_at"],
        )
        for row in rows
    ]


async def rotate(connection: asyncpg.Connection, app: str) -> NewConnection:
    """A new secret; the old one, and the tokens got with it, end within seconds."""
    secret = make_secret()
    client_id = await connection.fetchval(
        "UPDATE rosterline.connection SET secret_hash = $2 WHERE app = $1 RETURNING client_id",
        app,
        await asyncio.to_thread(hash_secret, secret),
    )
    if client_id is None:
        raise _unknown(app)
    return NewConnection(app, client_id, secret)


async def remove(connection: asyncpg.Connection, app: str) -> None:
    """End a connection; its tokens end within seconds."""
    removed = await connection.fetchval(
        "DELETE FROM rosterline.connection WHERE app = $1 RETURNING app", app
    )
    if removed is None:
        raise _unknown(app)


def _check_scopes(version: str, names: Sequence[str] | None) -> list[str]:
    if names is None:
        return list(DEFAULT[version])
    if not names:
        raise InvalidConnectionError(
            "a connection without scopes can read nothing: name at least one"
        )
    found: dict[str, None] = {}
    for name in names:
        scope = find_scope(version, name)
        if scope is None:
            short = ", ".join(known.rpartition("/")[2] for known in KNOWN[version])
            raise InvalidConnectionError(
                f"scope {name!r} is unknown in OneRoster {version}: choose among {short}"
            )
        found[scope] = None
    return list(found)


def _check_schools(schools: Sequence[str] | None) -> list[str] | None:
    if schools is None:
        return None
    if not schools:
        raise InvalidConnectionError(
            "an empty list of schools is no scope: leave it out for all schools"
        )
    for school in schools:
        try:
            uuid.UUID(school)
        except ValueError:
            raise InvalidConnectionError(f"{school!r} is no school: give its GUID") from None
    return list(dict.fromkeys(schools))


def _unknown(app: str) -> InvalidConnectionError:
    return InvalidConnectionError(
        f"connection {app!r} is unknown: see `rosterline connection list`"
    )
