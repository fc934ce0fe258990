"""G5: a guardian who was more leaves the connections that see none, as they last saw the user."""

from datetime import timedelta

import orjson
import pytest

from rosterline.oneroster.views import EVERY_APP, EVERY_APP_ALTERNATIVE
from rosterline.sample.generate import generate
from tests.integration.projector.test_stamps import Clock
from tests.support.projection import TODAY, Chain, open_chain
from tests.support.servers import Databases

TEACHING_GUARDIAN = """
INSERT INTO sis.relationship
    (relationship_id, student_person_id, related_person_id, guardian, portal)
SELECT 900001, student.person_id, teacher.person_id, true, true
FROM (
    SELECT person_id FROM sis.enrollment JOIN sis.calendar USING (calendar_id)
    JOIN sis.school_year USING (school_year_id)
    WHERE active AND enrollment.end_date IS NULL AND NOT no_show AND NOT enrollment.lms_exclude
    ORDER BY 1 LIMIT 1
) AS student, (
    SELECT person_id FROM sis.district_assignment WHERE teacher AND end_date IS NULL
    AND NOT lms_exclude AND person_id NOT IN (SELECT related_person_id FROM sis.relationship)
    AND person_id NOT IN (SELECT person_id FROM sis.enrollment)
    ORDER BY 1 LIMIT 1
) AS teacher
RETURNING related_person_id
"""


async def teaching_guardian(chain: Chain) -> tuple[int, str]:
    """A visible teacher who has become a guardian as well; number and GUID."""
    person_id = await chain.sis.fetchval(TEACHING_GUARDIAN)
    guid = await chain.sis.fetchval(
        "SELECT person_guid::text FROM sis.person WHERE person_id = $1", person_id
    )
    await chain.sync()
    stored = await chain.store.stored(only_active=True)
    roles = orjson.loads(stored["v1p2", "users", guid])["user"]["roles"]
    assert {role["role"] for role in roles} >= {"teacher", "guardian"}
    return person_id, guid


async def withdrawn(chain: Chain) -> dict[str, dict[str, str]]:
    """The tombstones for connections that see no agents, by app and id."""
    rows = await chain.store.reader.fetch(
        "SELECT app, sourced_id, document, date_last_modified FROM rosterline.withdrawn"
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["app"], {})[row["sourced_id"]] = row["document"]
        stamp = row["date_last_modified"].isoformat(timespec="milliseconds")
        document = orjson.loads(row["document"])
        assert stamp.replace("+00:00", "Z") == document["dateLastModified"]
    return found


@pytest.mark.parametrize("has_secondary", [False, True])
async def test_g5_a_teacher_who_is_only_a_guardian_now_is_withdrawn_as_a_teacher(
    chain: Chain, has_secondary: bool
) -> None:
    person_id, guid = await teaching_guardian(chain)
    address = "other@second.test" if has_secondary else None
    await chain.sis.execute(
        "UPDATE sis.person SET secondary_email = $2 WHERE person_id = $1", person_id, address
    )
    await chain.sis.execute(
        "UPDATE sis.district_assignment SET end_date = $2 WHERE person_id = $1",
        person_id,
        TODAY - timedelta(days=1),
    )
    events = await chain.sync()
    (event,) = [each for each in events if each.key == ("v1p2", "users", guid)][-1:]
    assert event.operation == "updated"
    found = await withdrawn(chain)
    assert set(found) == {EVERY_APP, EVERY_APP_ALTERNATIVE}
    for app, email in ((EVERY_APP, None), (EVERY_APP_ALTERNATIVE, address)):
        dead = orjson.loads(found[app][guid])
        assert dead["status"] == "tobedeleted"
        assert dead["dateLastModified"] == event.headers["ce-time"]
        assert {role["role"] for role in dead["roles"]} == {"teacher"}
        assert "agents" not in dead
        assert email is None or dead["email"] == email


async def test_a_guardian_who_always_was_one_leaves_no_such_tombstone(chain: Chain) -> None:
    person_id = await chain.sis.fetchval(
        "SELECT related_person_id FROM sis.relationship WHERE portal AND end_date IS NULL LIMIT 1"
    )
    await chain.sis.execute(
        "UPDATE sis.person SET given_name = 'Other' WHERE person_id = $1", person_id
    )
    assert await chain.sync()
    assert await withdrawn(chain) == {}


async def test_g5_who_was_deleted_and_returns_as_a_guardian_stays_deleted_for_those_connections(
    chain: Chain,
) -> None:
    """Not every vendor may have polled between the two."""
    person_id, guid = await teaching_guardian(chain)
    relationship = "UPDATE sis.relationship SET portal = $1 WHERE relationship_id = 900001"
    await chain.sis.execute(relationship, False)
    await chain.sis.execute(
        "UPDATE sis.district_assignment SET end_date = $2 WHERE person_id = $1",
        person_id,
        TODAY - timedelta(days=1),
    )
    await chain.sync()
    assert await withdrawn(chain) == {}
    await chain.sis.execute(relationship, True)
    events = await chain.sync()
    (event,) = [each for each in events if each.key == ("v1p2", "users", guid)]
    assert event.operation == "created"
    dead = orjson.loads((await withdrawn(chain))[EVERY_APP][guid])
    assert (dead["status"], dead["dateLastModified"]) == ("tobedeleted", event.headers["ce-time"])
    assert {role["role"] for role in dead["roles"]} == {"teacher"}


async def test_g3_a_commit_that_came_too_late_stamps_these_tombstones_anew_as_well(
    databases: Databases,
) -> None:
    await generate(databases.sis_dsn, students=30, seed=5, progress=lambda *_: None, today=TODAY)
    clock = Clock()
    async with open_chain(databases, now=clock, lead_seconds=1.0) as chain:
        await chain.load()
        person_id, guid = await teaching_guardian(chain)
        await chain.sis.execute(
            "UPDATE sis.district_assignment SET end_date = $2 WHERE person_id = $1",
            person_id,
            TODAY - timedelta(days=1),
        )
        clock.steps = [0, 0, 3600]
        events = [each for each in await chain.sync() if each.key == ("v1p2", "users", guid)]
        assert len(events) == 2
        found = await withdrawn(chain)
        for app in (EVERY_APP, EVERY_APP_ALTERNATIVE):
            stamp = orjson.loads(found[app][guid])["dateLastModified"]
            assert stamp == events[-1].headers["ce-time"] > events[0].headers["ce-time"]
