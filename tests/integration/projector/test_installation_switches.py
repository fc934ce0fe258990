"""An installation's switch that was changed touches just the records that show it, at once."""

from dataclasses import fields

import orjson
import pytest

from rosterline.projector.duties import attend
from rosterline.projector.facts import Switches
from rosterline.projector.store import fetch_clock
from rosterline.projector.switches import TOUCHED_BY
from tests.integration.projector.checks import feed_faults
from tests.support.projection import Chain, Event, RecordKey

STAMP = "dateLastModified"


async def turn(chain: Chain, switches: Switches) -> list[Event]:
    """Start the projector anew with other switches; the events of it."""
    told = len(chain.store.events)
    await chain.store.restart()
    chain.store.projection.switches = switches
    await attend(chain.store.projection)
    await chain.store.collect()
    return chain.store.events[told:]


async def unstamped(chain: Chain) -> dict[RecordKey, dict[str, object]]:
    """All records without their stamps."""
    found = {}
    for key, text in (await chain.store.stored()).items():
        (record,) = orjson.loads(text).values()
        found[key] = {name: value for name, value in record.items() if name != STAMP}
    return found


async def give_second_addresses(chain: Chain) -> None:
    """Let some people have a secondary address, and grade levels local names."""
    await chain.sis.execute(
        "UPDATE sis.person SET secondary_email = "
        "CASE WHEN person_id % 3 = 0 THEN 'second' || person_id || '@home.test' END;"
        "UPDATE sis.grade_level SET name = 'local ' || name"
    )
    await chain.sync()


def test_every_switch_says_whom_it_touches() -> None:
    assert set(TOUCHED_BY) == {each.name for each in fields(Switches)}


@pytest.mark.parametrize(
    ("switches", "versions"),
    [
        (Switches(local_grades=True), {"v1p2"}),
        (Switches(secondary_email_v1p1=True), {"v1p1"}),
        (Switches(local_grades=True, secondary_email_v1p1=True), {"v1p1", "v1p2"}),
    ],
)
async def test_a_switch_changes_what_shows_it_in_one_step_and_back_again(
    chain: Chain, switches: Switches, versions: set[str]
) -> None:
    await give_second_addresses(chain)
    chain.store.projection.load_people = 3
    before = await unstamped(chain)
    events = await turn(chain, switches)
    after = await unstamped(chain)
    assert {event.key for event in events} == {
        key for key, record in after.items() if record != before[key]
    }
    assert {(event.version, event.entity) for event in events} == {
        (version, "users") for version in versions
    }
    assert len({event.headers["ce-transactionid"] for event in events}) == 1
    assert len({event.headers["ce-time"] for event in events}) == 1
    assert (await fetch_clock(chain.store.reader)).switches == switches
    assert await turn(chain, switches) == []
    back = await turn(chain, Switches())
    assert {event.key for event in back} == {event.key for event in events}
    assert await unstamped(chain) == before
    assert feed_faults(chain.store.events) == []


async def test_people_without_a_second_address_keep_their_records(chain: Chain) -> None:
    await give_second_addresses(chain)
    events = await turn(chain, Switches(secondary_email_v1p1=True))
    assert events
    for event in events:
        assert "@home.test" in event.data
        assert int(event.headers["ce-subject"][1:]) % 3 == 0


async def test_records_that_change_before_the_switch_is_turned_hold_for_the_old_one(
    chain: Chain,
) -> None:
    await give_second_addresses(chain)
    chain.store.projection.switches = Switches(local_grades=True)
    await chain.sis.execute("UPDATE sis.person SET given_name = given_name || ' II'")
    await chain.sync()
    assert not any('"local ' in text for text in (await chain.store.stored()).values())
    await attend(chain.store.projection)
    await chain.store.collect()
    assert any('"local ' in text for text in (await chain.store.stored()).values())


async def test_a_database_that_noted_no_switches_was_made_with_none(chain: Chain) -> None:
    await give_second_addresses(chain)
    await chain.store.reader.execute("UPDATE rosterline.clock SET switches = NULL")
    assert await turn(chain, Switches()) == []
    assert await turn(chain, Switches(local_grades=True))
    assert (await fetch_clock(chain.store.reader)).switches == Switches(local_grades=True)
