"""Which changes are told, and how: nothing visible, tombstones, returns, order, places, bytes."""

from random import Random
from typing import Any
from uuid import uuid4

import orjson
import pytest

from rosterline.events.catalogue import MODELS
from rosterline.oneroster.vocabulary import COLLECTIONS, Entity, Version
from rosterline.projector.store import TABLE
from tests.integration.projector.checks import feed_faults, references, replay
from tests.integration.projector.mutation import Mutator
from tests.support.projection import TODAY, Chain, Event

ACTIVE_STUDENT = """
SELECT person_id, person_guid::text FROM sis.enrollment JOIN sis.person USING (person_id)
JOIN sis.calendar USING (calendar_id) JOIN sis.school_year USING (school_year_id)
WHERE active AND no_show = false AND enrollment.lms_exclude = false
AND calendar.lms_exclude = false AND enrollment.end_date IS NULL
AND EXISTS (SELECT FROM sis.roster WHERE roster.person_id = person.person_id AND end_date IS NULL)
ORDER BY person_id LIMIT 1
"""
INVISIBLE = {
    "suffix": "UPDATE sis.person SET suffix = 'Jr.'",
    "the same value": "UPDATE sis.person SET given_name = given_name, birth_date = birth_date",
    "the state's grade code": "UPDATE sis.grade_level SET state_grade_code = 'other'",
    "a calendar's name": "UPDATE sis.calendar SET name = 'other'",
    "another year": "UPDATE sis.school_year SET start_year = start_year - 1 WHERE NOT active",
    "there and back": "UPDATE sis.person SET given_name = upper(given_name); "
    "UPDATE sis.person SET given_name = before.given_name FROM kept AS before "
    "WHERE before.person_id = person.person_id",
}


async def student(chain: Chain) -> tuple[int, str]:
    """An active student with classes: id and GUID."""
    row = await chain.sis.fetchrow(ACTIVE_STUDENT)
    assert row is not None
    return row[0], row[1]


def of_record(event: Event) -> dict[str, Any]:
    """The event's record."""
    found: dict[str, Any] = orjson.loads(event.data)[Entity(event.entity).single]
    return found


@pytest.mark.parametrize("what", INVISIBLE)
async def test_what_nobody_can_see_makes_no_event_and_no_stamp(chain: Chain, what: str) -> None:
    await chain.sis.execute("CREATE TABLE kept AS SELECT person_id, given_name FROM sis.person")
    before, stored = chain.store.projection, await chain.store.stored()
    clock, sequence = before.clock, before.sis.cursor.sequence
    async with chain.sis.transaction():
        await chain.sis.execute(INVISIBLE[what])
    assert await chain.sync() == []
    after = chain.store.projection
    assert after.clock == clock
    assert after.sis.cursor.sequence == chain.source.sequence > sequence
    assert await chain.store.stored() == stored
    assert await chain.store.reader.fetchval("SELECT last_stamp FROM rosterline.clock") == (
        clock.last_stamp
    )


async def test_a_record_that_leaves_is_told_as_last_seen_and_comes_back_as_created(
    chain: Chain,
) -> None:
    person_id, guid = await student(chain)
    seen = (await chain.store.stored())["v1p2", "users", guid]
    exclude = "UPDATE sis.enrollment SET lms_exclude = $2 WHERE person_id = $1"
    await chain.sis.execute(exclude, person_id, True)
    gone = {event.key: event for event in await chain.sync()}["v1p2", "users", guid]
    assert gone.operation == "deleted"
    old_stamp = orjson.loads(seen)["user"]["dateLastModified"]
    assert gone.data == seen.replace('"active"', '"tobedeleted"', 1).replace(
        old_stamp, gone.headers["ce-time"], 1
    )
    await chain.sis.execute(exclude, person_id, False)
    back = {event.key: event for event in await chain.sync()}["v1p2", "users", guid]
    assert back.operation == "created"
    assert back.data == seen.replace(old_stamp, back.headers["ce-time"], 1)


async def test_a_deleted_row_leaves_a_tombstone_of_what_was_last_seen(chain: Chain) -> None:
    person_id, _ = await student(chain)
    roster_id = await chain.sis.fetchval(
        "SELECT roster_id FROM sis.roster WHERE person_id = $1 AND end_date IS NULL", person_id
    )
    key = ("v1p2", "enrollments", f"r{roster_id}")
    seen = orjson.loads((await chain.store.stored())[key])["enrollment"]
    await chain.sis.execute("DELETE FROM sis.roster WHERE roster_id = $1", roster_id)
    older, event = await chain.sync()
    assert (event.key, event.operation) == (key, "deleted")
    assert (older.key, older.operation) == (("v1p1", *key[1:]), "deleted")
    changed = {"status": "tobedeleted", "dateLastModified": event.headers["ce-time"]}
    assert of_record(event) == seen | changed
    await chain.sis.execute("UPDATE sis.person SET suffix = 'x' WHERE person_id = $1", person_id)
    assert await chain.sync() == []


async def test_a_person_under_a_new_guid_is_another_user_and_all_references_follow(
    chain: Chain,
) -> None:
    person_id, guid = await student(chain)
    new = str(uuid4())
    await chain.sis.execute(
        "UPDATE sis.person SET person_guid = $2 WHERE person_id = $1", person_id, new
    )
    events = await chain.sync()
    told = {event.key: event.operation for event in events}
    assert told["v1p2", "users", new] == "created"
    assert told["v1p2", "users", guid] == "deleted"
    active = await chain.store.stored(only_active=True)
    pointed = {
        key
        for (version, *_), text in active.items()
        for key, _ in references(version, orjson.loads(text))
    }
    assert ("v1p2", "users", new) in pointed
    assert ("v1p2", "users", guid) not in pointed


@pytest.mark.parametrize("seed", [11, 12])
async def test_the_feed_is_whole_in_order_and_equal_to_what_is_stored(
    chain: Chain, seed: int
) -> None:
    mutator = Mutator(chain.sis, Random(seed), TODAY)
    for _ in range(20):
        for _ in range(3):
            await mutator.transaction()
        before = dict(await chain.store.stored())
        events = await chain.sync()
        stored = await chain.store.stored()
        assert before | replay(events) == stored, mutator.done
        changed = {key for key, text in stored.items() if before.get(key) != text}
        assert changed == {event.key for event in events}, mutator.done
    assert feed_faults(chain.store.events) == []


async def test_every_event_has_the_bytes_stored_at_its_stamp(chain: Chain) -> None:
    mutator = Mutator(chain.sis, Random(21), TODAY)
    for _ in range(25):
        await mutator.transaction()
        for event in await chain.sync():
            assert (await chain.store.stored())[event.key] == event.data
            assert of_record(event)["dateLastModified"] == event.headers["ce-time"]


async def test_stored_columns_say_what_the_documents_say(chain: Chain) -> None:
    mutator = Mutator(chain.sis, Random(22), TODAY)
    for _ in range(40):
        await mutator.transaction()
    await chain.sync()
    last = {event.key: event.sequence for event in chain.store.events}
    for collection in COLLECTIONS:
        for row in await chain.store.reader.fetch(f"SELECT * FROM {TABLE[collection]}"):
            document = orjson.loads(row["document"])
            assert row["sourced_id"] == document["sourcedId"]
            assert row["status"] == document["status"]
            stamp = row["date_last_modified"].isoformat(timespec="milliseconds")
            assert stamp.replace("+00:00", "Z") == document["dateLastModified"]
            assert (
                row["sequence"]
                == last[collection.version.value, collection.entity.value, row["sourced_id"]]
            )
            if "type" in row:
                assert row["type"] == document["type"]
            if "is_student" in row:
                held = document.get("roles") or [document]
                roles = {role["role"] for role in held}
                assert (row["is_student"], row["is_teacher"], row["is_agent"]) == (
                    "student" in roles,
                    "teacher" in roles,
                    roles <= {"guardian", "relative"},
                )


async def test_tombstones_stay_valid_records(chain: Chain) -> None:
    mutator = Mutator(chain.sis, Random(23), TODAY)
    for _ in range(40):
        await mutator.transaction()
    deleted = [event for event in await chain.sync() if event.operation == "deleted"]
    assert deleted
    for event in deleted:
        model = MODELS[Version(event.version)][Entity(event.entity)]
        record = model.model_validate_json(orjson.dumps(of_record(event)))
        assert record.status == "tobedeleted"
