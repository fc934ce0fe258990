"""What written records show of the roster follows it, in the roster's own transaction."""

from dataclasses import dataclass

import orjson
import pytest

from rosterline.projector.duties import attend
from rosterline.projector.rebuild import rebuild
from tests.integration.projector.checks import feed_faults, replay, transaction_faults
from tests.integration.projector.test_departures import GUID, STUDENT, Mover, departed, settle
from tests.support.gradebooks import find_place, put
from tests.support.projection import Chain, Event
from tests.support.written_documents import (
    BATTERY,
    CATEGORY,
    LINE_ITEM,
    RESULT,
    SCORE_SCALE,
    Document,
    assessment,
    assessment_result,
    ref,
)

SCORE = assessment_result(BATTERY)
SCHOOLS = "SELECT schools FROM v1p2.assessment_results WHERE sourced_id = $1"
STANDING = "SELECT schools FROM v1p2.line_items"
GRADEBOOK = (CATEGORY, SCORE_SCALE, LINE_ITEM, RESULT)


@dataclass(frozen=True)
class Scored:
    """A student of two schools with a score."""

    mover: Mover

    @property
    def chain(self) -> Chain:
        """The chain."""
        return self.mover.chain

    async def schools(self) -> list[str]:
        """Where the score stands."""
        found: list[str] = await self.chain.store.reader.fetchval(SCHOOLS, SCORE.sourced_id)
        return found


@pytest.fixture
async def scored(chain: Chain) -> Scored:
    """A student with a score, and others without."""
    mover = await settle(chain)
    await write(chain, assessment(BATTERY, "Fall"), SCORE.but(student=ref(GUID)))
    return Scored(mover)


async def write(chain: Chain, *documents: Document) -> list[Event]:
    """Write documents; the events of it."""
    await put(chain.store.reader, *documents)
    return await chain.sync_records()


def written(events: list[Event]) -> list[Event]:
    """Those of written records."""
    return [event for event in events if event.headers["ce-transactionid"].endswith("-written")]


async def test_g5_a_score_goes_with_its_student_and_leaves_a_tombstone_at_the_school(
    scored: Scored,
) -> None:
    mover = scored.mover
    assert await scored.schools() == [mover.home]
    events = await mover.go()
    assert await scored.schools() == [mover.other]
    tombs = await departed(scored.chain)
    key = ("v1p2.assessment_results", mover.home, SCORE.sourced_id)
    assert tombs[key]["status"] == "tobedeleted"
    (moved,) = written(events)
    assert moved is events[-1]
    assert moved.operation == "updated"
    assert moved.headers["ce-transactionlast"] == "true"
    assert moved.headers["ce-transactionindex"] == "1"
    (name,) = {one.headers["ce-transactionid"] for one in events[:-1]}
    assert moved.headers["ce-transactionid"] == f"{name}-written"
    assert len({one.headers["ce-time"] for one in events}) == 1
    await mover.go(back=True)
    assert key not in await departed(scored.chain)
    assert feed_faults(scored.chain.store.events) == []


@pytest.mark.parametrize("column", ["email", "given_name"])
async def test_what_no_score_shows_of_a_student_concerns_none(scored: Scored, column: str) -> None:
    await scored.chain.sis.execute(
        f"UPDATE sis.person SET {column} = 'other' WHERE person_id = $1", STUDENT
    )
    events = await scored.chain.sync()
    assert {event.entity for event in events} == {"users"}
    assert written(events) == []


async def test_a_score_that_came_before_its_student_stands_with_the_student_then(
    chain: Chain,
) -> None:
    """Nothing of the roster is needed for a record; without it no school sees it."""
    await write(chain, assessment(BATTERY, "Fall"), SCORE.but(student=ref(GUID)))
    assert await Scored(Mover(chain, None)).schools() == []  # type: ignore[arg-type]  # nobody moves
    told = len(chain.store.events)
    mover = await settle(chain)
    assert await Scored(mover).schools() == [mover.home]
    (score,) = written(chain.store.events[told:])
    assert score.key == ("v1p2", "assessmentResults", SCORE.sourced_id)


async def test_a_username_brings_the_results_of_a_student_into_1_1(chain: Chain) -> None:
    place = await find_place(chain.store.reader)
    person_id = int(place.row["older"][1:])
    username = "SELECT username FROM sis.user_account WHERE person_id = $1"
    known = await chain.sis.fetchval(username, person_id)
    await write(chain, *map(place.at, GRADEBOOK))
    assert ("v1p1", "results", RESULT.sourced_id) in await chain.store.stored()
    # Who never had a username was never in 1.1: as if the student had come just now.
    for table in ("results", "users"):
        await chain.store.reader.execute(
            f"DELETE FROM v1p1.{table} WHERE sourced_id = ANY($1)",
            [RESULT.sourced_id, place.row["older"]],
        )
    other = f"{known}2"
    await chain.sis.execute(
        "UPDATE sis.user_account SET username = $1 WHERE person_id = $2", other, person_id
    )
    events = written(await chain.sync())
    assert [event.key for event in events] == [("v1p1", "results", RESULT.sourced_id)]
    data = orjson.loads(events[0].data)["result"]
    assert data["student"]["sourcedId"] == place.row["older"]


async def test_a_class_that_changes_school_takes_its_gradebook_along(scored: Scored) -> None:
    """A result stands where both its class and its student do."""
    mover, chain = scored.mover, scored.chain
    row = mover.row
    of_class = {"class": ref(str(row["section_id"])), "school": None, "gradingPeriod": None}
    result = RESULT.but(student=ref(GUID))
    gradebook = [one.but(**of_class) for one in (SCORE_SCALE, LINE_ITEM, result)]
    await write(chain, CATEGORY, *gradebook)
    assert await chain.store.reader.fetchval(STANDING) == [mover.home]
    move = "UPDATE sis.course SET calendar_id = $1 WHERE course_id = $2"
    await chain.sis.execute(move, row["other_calendar_id"], row["course_id"])
    events = written(await chain.sync())
    assert [event.entity for event in events][:3] == ["scoreScales", "lineItems", "results"]
    assert await chain.store.reader.fetchval(STANDING) == [mover.other]
    assert await chain.store.reader.fetchval("SELECT schools FROM v1p2.results") == []
    assert transaction_faults(chain.store.events) == []
    assert replay(chain.store.events) == await chain.store.stored()


async def test_a_new_day_takes_scores_along(scored: Scored) -> None:
    """Whose only membership ends tomorrow is a tombstone then, and its scores stay where it was."""
    chain, projection = scored.chain, scored.chain.store.projection
    before = await scored.schools()
    projection.today = lambda: projection.day.replace(year=projection.day.year + 1)
    told = len(chain.store.events)
    await attend(projection)
    await chain.store.collect()
    assert await scored.schools() == before
    assert replay(chain.store.events) == await chain.store.stored()
    assert transaction_faults(chain.store.events[told:]) == []


async def test_a_damaged_record_is_mended_by_a_rebuild_and_one_without_document_goes(
    scored: Scored,
) -> None:
    chain, reader = scored.chain, scored.chain.store.reader
    projection = chain.store.projection
    await reader.execute("UPDATE v1p2.assessment_results SET digest = '', document = '{}'")
    await reader.execute(
        "INSERT INTO v1p2.categories (sourced_id, status, date_last_modified, document, digest, "
        "sequence) VALUES ('invented', 'active', now(), $1, '', 0)",
        '{"sourcedId":"invented","status":"active",'
        '"dateLastModified":"2025-01-01T00:00:00.000Z","title":"x"}',
    )
    told = len(chain.store.events)
    await rebuild(projection, projection.context(projection.reference), "rebuild-1")
    await chain.store.collect()
    events = chain.store.events[told:]
    assert [(event.entity, event.operation) for event in events] == [
        ("assessmentResults", "updated"),
        ("categories", "deleted"),
    ]
    assert {event.headers["ce-transactionid"] for event in events} == {"rebuild-1-written"}
