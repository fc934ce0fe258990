"""asyncpg connections and pools, with the settings that every one of ours has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from rosterline.config.errors import OperatorError
from rosterline.db.addresses import without_password


class DatabaseUnreachableError(OperatorError):
    """A database that does not answer, or refuses the login."""


LOST_CONNECTION = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # asyncpg says so when the server's farewell came in while the connection was idle.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    DatabaseUnreachableError,
)
"""What a query raises when its connection is gone: connect again."""

CONNECT_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


# A client that vanished without a word is noticed, and its locks released, within a minute.
KEEPALIVES = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "45000",
}


def server_settings(name: str) -> dict[str, str]:
    """What the server shall know of a connection."""
    return KEEPALIVES | {"application_name": f"rosterline {name}"}


@asynccontextmanager
async def open_connection(dsn: str, name: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection for the length of the block; raises DatabaseUnreachableError."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10, server_settings=server_settings(name))
    except CONNECT_ERRORS as error:
        raise DatabaseUnreachableError(
            f"PostgreSQL at {without_password(dsn)} cannot be used: {error}"
        ) from error
    try:
        yield connection
    finally:
        await connection.close(timeout=2)


@asynccontextmanager
async def open_pool(
    dsn: str, name: str, *, size: int, statement_seconds: float | None = None
) -> AsyncIterator[asyncpg.Pool]:
    """A pool for the length of the block; raises DatabaseUnreachableError.

    The server cancels a statement that takes longer than `statement_seconds`. Who borrows a
    connection sets what it sets for a transaction, never for the session: only a transaction that
    was left open is ended before the connection is lent again.
    """
    known = server_settings(name)
    if statement_seconds is not None:
        known |= {"statement_timeout": str(round(1000 * statement_seconds))}
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=10,
            server_settings=known,
            reset=_as_it_is,
        )
    except CONNECT_ERRORS as error:
        raise DatabaseUnreachableError(
            f"PostgreSQL at {without_password(dsn)} cannot be used: {error}"
        ) from error
    try:
        yield pool
    finally:
        await pool.close()


async def plan_for_each(connection: asyncpg.Connection) -> None:
    """Let each statement be planned for what it is given, and for the tables as they are.

    A plan that was kept from the time when a collection was empty would read all of it, for every
    id that is asked for, until the server's next statistics.
    """
    await connection.execute("SET plan_cache_mode = force_custom_plan")


async def _as_it_is(_: asyncpg.Connection) -> None:
    """Spares each use the round trip in which asyncpg clears the session."""
