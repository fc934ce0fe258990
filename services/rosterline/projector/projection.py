"""The district's one writer: its connection, and what it remembers of the database.

Who changes the read model does it here: records, events, clock and position commit together, and
what became visible after its stamp is stamped and told of anew.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import asyncpg
import structlog

from rosterline.projector.clock import ClockState
from rosterline.projector.facts import Context, Reference, Switches
from rosterline.projector.guard import Guard
from rosterline.projector.holds import Hold, Loss, begin_hold, end_passed
from rosterline.projector.progress import Beside
from rosterline.projector.store import Cursor, mark_evaluated, save_cursor
from rosterline.projector.streams import Followed
from rosterline.projector.write import Writer
from rosterline.projector.writes import Spool, written_after
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

# A day that is held stands in no stream: it is noted as if it were its own.
DAY = "day"
Fill = Callable[[Spool, Spool], Awaitable[None]]


@dataclass(slots=True)
class Projection:
    """The state of the projector; `today` is the date in the district's time zone, injected.

    `beside` opens another connection, and requests are looked for again at the monotonic time
    `next_look`.
    """

    connection: asyncpg.Connection
    sis: Followed
    records: Followed
    writer: Writer
    switches: Switches
    today: Callable[[], date]
    run_size: int
    load_people: int
    clock: ClockState
    reference: Reference
    warned_on: date | None = None
    guard: Guard = field(default_factory=Guard)
    beside: Beside | None = None
    next_look: float = 0.0

    @property
    def day(self) -> date:
        """The day for which the records hold; it moves by a step of its own, never in between."""
        return self.clock.evaluated_on or self.today()

    @property
    def in_large(self) -> Followed | None:
        """The stream of which a large transaction is open: nothing else can be done meanwhile."""
        return next((each for each in (self.sis, self.records) if each.large is not None), None)

    def context(self, reference: Reference) -> Context:
        """What the rules are given now."""
        return Context(reference, self.day, self.clock.switches or self.switches)

    async def keep(
        self, followed: Followed, sequence: int, name: str, losses: tuple[Loss, ...]
    ) -> Hold:
        """Hold a transaction, or look how it stands if it is held already."""
        place = (followed.stream.name, followed.cursor.created, sequence)
        async with self.connection.transaction():
            hold = followed.hold = await begin_hold(self.connection, place, name, losses)
        return hold

    async def write(self, spools: Sequence[Spool], *, guarded: bool = False) -> ClockState:
        """Write what waits in the spools, in the caller's transaction.

        Raises TooManyLossesError, before anything is written, if it is `guarded`.
        """
        if not any(map(len, spools)):
            return self.clock
        if guarded:
            for spool in spools:
                await self.guard.check(self.connection, spool)
        return await self.writer.write(self.connection, spools, self.clock)

    async def save_position(
        self, followed: Followed, cursor: Cursor, committed_at: datetime | None = None
    ) -> None:
        """Store the position behind what is applied, and that nothing before it is held."""
        name = followed.stream.name
        await save_cursor(self.connection, name, cursor, committed_at)
        if followed.hold is not None:
            await end_passed(self.connection, name, cursor.created, cursor.sequence)

    async def committed(
        self, clock: ClockState, spools: Sequence[Spool], reference: Reference | None = None
    ) -> None:
        """Remember what is stored now; stamp and tell anew what became visible after its stamp."""
        self.clock, self.reference = clock, reference or self.reference
        for spool in spools:
            self.guard.committed(spool)
        failpoints.reach(failpoints.PROJECTOR_AFTER_COMMIT)
        times, records = 1, sum(map(len, spools))
        while records and self.writer.now() > self.clock.last_stamp:
            log.warning("projector.late_commit", records=records)
            times += 1
            writer = replace(self.writer, times=times)
            async with self.connection.transaction():
                clock = await writer.write(self.connection, spools, self.clock)
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

        `fill` puts into the first spool what differs of the roster, and into the second what is
        written. Afterwards the records hold for the context's day and switches, and the position
        in stream SIS is `cursor` if that is given. Raises TooManyLossesError if it is `guarded`.
        """
        names = {0: name}
        with Spool(names) as spool, Spool(written_after(names)) as written:
            spools = (spool, written)
            async with self.connection.transaction():
                await fill(*spools)
                stamped = await self.write(spools, guarded=guarded)
                clock = replace(
                    stamped, evaluated_on=context.today, switches=context.switches, ready=True
                )
                await mark_evaluated(self.connection, clock)
                if clock.evaluated_on != self.clock.evaluated_on:
                    await end_passed(self.connection, DAY, str(context.today), 0)
                if cursor is not None:
                    await self.save_position(self.sis, cursor)
            if cursor is not None:
                self.sis.reached(cursor)
            await self.committed(clock, spools, context.reference)
        return sum(map(len, spools))

    async def abandon(self, followed: Followed) -> None:
        """Forget the parts of a large transaction: they are read again from the first one on."""
        large, followed.large = followed.large, None
        if large is not None:
            await large.transaction.rollback()
