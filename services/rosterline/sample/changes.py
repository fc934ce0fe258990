"""Live changes: an office at work on a generated SIS, for demos and for tests under load."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from random import Random

import asyncpg
import structlog

from rosterline.config.errors import OperatorError
from rosterline.db.pools import DatabaseUnreachableError, open_connection
from rosterline.sample.classwork import (
    change_room,
    change_teacher,
    delete_roster,
    even_out_sections,
    move_student,
)
from rosterline.sample.correcting import change_email, rename_person
from rosterline.sample.enrolling import enroll_student, toggle_exclusion, withdraw_student
from rosterline.sample.registrar import Registrar

log = structlog.get_logger(__name__)

Work = Callable[[Registrar], Awaitable[str | None]]
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
CHANGE_SECONDS = 10.0
# After a pause, at most this much is caught up with.
BACKLOG_SECONDS = 1.0
LOST = (
    DatabaseUnreachableError,
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # asyncpg says so when the server's farewell came in while the connection was idle.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
# Somebody else was at the same rows; the next change will do.
IN_THE_WAY = (asyncpg.TransactionRollbackError, asyncpg.ForeignKeyViolationError)


class NothingToChangeError(OperatorError):
    """The SIS holds no district to work on."""


async def several(office: Registrar) -> str | None:
    """Two to five pieces of work at once, which become visible together."""
    wanted = office.rng.randint(2, 5)
    done = [await work(office) for work in in_random_order(office.rng, SINGLE)[:wanted]]
    count = sum(1 for text in done if text)
    return f"did {count} things in one transaction" if count else None


SINGLE: dict[Work, int] = {
    enroll_student: 10,
    withdraw_student: 8,
    move_student: 24,
    rename_person: 10,
    change_email: 14,
    change_teacher: 8,
    change_room: 10,
    delete_roster: 4,
    toggle_exclusion: 5,
}
"""Work by how often it occurs."""
WORK: dict[Work, int] = SINGLE | {even_out_sections: 3, several: 4}


def in_random_order(rng: Random, work: dict[Work, int]) -> list[Work]:
    """All the work, the frequent likely first."""
    return sorted(work, key=lambda piece: rng.random() ** (1 / work[piece]), reverse=True)


async def one_change(
    connection: asyncpg.Connection, rng: Random, *, today: date | None = None
) -> str:
    """Do one piece of office work in one transaction; what it was, without personal data.

    Raises NothingToChangeError if there is nothing at all to work on.
    """
    day = today or datetime.now().astimezone().date()
    office = Registrar(connection, rng, day)
    for work in in_random_order(rng, WORK):
        async with connection.transaction():
            done = await work(office)
        if done:
            return done
    raise NothingToChangeError("the SIS holds no students: run `rosterline generate` first")


async def run_changes(
    dsn: str, *, rate: float, seed: int, stop: asyncio.Event, on_change: Callable[[str], None]
) -> None:
    """Do `rate` changes a second until `stop`, connecting anew whenever the SIS goes away."""
    if rate <= 0:
        raise ValueError("the rate of changes must be above 0 a second")
    rng = Random(seed)  # noqa: S311 - must repeat itself; nothing here is secret
    wait = FIRST_WAIT_SECONDS

    def done(text: str) -> None:
        nonlocal wait
        wait = FIRST_WAIT_SECONDS
        on_change(text)

    while not stop.is_set():
        try:
            async with open_connection(dsn, "changes") as connection:
                await change_until(connection, rng, rate=rate, stop=stop, on_change=done)
        except LOST as error:
            log.warning("the SIS went away", error=type(error).__name__, again_in_seconds=wait)
            await happens_within(stop, wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)


async def change_until(
    connection: asyncpg.Connection,
    rng: Random,
    *,
    rate: float,
    stop: asyncio.Event,
    on_change: Callable[[str], None],
) -> None:
    """Change over one connection, at even distances."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while not await happens_within(stop, due - clock()):
        due = max(due + 1 / rate, clock() - BACKLOG_SECONDS)
        try:
            async with asyncio.timeout(CHANGE_SECONDS):
                text = await one_change(connection, rng)
        except IN_THE_WAY as error:
            log.debug("a change gave way to another", error=type(error).__name__)
        else:
            on_change(text)


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; whether it happened."""
    if seconds <= 0:
        return event.is_set()
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
