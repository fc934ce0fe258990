"""G10: a day on which too many people would go is held; a term's end is not."""

from datetime import date, timedelta

import pytest

from rosterline.projector.duties import attend
from rosterline.projector.guard import Guard
from rosterline.projector.holds import fetch_waiting, release
from tests.integration.projector.checks import feed_faults, load_differences
from tests.support.projection import TODAY, Chain, Event

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def guarded(chain: Chain) -> Chain:
    """A loaded chain with a guard for a small district."""
    chain.store.projection.guard = Guard(share=0.2, records=5)
    return chain


async def pass_to(chain: Chain, day: date) -> list[Event]:
    """Let it be another day; the events of that."""
    chain.store.projection.today = lambda: day
    before = len(chain.store.events)
    await attend(chain.store.projection)
    await chain.store.collect()
    return chain.store.events[before:]


async def end_all_memberships(chain: Chain) -> None:
    """An import of one wrong date; nobody goes before it has passed."""
    await chain.sis.execute("UPDATE sis.enrollment SET end_date = $1", TODAY)
    events = await chain.sync()
    assert sum(event.operation == "deleted" for event in events) < 5
    assert await fetch_waiting(chain.store.reader) == []


async def test_g10_a_day_on_which_too_many_people_would_go_waits_for_its_release(
    guarded: Chain,
) -> None:
    await end_all_memberships(guarded)
    before = await guarded.store.stored()
    for _ in range(3):
        assert await pass_to(guarded, TOMORROW) == []
    (hold,) = await fetch_waiting(guarded.store.reader)
    assert hold.transaction == f"day-{TOMORROW}"
    assert {loss.collection for loss in hold.losses} == {"v1p2.demographics", "v1p1.demographics"}
    assert await guarded.store.stored() == before
    assert guarded.store.projection.day == TODAY
    assert await release(guarded.store.reader, hold.hold_id) is not None
    events = await pass_to(guarded, TOMORROW)
    assert {event.operation for event in events} == {"deleted"}
    assert {event.headers["ce-transactionid"] for event in events} == {f"day-{TOMORROW}"}
    assert await fetch_waiting(guarded.store.reader) == []
    assert await load_differences(guarded) == []
    assert feed_faults(guarded.store.events) == []


async def test_changes_go_on_while_a_day_is_held_and_a_mended_mistake_lets_it_pass(
    guarded: Chain,
) -> None:
    await end_all_memberships(guarded)
    await pass_to(guarded, TOMORROW)
    await guarded.sis.execute("UPDATE sis.school SET name = name || '!'")
    assert {event.entity for event in await guarded.sync()} == {"orgs"}
    await guarded.sis.execute("UPDATE sis.enrollment SET end_date = NULL")
    await guarded.sync()
    await pass_to(guarded, TOMORROW)
    assert len(await fetch_waiting(guarded.store.reader)) == 1
    await pass_to(guarded, TOMORROW + timedelta(days=1))
    assert await fetch_waiting(guarded.store.reader) == []
    assert guarded.store.projection.day == TOMORROW + timedelta(days=1)
    assert await load_differences(guarded) == []


async def test_the_next_day_takes_a_held_days_place_and_a_snapshots_end_ends_it(
    guarded: Chain,
) -> None:
    await end_all_memberships(guarded)
    await pass_to(guarded, TOMORROW)
    await pass_to(guarded, TOMORROW + timedelta(days=1))
    (hold,) = await fetch_waiting(guarded.store.reader)
    assert hold.transaction == f"day-{TOMORROW + timedelta(days=1)}"
    guarded.store.projection.guard = Guard()
    await guarded.store.apply(await guarded.source.snapshot())
    assert await fetch_waiting(guarded.store.reader) == []
    assert await load_differences(guarded) == []


async def test_the_end_of_a_term_passes_though_it_ends_all_class_enrollments(
    guarded: Chain,
) -> None:
    await guarded.sis.execute("UPDATE sis.roster SET end_date = $1", TODAY)
    await guarded.sync()
    events = await pass_to(guarded, TOMORROW)
    assert {(event.entity, event.operation) for event in events} == {("enrollments", "deleted")}
    assert len(events) > 50
    assert await fetch_waiting(guarded.store.reader) == []
    assert await load_differences(guarded) == []
