"""A connection's switches, and what turning them means. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rosterline.config.settings import Settings

MILLISECOND = timedelta(milliseconds=1)
LEAST_LEAD = timedelta(seconds=1)
# What storing one tombstone takes at the very most.
SECONDS_PER_RECORD = 0.0001


@dataclass(frozen=True, slots=True)
class Turns:
    """The switches as they shall be; None leaves one as it is."""

    secondary_email: bool | None = None
    gradebook_sync: bool | None = None
    tombstones: bool | None = None


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches as they are; `sees_agents` follows of them and the installation's settings."""

    secondary_email: bool = False
    gradebook_sync: bool = False
    tombstones: bool = False
    sees_agents: bool = True

    def turned(self, turns: Turns, settings: Settings) -> "Switches":
        """The switches once these are turned in this installation."""
        gradebook_sync = _either(turns.gradebook_sync, self.gradebook_sync)
        return Switches(
            secondary_email=_either(turns.secondary_email, self.secondary_email),
            gradebook_sync=gradebook_sync,
            tombstones=_either(turns.tombstones, self.tombstones),
            sees_agents=gradebook_sync or not settings.agents_need_gradebook_sync,
        )

    def shows_others_than(self, before: "Switches") -> bool:
        """Whether documents differ; `tombstones` changes lists only, and no delta asks for it."""
        return (self.secondary_email, self.sees_agents) != (
            before.secondary_email,
            before.sees_agents,
        )


def _either(turn: bool | None, before: bool) -> bool:
    return before if turn is None else turn


def lead_for(records: int, settings: Settings) -> timedelta:
    """How far ahead of the clock a turn is stamped that stores so many tombstones."""
    lead = max(timedelta(seconds=settings.stamp_lead_seconds), LEAST_LEAD)
    return lead + timedelta(seconds=records * SECONDS_PER_RECORD)


def switch_stamp(last: datetime, now: datetime, lead: timedelta) -> datetime:
    """`max(last + 1 ms, now + lead)`, in whole milliseconds, as the clock's other stamps."""
    ahead = now + lead
    cut = timedelta(microseconds=ahead.microsecond % 1000)
    return max(last + MILLISECOND, ahead - cut + (MILLISECOND if cut else timedelta()))
