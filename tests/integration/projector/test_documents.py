"""Written documents through the projector: records of both versions and their events."""

import orjson
import pytest

from tests.integration.projector.checks import feed_faults, replay
from tests.support.gradebooks import Place, find_place, put, remove
from tests.support.projection import Chain, Event
from tests.support.written_documents import (
    BATTERY,
    CATEGORY,
    LINE_ITEM,
    LINK_DOCUMENTS,
    ONE_OF_EACH_WRITTEN,
    READING,
    RESOURCE,
    RESULT,
    SCORE_SCALE,
    VOCABULARY,
    Document,
    assessment,
    assessment_result,
)

REVISION = "SELECT revision FROM rosterline.cursor WHERE stream = 'RECORDS'"


@pytest.fixture
async def place(chain: Chain) -> Place:
    """A class of the district."""
    return await find_place(chain.store.reader)


async def write(chain: Chain, *documents: Document) -> list[Event]:
    """Write documents in one transaction; the events of it."""
    await put(chain.store.reader, *documents)
    return await chain.sync_records()


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    """Version, entity and operation of events."""
    return [(event.version, event.entity, event.operation) for event in events]


async def test_documents_become_records_and_events_of_both_versions(
    chain: Chain, place: Place
) -> None:
    events = await write(chain, *map(place.at, ONE_OF_EACH_WRITTEN))
    assert told(events) == [
        ("v1p2", "categories", "created"),
        ("v1p2", "scoreScales", "created"),
        ("v1p2", "lineItems", "created"),
        ("v1p2", "results", "created"),
        *[("v1p2", "assessmentLineItems", "created")] * 3,
        *[("v1p2", "assessmentResults", "created")] * 3,
        ("v1p2", "resources", "created"),
        ("v1p1", "categories", "created"),
        ("v1p1", "lineItems", "created"),
        ("v1p1", "results", "created"),
        ("v1p1", "resources", "created"),
    ]
    (name,) = {event.headers["ce-transactionid"] for event in events}
    position = chain.store.records.history[-1].message.position
    assert name == f"records-1-{position}"
    stored = await chain.store.stored()
    assert replay(chain.store.events) == stored
    assert feed_faults(chain.store.events) == []
    older = orjson.loads(stored["v1p1", "results", "result-1"])["result"]
    assert older["student"]["sourcedId"] == place.row["older"]


async def test_the_cursor_and_who_listens_hear_of_the_revision(chain: Chain) -> None:
    heard: list[object] = []

    def hear(*found: object) -> None:
        heard.append(found[-1])

    reader = chain.store.reader
    await reader.add_listener("rosterline_revision", hear)
    revisions = [await put(reader, CATEGORY.but(title=f"{number}")) for number in range(3)]
    await chain.sync_records()
    assert await reader.fetchval(REVISION) == revisions[-1]
    assert heard == [str(revisions[0]), str(revisions[1]), str(revisions[2])]
    await reader.remove_listener("rosterline_revision", hear)


async def test_what_shows_nothing_new_makes_no_event_but_is_shown(chain: Chain) -> None:
    await write(chain, CATEGORY)
    revision = await put(chain.store.reader, CATEGORY)
    assert await chain.sync_records() == []
    assert await chain.store.reader.fetchval(REVISION) == revision


async def test_a_deleted_document_leaves_a_tombstone_and_comes_back(
    chain: Chain, place: Place
) -> None:
    await write(chain, *map(place.at, (CATEGORY, SCORE_SCALE, LINE_ITEM, RESULT)))
    deleted = place.at(RESULT).but(status="tobedeleted")
    assert told(await write(chain, deleted)) == [
        ("v1p1", "results", "deleted"),
        ("v1p2", "results", "deleted"),
    ]
    assert told(await write(chain, place.at(RESULT))) == [
        ("v1p2", "results", "created"),
        ("v1p1", "results", "created"),
    ]
    assert replay(chain.store.events) == await chain.store.stored()


async def test_a_document_that_vanishes_is_buried_as_last_seen(chain: Chain) -> None:
    await write(chain, CATEGORY)
    before = (await chain.store.stored())["v1p2", "categories", "category-1"]
    await remove(chain.store.reader, CATEGORY)
    (older, newer) = await chain.sync_records()
    assert told([older, newer]) == [
        ("v1p1", "categories", "deleted"),
        ("v1p2", "categories", "deleted"),
    ]
    assert (
        orjson.loads(newer.data)["category"]["title"] == orjson.loads(before)["category"]["title"]
    )


async def test_what_1_1_can_show_no_more_goes_there_and_stays_in_1_2(
    chain: Chain, place: Place
) -> None:
    await write(chain, *map(place.at, (CATEGORY, SCORE_SCALE, LINE_ITEM, RESULT)))
    events = await write(chain, place.at(LINE_ITEM).but(resultValueMax=None))
    assert told(events) == [
        ("v1p2", "lineItems", "updated"),
        ("v1p1", "results", "deleted"),
        ("v1p1", "lineItems", "deleted"),
    ]
    assert told(await write(chain, place.at(LINE_ITEM))) == [
        ("v1p2", "lineItems", "updated"),
        ("v1p1", "lineItems", "created"),
        ("v1p1", "results", "created"),
    ]
    assert feed_faults(chain.store.events) == []


async def test_a_tree_is_told_from_the_root_down_and_taken_away_from_the_leaves_up(
    chain: Chain, place: Place
) -> None:
    tree = [assessment(VOCABULARY, "V", READING), assessment(READING, "R", BATTERY)]
    tree += [assessment(BATTERY, "B")]
    scores = [place.at(assessment_result(one)) for one in (VOCABULARY, READING, BATTERY)]
    events = await write(chain, *scores, *tree)
    order = [event.key[2] for event in events if event.entity == "assessmentLineItems"]
    assert order == [BATTERY, READING, VOCABULARY]
    gone = [one.but(status="tobedeleted") for one in (*tree, *scores)]
    events = await write(chain, *gone)
    order = [event.key[2] for event in events if event.entity == "assessmentLineItems"]
    assert order == [VOCABULARY, READING, BATTERY]
    assert feed_faults(chain.store.events) == []


async def test_a_link_shows_in_its_resource(chain: Chain, place: Place) -> None:
    await write(chain, RESOURCE)
    links = [place.at(one) for one in LINK_DOCUMENTS]
    assert told(await write(chain, *links)) == [
        ("v1p2", "resources", "updated"),
        ("v1p1", "resources", "updated"),
    ]
    row = await chain.store.reader.fetchrow("SELECT * FROM v1p2.resources")
    assert row is not None
    assert row["class_ids"] == [place.row["class"]]
    assert row["user_ids"] == [place.row["student"]]
    await remove(chain.store.reader, links[0])
    assert len(await chain.sync_records()) == 2
    assert await chain.store.reader.fetchval("SELECT class_ids FROM v1p2.resources") == []


async def test_a_large_document_of_which_only_another_column_changes_stays_whole(
    chain: Chain,
) -> None:
    """PostgreSQL does not repeat in its WAL what it keeps beside the row."""
    large = CATEGORY.but(metadata={"text": "".join(map(str, range(9000)))})
    reader = chain.store.reader
    await write(chain, large)
    await reader.execute("UPDATE records.document SET revision = 99")
    assert await chain.sync_records() == []
    (change,) = chain.store.records.history[-1].message.changes  # type: ignore[union-attr]  # a transaction
    assert change.unchanged == ("body",)
    assert await reader.fetchval(REVISION) == 99
    both = "SELECT (SELECT body FROM records.document) = (SELECT body FROM mirror.document)"
    assert await reader.fetchval(both)
