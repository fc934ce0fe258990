"""Takes turns between the streams: one unit of work at a time, of either, on the one connection.

A stream that is held, or waits for a snapshot, is closed meanwhile and the other goes on. While a
large transaction is open the other waits, but not for a capture that died between the parts.
"""

import asyncio
import time

import structlog

from rosterline.bus.reader import ReaderLostError
from rosterline.projector.apply import apply
from rosterline.projector.duties import attend
from rosterline.projector.effects import HeldError
from rosterline.projector.holds import fetch_hold
from rosterline.projector.intake import Lane, next_lane
from rosterline.projector.projection import Projection
from rosterline.projector.resume import AnotherEpochError
from rosterline.projector.streams import Followed

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
SNAPSHOT_SECONDS = 5.0
PART_SECONDS = 5.0


class Turns:
    """The lanes of a projection, the one whose turn is next first."""

    def __init__(self, projection: Projection, lanes: list[Lane]) -> None:
        self.projection = projection
        self.lanes = lanes
        # When to look again at a lane that is closed, and which message of it is held.
        self.next_look: dict[str, float] = {}
        self.held: dict[str, int] = {}

    async def follow(self, stop: asyncio.Event) -> None:
        """Apply the streams from their cursors on, until `stop`.

        Raises StreamGapError, and ReaderLostError when the places are to be found anew.
        """
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                for lane in self.lanes:
                    await self.mind(lane)
                await attend(self.projection)
                large = self.projection.in_large
                patience = LOOK_SECONDS if large is None else PART_SECONDS
                ready = await next_lane(self.workable(), stopping, patience)
                if stop.is_set():
                    break
                if ready is not None:
                    await self.work(ready)
                elif large is not None:
                    await self.give_way(large)
        finally:
            stopping.cancel()
            for lane in self.lanes:
                await lane.close()

    def workable(self) -> list[Lane]:
        """The lanes that may go on: all that are open, or the one with the large transaction."""
        large = self.projection.in_large
        return [
            lane
            for lane in self.lanes
            if lane.is_open and (large or lane.followed) is lane.followed
        ]

    async def work(self, lane: Lane) -> None:
        """Apply the next unit of a lane; the turn is then the other's."""
        self.lanes.sort(key=lambda each: each is lane)
        try:
            unit = lane.take()
            if unit is not None:
                await apply(self.projection, lane.followed, unit)
        except HeldError as held:
            await self.hold(lane, held)
        except AnotherEpochError as error:
            await lane.finder.go_to_snapshot(lane.followed.cursor, newer=True)
            raise ReaderLostError(str(error)) from error
        else:
            await lane.purge.applied(lane.followed.cursor.sequence)

    async def give_way(self, followed: Followed) -> None:
        """Let the other stream go on; the parts are read again from the first one on."""
        name = followed.stream.name
        log.warning("projector.parts_missing", stream=name, after=followed.cursor.sequence)
        await self.projection.abandon(followed)
        for lane in self.lanes:
            if lane.followed is followed:
                await lane.close()
        self.next_look[name] = time.monotonic() + PART_SECONDS

    async def mind(self, lane: Lane) -> None:
        """Open a closed lane again as soon as that can be."""
        name, now = lane.followed.stream.name, time.monotonic()
        if lane.is_open or now < self.next_look.get(name, 0.0):
            return
        self.next_look[name] = now + LOOK_SECONDS
        if name in self.held and not await self.is_released(lane):
            return
        cursor = await lane.finder.find_cursor()
        if cursor is None:
            why = "the stream lost its newest messages"
            log.warning("projector.waiting", stream=name, for_snapshot=why)
            self.next_look[name] = now + SNAPSHOT_SECONDS
            return
        lane.followed.cursor = cursor
        await lane.open()
        log.info("projector.reading", stream=name, after=cursor.sequence)

    async def hold(self, lane: Lane, held: HeldError) -> None:
        """Keep a transaction waiting until an operator releases it.

        Nothing behind it is applied meanwhile (G2); what does not come from its stream goes on.
        """
        followed = lane.followed
        await lane.close()
        await self.projection.abandon(followed)
        hold = await self.projection.keep(followed, held.sequence, held.name, held.losses)
        self.held[followed.stream.name] = held.sequence
        log.error(
            "projector.held",
            transaction=hold.transaction,
            would_delete=[str(loss) for loss in hold.losses],
            since=str(hold.held_at),
            release_with=f"rosterline release {hold.hold_id}",
        )

    async def is_released(self, lane: Lane) -> bool:
        """Whether an operator lets it go on.

        Raises ReaderLostError when it is to be met no more.
        """
        followed = lane.followed
        name, cursor = followed.stream.name, followed.cursor
        if await lane.finder.is_superseded(cursor, held=self.held[name]):
            raise ReaderLostError(
                "what is held stands in the stream no more, or has been sent anew"
            )
        hold = await fetch_hold(self.projection.connection, name, cursor.created)
        followed.hold = hold or followed.hold
        if hold is None or not hold.is_released:
            return False
        del self.held[name]
        log.warning("projector.released", hold=hold.hold_id, transaction=hold.transaction)
        return True
