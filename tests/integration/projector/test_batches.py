"""Several SIS transactions committed at once keep their names, their order and their own stamps."""

from datetime import datetime
from typing import Any

import asyncpg
import pytest

from rosterline.projector import apply as apply_module
from rosterline.projector import effects as effects_module
from rosterline.projector.batch import Batch, units
from rosterline.projector.projection import Projection
from rosterline.projector.streams import Followed
from tests.integration.projector.checks import feed_faults, load_differences
from tests.support.projection import LIMITS, Chain, Event

ROSTERS = """
SELECT roster_id FROM sis.roster
JOIN sis.section USING (section_id) JOIN sis.course USING (course_id)
JOIN sis.calendar USING (calendar_id) JOIN sis.school_year USING (school_year_id)
WHERE active AND roster.end_date IS NULL ORDER BY roster_id
"""
COURSES = """
SELECT course.course_id, min(section_id) AS section_id FROM sis.course
JOIN sis.section USING (course_id) JOIN sis.section_term USING (section_id)
JOIN sis.calendar USING (calendar_id) JOIN sis.school_year USING (school_year_id)
WHERE active GROUP BY course.course_id, calendar_id ORDER BY calendar_id, course_id
"""


async def at_once(chain: Chain) -> list[Event]:
    """Apply what was committed as one batch."""
    (batch,) = units(await chain.source.drain(), LIMITS)
    assert isinstance(batch, Batch)
    before = len(chain.store.events)
    await chain.store.apply_unit(batch)
    assert feed_faults(chain.store.events) == []
    assert await load_differences(chain) == []
    return chain.store.events[before:]


def by_transaction(events: list[Event]) -> dict[str, list[Event]]:
    """Events by the name of their transaction, in order."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.headers["ce-transactionid"], []).append(event)
    return found


def stamps(events: list[Event]) -> list[str]:
    """The events' stamps, each once, in order."""
    return list(dict.fromkeys(event.headers["ce-time"] for event in events))


async def rename(sis: asyncpg.Connection, course_id: int, number: str) -> None:
    """Another course number, which its classes show."""
    await sis.execute("UPDATE sis.course SET number = $2 WHERE course_id = $1", course_id, number)


async def test_transactions_that_do_not_meet_share_a_stamp_but_not_a_name(chain: Chain) -> None:
    first, second, *_ = await chain.sis.fetch(COURSES)
    await rename(chain.sis, first["course_id"], "one")
    await rename(chain.sis, second["course_id"], "two")
    events = await at_once(chain)
    assert len(stamps(events)) == 1
    transactions = by_transaction(events)
    assert len(transactions) == 2
    for name, whole in transactions.items():
        epoch, position = name.split("-")
        assert epoch == "1"
        assert position in {part.message.position for part in chain.source.history}
        assert [event.headers["ce-transactionlast"] for event in whole][-1] == "true"


async def test_transactions_that_concern_one_record_have_a_stamp_each(chain: Chain) -> None:
    first, *_ = await chain.sis.fetch(COURSES)
    await rename(chain.sis, first["course_id"], "one")
    await chain.sis.execute(
        "UPDATE sis.section SET room = 'two' WHERE section_id = $1", first["section_id"]
    )
    events = await at_once(chain)
    key = ("v1p2", "classes", str(first["section_id"]))
    assert [event.key for event in events].count(key) == 2
    assert len(stamps(events)) == 2
    titles = [event.data.count('"title":"one') for event in events if event.key == key]
    rooms = [event.data.count('"location":"two"') for event in events if event.key == key]
    assert (titles, rooms) == ([1, 1], [0, 1])


async def test_only_the_transactions_that_meet_are_told_apart(chain: Chain) -> None:
    first, second, third = (await chain.sis.fetch(COURSES))[:3]
    for course in (first, second):
        await rename(chain.sis, course["course_id"], "one")
    await chain.sis.execute(
        "UPDATE sis.section SET room = 'two' WHERE section_id = $1", second["section_id"]
    )
    await rename(chain.sis, third["course_id"], "three")
    events = await at_once(chain)
    names = list(by_transaction(events))
    assert len(names) == 4
    times = [stamps(whole)[0] for whole in by_transaction(events).values()]
    assert times[0] == times[1] < times[2] == times[3]


async def test_a_row_that_leaves_is_still_told_of_what_happened_before(chain: Chain) -> None:
    """The section shows its old course's new number first, though it is no longer found there."""
    first, second, *_ = await chain.sis.fetch(COURSES)
    await rename(chain.sis, first["course_id"], "one")
    await chain.sis.execute(
        "UPDATE sis.section SET course_id = $2 WHERE section_id = $1",
        first["section_id"],
        second["course_id"],
    )
    events = await at_once(chain)
    told = [event for event in events if event.key == ("v1p2", "classes", str(first["section_id"]))]
    assert ['"title":"one' in event.data for event in told] == [True, False]


async def test_a_guid_that_passes_to_another_person_is_told_in_two_steps(chain: Chain) -> None:
    giver, taker = await chain.sis.fetch(
        "SELECT DISTINCT person_id, person_guid FROM sis.person "
        "JOIN sis.district_assignment AS work USING (person_id) "
        "WHERE teacher AND NOT lms_exclude AND end_date IS NULL AND NOT EXISTS "
        "(SELECT FROM sis.relationship WHERE related_person_id = person_id) "
        "ORDER BY person_id LIMIT 2"
    )
    change = "UPDATE sis.person SET person_guid = $2 WHERE person_id = $1"
    free = "00000000-0000-4000-8000-000000000001"
    await chain.sis.execute(change, giver["person_id"], free)
    await chain.sis.execute(change, taker["person_id"], giver["person_guid"])
    events = await at_once(chain)
    key = ("v1p2", "users", str(giver["person_guid"]))
    assert [event.operation for event in events if event.key == key] == ["deleted", "created"]
    assert len(stamps(events)) == 2


async def test_a_batch_of_too_many_records_is_told_in_several_goes(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects_module, "MOST_TOGETHER", 6)
    for row in (await chain.sis.fetch(ROSTERS))[:5]:
        await chain.sis.execute("DELETE FROM sis.roster WHERE roster_id = $1", *row)
    events = await at_once(chain)
    assert len(by_transaction(events)) == 5
    assert len(stamps(events)) == 2


async def test_many_conflicts_are_not_found_one_at_a_time_in_the_whole_batch(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    commit = apply_module.commit

    async def count(projection: Projection, followed: Followed, transactions: Any) -> None:
        tried.append(len(transactions))
        await commit(projection, followed, transactions)

    monkeypatch.setattr(apply_module, "commit", count)
    people = await chain.sis.fetch("SELECT person_id FROM sis.user_account GROUP BY 1 LIMIT 20")
    for (person_id,) in people:
        await chain.sis.execute("UPDATE sis.person SET email = 'a' WHERE person_id = $1", person_id)
        await chain.sis.execute(
            "UPDATE sis.user_account SET username = 'b' WHERE person_id = $1", person_id
        )
    await at_once(chain)
    assert sum(tried) < 5 * 40
    assert len(people) == 20


async def test_the_cursor_tells_when_the_last_transaction_was_committed(chain: Chain) -> None:
    for (roster_id,) in (await chain.sis.fetch(ROSTERS))[:3]:
        await chain.sis.execute("DELETE FROM sis.roster WHERE roster_id = $1", roster_id)
    await at_once(chain)
    last = chain.source.history[-1]
    row = await chain.store.reader.fetchrow("SELECT * FROM rosterline.cursor WHERE stream = 'SIS'")
    assert row is not None
    assert (row["sequence"], row["position"]) == (last.sequence, last.message.position)
    committed = datetime.fromisoformat(last.message.committed_at)  # type: ignore[union-attr]  # a transaction
    assert abs((row["committed_at"] - committed).total_seconds()) < 0.001
