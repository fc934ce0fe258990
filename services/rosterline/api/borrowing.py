"""A connection of the pool for the length of a block, and what becomes of a database that is away.

That is ApiError 503, so that a caller tries again and never takes a failure for an empty list.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from rosterline.api.errors import ApiError, unavailable
from rosterline.db.pools import CONNECT_ERRORS

ACQUIRE_SECONDS = 5.0
WORK_SECONDS = 60.0

SLOW = (
    "The query took too long and was stopped: filter by an id, or by dateLastModified, or ask for "
    "smaller pages"
)

# Unlike CONNECT_ERRORS these leave out faults of a statement.
LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

log = structlog.get_logger()


@asynccontextmanager
async def borrow(pool: asyncpg.Pool) -> AsyncIterator[PoolConnectionProxy]:
    """Raises ApiError 503 when there is no connection, it is lost, or the work takes too long."""
    try:
        async with asyncio.timeout(ACQUIRE_SECONDS):
            connection = await pool.acquire()
    except CONNECT_ERRORS as error:
        raise _away(error) from error
    try:
        async with asyncio.timeout(WORK_SECONDS):
            yield connection
    except asyncpg.QueryCanceledError as error:
        log.warning("a query took too long and was cancelled")
        raise unavailable(SLOW) from error
    except LOST as error:
        raise _away(error) from error
    finally:
        await pool.release(connection)


def _away(error: Exception) -> ApiError:
    log.warning("the database cannot be used", error=type(error).__name__)
    return unavailable("The database cannot be reached; try again shortly")
