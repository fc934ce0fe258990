"""G3's other half: whatever writing and committing cost, a stamp is later than its visibility."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from rosterline.oneroster.stamps import format_stamp
from tests.integration.projector.checks import feed_faults, load_differences, replay
from tests.integration.projector.conftest import Loaded
from tests.support.projection import Chain, open_chain
from tests.support.servers import Databases

# Later than every stamp of the real clock.
START = datetime(2100, 1, 1, tzinfo=UTC)
LEAD = timedelta(seconds=1)


class Clock:
    """A clock that goes on by the next of `steps` each time that it is looked at."""

    def __init__(self) -> None:
        self.moment = START
        self.steps: list[float] = []
        self.looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        if self.steps:
            self.moment += timedelta(seconds=self.steps.pop(0))
        return self.moment


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go on."""
    return Clock()


@pytest.fixture
async def clocked(copies: Databases, loaded: Loaded, clock: Clock) -> AsyncIterator[Chain]:
    """A loaded chain with that clock."""
    async with open_chain(copies, now=clock, lead_seconds=LEAD.total_seconds()) as opened:
        opened.store.events.extend(loaded.events)
        yield opened


async def stamps(chain: Chain) -> set[str]:
    """The stamps of all classes as stored."""
    rows = await chain.store.reader.fetch("SELECT date_last_modified AS stamp FROM v1p2.classes")
    return {format_stamp(row["stamp"]) for row in rows}


async def change_classes(chain: Chain, room: str = "other") -> None:
    """Another room for every section."""
    await chain.sis.execute("UPDATE sis.section SET room = $1", room)


async def test_a_stamp_runs_ahead_of_the_clock_by_the_lead(clocked: Chain) -> None:
    await change_classes(clocked)
    events = await clocked.sync()
    (stamp,) = {event.headers["ce-time"] for event in events}
    ahead = datetime.fromisoformat(stamp) - START
    assert LEAD <= ahead <= LEAD + timedelta(milliseconds=1 + len(events))


async def test_a_write_that_takes_most_of_the_lead_is_done_again_with_a_longer_one(
    clocked: Chain, clock: Clock
) -> None:
    await change_classes(clocked)
    clock.steps = [0, 0.6, 0, 0.6]
    events = await clocked.sync()
    assert len({event.key for event in events}) == len(events)
    (stamp,) = {event.headers["ce-time"] for event in events}
    assert datetime.fromisoformat(stamp) >= START + timedelta(seconds=0.6) + 2 * LEAD
    assert datetime.fromisoformat(stamp) > clock.moment
    assert stamp in await stamps(clocked)
    assert feed_faults(clocked.store.events) == []


async def test_a_write_that_is_always_slow_gets_its_lead_in_the_end(
    clocked: Chain, clock: Clock
) -> None:
    await change_classes(clocked)
    clock.steps = [0, 20] * 6
    events = await clocked.sync()
    assert not clock.steps[:2]
    assert len({event.key for event in events}) == len(events)
    assert datetime.fromisoformat(events[0].headers["ce-time"]) > clock.moment


async def test_a_commit_that_took_longer_than_the_lead_is_stamped_and_told_anew(
    clocked: Chain, clock: Clock
) -> None:
    await change_classes(clocked)
    clock.steps = [0, 0, 30]
    events = await clocked.sync()
    half = len(events) // 2
    assert [event.key for event in events[:half]] == [event.key for event in events[half:]]
    assert replay(clocked.store.events) == await clocked.store.stored()
    late, fresh = events[0].headers["ce-time"], events[-1].headers["ce-time"]
    assert datetime.fromisoformat(late) < clock.moment < datetime.fromisoformat(fresh)
    assert late not in await stamps(clocked)
    assert feed_faults(clocked.store.events) == []
    assert await load_differences(clocked) == []


async def test_what_is_told_anew_is_not_created_a_second_time(clocked: Chain, clock: Clock) -> None:
    await clocked.sis.execute("UPDATE sis.district SET lms_exclude = true")
    await clocked.sync()
    await clocked.sis.execute("UPDATE sis.district SET lms_exclude = false")
    clock.steps = [0, 0, 3600, 0, 0, 3600]
    events = await clocked.sync()
    third = len(events) // 3
    assert "created" in {event.operation for event in events[:third]}
    assert {event.operation for event in events[third:]} == {"updated"}
    assert len({event.headers["ce-transactionid"] for event in events}) == 3
    assert feed_faults(clocked.store.events) == []


async def test_stamps_go_on_when_the_clock_is_set_back(clocked: Chain, clock: Clock) -> None:
    times: list[str] = []
    for number in range(6):
        clock.moment -= timedelta(hours=1 if number % 2 else 0)
        await change_classes(clocked, f"room {number}")
        times += {event.headers["ce-time"] for event in await clocked.sync()}
    assert len(set(times)) == 6
    assert times == sorted(times)


async def test_a_change_that_shows_nothing_does_not_look_at_the_clock(
    clocked: Chain, clock: Clock
) -> None:
    await clocked.sis.execute("UPDATE sis.person SET suffix = 'other'")
    looks = clock.looks
    assert await clocked.sync() == []
    assert clock.looks == looks
