"""The district's one writer: its connection, and what it remembers of the database.

Who changes the read model does it here: records, events, clock and position commit together, and
what became visible after its stamp is stamped and told of anew.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import asyncpg
import structlog
from asyncpg.transaction import Transaction

from rosterline.projector.clock import ClockState
from rosterline.projector.facts import Context, Reference, Switches
from rosterline.projector.guard import Guard
from rosterline.projector.holds import Hold, Loss, begin_hold, end_passed
from rosterline.projector.progress import Beside
from rosterline.projector.scopes import Touched
from rosterline.projector.store import Cursor, mark_evaluated, save_cursor
from rosterline.projector.write import Writer
from rosterline.projector.writes import Spool
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

# A day that is held stands in no stream: it is noted as if it were its own.
DAY = "day"
Names = dict[int, str]
Fill = Callable[[Spool], Awaitable[None]]


@dataclass(slots=True)
class LargeTransaction:
    """A source transaction whose parts are still coming, in an open transaction of ours."""

    transaction: Transaction
    touched: Touched
    tables: set[str]


@dataclass(slots=True)
class Projection:
    """The state of the projector; `today` is the date in the district's time zone, injected.

    `hold` is what the guard refused last and has not been applied yet; `beside` opens another
    connection, and requests are looked for again at the monotonic time `next_look`.
    """

    connection: asyncpg.Connection
    stream: str
    writer: Writer
    switches: Switches
    today: Callable[[], date]
    run_size: int
    load_people: int
    clock: ClockState
    cursor: Cursor
    reference: Reference
    large: LargeTransaction | None = None
    warned_on: date | None = None
    guard: Guard = field(default_factory=Guard)
    hold: Hold | None = None
    beside: Beside | None = None
    next_look: float = 0.0

    @property
    def day(self) -> date:
        """The day for which the records hold; it moves by a step of its own, never in between."""
        return self.clock.evaluated_on or self.today()

    def context(self, reference: Reference) -> Context:
        """What the rules are given now."""
        return Context(reference, self.day, self.clock.switches or self.switches)

    def is_released(self, sequence: int) -> bool:
        """Whether an operator lets the message at this place of the stream take much away."""
        return self.hold is not None and self.hold.sequence == sequence and self.hold.is_released

    async def keep(self, sequence: int, name: str, losses: tuple[Loss, ...]) -> Hold:
        """Hold a transaction, or look how it stands if it is held already."""
        place = (self.stream, self.cursor.created, sequence)
        async with self.connection.transaction():
            self.hold = await begin_hold(self.connection, place, name, losses)
        return self.hold

    async def write(self, spool: Spool, names: Names, *, guarded: bool = False) -> ClockState:
        """Write what waits in the spool, in the caller's transaction.

        Raises TooManyLossesError, before anything is written, if it is `guarded`.
        """
        if not len(spool):
            return self.clock
        if guarded:
            await self.guard.check(self.connection, spool)
        return await self.writer.write(self.connection, spool, self.clock, names)

    async def save_position(self, cursor: Cursor, committed_at: datetime | None = None) -> None:
        """Store the position behind what is applied, and that nothing before it is held."""
        await save_cursor(self.connection, self.stream, cursor, committed_at)
        if self.hold is not None:
            await end_passed(self.connection, self.stream, cursor.created, cursor.sequence)

    async def committed(
        self,
        clock: ClockState,
        cursor: Cursor,
        reference: Reference,
        spool: Spool,
        names: Names,
    ) -> None:
        """Remember what is stored now; stamp and tell anew what became visible after its stamp."""
        self.clock, self.cursor, self.reference = clock, cursor, reference
        self.guard.committed(spool)
        if self.hold is not None and self.hold.sequence <= cursor.sequence:
            self.hold = None
        failpoints.reach(failpoints.PROJECTOR_AFTER_COMMIT)
        times = 1
        while len(spool) and self.writer.now() > self.clock.last_stamp:
            log.warning("projector.late_commit", records=len(spool))
            times += 1
            again = {number: f"{name}-{times}" for number, name in names.items()}
            writer = replace(self.writer, again=True)
            async with self.connection.transaction():
                clock = await writer.write(self.connection, spool, self.clock, again)
            self.clock = clock

    async def revise(
        self,
        name: str,
        context: Context,
        fill: Fill,
        cursor: Cursor | None = None,
        *,
        guarded: bool = False,
    ) -> int:
        """Bring records to what `context` makes of them, as one transaction; how many changed.

        `fill` puts into the spool what differs. Afterwards the records hold for the context's day
        and switches, and the position is `cursor` if that is given. Raises TooManyLossesError if it
        is `guarded`.
        """
        names = {0: name}
        with Spool() as spool:
            async with self.connection.transaction():
                await fill(spool)
                written = await self.write(spool, names, guarded=guarded)
                clock = replace(
                    written, evaluated_on=context.today, switches=context.switches, ready=True
                )
                await mark_evaluated(self.connection, clock)
                if clock.evaluated_on != self.clock.evaluated_on:
                    await end_passed(self.connection, DAY, str(context.today), 0)
                if cursor is not None:
                    await self.save_position(cursor)
            changed = len(spool)
            await self.committed(clock, cursor or self.cursor, context.reference, spool, names)
        return changed

    async def abandon(self) -> None:
        """Forget the parts of a large transaction: they are read again from the first one on."""
        large, self.large = self.large, None
        if large is not None:
            await large.transaction.rollback()
