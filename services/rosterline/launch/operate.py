"""What an operator does to a running installation: releases what is held, and asks for a rebuild.

Everything goes through the Rosterline database; the projector, the one writer, does the work.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import asyncpg

from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection
from rosterline.launch.errors import LaunchError
from rosterline.launch.status import fetch_tasks, is_projecting
from rosterline.projector import holds
from rosterline.projector.holds import Hold, Loss, fetch_waiting
from rosterline.projector.rebuild import REBUILT
from rosterline.projector.requests import Kind, Outcome, ask, fetch_outcome, withdraw

Report = Callable[[str, int, int], None]

LOOK_SECONDS: Final = 0.2
# A projector that is just being started again takes this long.
PATIENCE_SECONDS: Final = 10.0
NO_PROJECTOR: Final = (
    "no projector is running, so nothing was rebuilt; start one (`rosterline up` or "
    "`rosterline projector`) and ask again"
)
STATE: Final = """
SELECT ready, coalesce(
    (SELECT loading FROM rosterline.cursor WHERE stream = 'SIS'), true
) AS loading
FROM rosterline.clock
"""


async def release_hold(settings: Settings, hold_id: int | None) -> Hold:
    """Let a held transaction go on: the one that is named, or the only one there is."""
    async with open_connection(settings.dsn, "release") as connection:
        waiting = await fetch_waiting(connection)
        chosen = choose(waiting, hold_id)
        released = await holds.release(connection, chosen)
    if released is None:
        raise LaunchError(f"hold {chosen} was released or ended just now; see `rosterline status`")
    return released


def choose(waiting: list[Hold], hold_id: int | None) -> int:
    """The hold that is meant; raises LaunchError, which says what there is to choose from."""
    ids = [hold.hold_id for hold in waiting]
    listed = ", ".join(map(str, ids))
    if hold_id is not None and hold_id not in ids:
        there = f"those that wait: {listed}" if ids else "nothing is held"
        raise LaunchError(f"hold {hold_id} does not wait for a release; {there}")
    if hold_id is not None:
        return hold_id
    if not ids:
        raise LaunchError("nothing is held, so there is nothing to release")
    if len(ids) > 1:
        raise LaunchError(f"several holds wait; name one: rosterline release {{{listed}}}")
    return ids[0]


async def rebuild(settings: Settings, report: Report, *, released: bool) -> int:
    """Have everything computed anew; how many records differed.

    Raises LaunchError when it was refused, cannot be done now, or was interrupted.
    """
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    async with open_connection(settings.dsn, "rebuild command") as connection:
        await refuse_while_loading(connection)
        number = await ask(connection, Kind.RELEASED_REBUILD if released else Kind.REBUILD)
        outcome = await follow(connection, number, report, stop)
    losses = [str(Loss(**loss)) for loss in outcome.get("refused", ())]
    if losses:
        raise LaunchError(
            f"not rebuilt: it would delete {', '.join(losses)}; "
            "if that is right, `rosterline rebuild --release` does it"
        )
    if "failed" in outcome:
        raise LaunchError(
            f"not rebuilt: {outcome['failed']}; all records are as they were. This is a fault of "
            "Rosterline's: please report it"
        )
    return int(outcome["records"])


async def refuse_while_loading(connection: asyncpg.Connection) -> None:
    """Raise LaunchError while the SIS's tables are read: what ends that computes all anew."""
    row = await connection.fetchrow(STATE)
    if row is not None and row["ready"] and not row["loading"]:
        return
    held = await fetch_waiting(connection)
    remedy = (
        f"which is held: `rosterline release {held[0].hold_id}` lets it end"
        if held
        else "see `rosterline status`"
    )
    raise LaunchError(
        f"the SIS's tables are being read anew, and all is computed at the end of that, {remedy}"
    )


async def follow(
    connection: asyncpg.Connection, number: int, report: Report, stop: asyncio.Event
) -> Outcome:
    """Show how far a request is until it is done; it is withdrawn when nobody takes it."""
    clock, people = asyncio.get_running_loop().time, 0
    seen = clock()
    while (outcome := await fetch_outcome(connection, number)) is None:
        if await is_projecting(connection):
            seen = clock()
        elif clock() - seen > PATIENCE_SECONDS and await withdraw(connection, number):
            raise LaunchError(NO_PROJECTOR)
        for task in await fetch_tasks(connection):
            if task.task == REBUILT:
                people = task.total
                report(task.task, task.done, task.total)
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stop.wait()
        if stop.is_set():
            raise LaunchError(await interrupted(connection, number))
    if people:
        report(REBUILT, people, people)
    return outcome


async def interrupted(connection: asyncpg.Connection, number: int) -> str:
    """What an operator who does not want to wait must know."""
    if await withdraw(connection, number):
        return "interrupted: the rebuild had not begun, and will not"
    return "interrupted, but the rebuild goes on: `rosterline status` shows how far it is"
