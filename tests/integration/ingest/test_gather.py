"""What is looked up for the rules is what stands there, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from rosterline.ingest.facts import Document, Needs, RosterRecord
from rosterline.ingest.gather import gather
from rosterline.ingest.store import write_documents
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_roster import fill, fill_whole
from tests.support.ingest_world import STUDENT, whole_roster
from tests.support.servers import Databases

LINE_ITEMS, RESULTS = Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS
MINUTE = datetime(2026, 10, 1, 8, 15, tzinfo=UTC)
GUID = UUID("aa0e4f1b-519f-43ff-82dc-49a0117c7ea6")
PERSON = "INSERT INTO mirror.person (person_id, person_guid) VALUES (4711, $1)"


@pytest.fixture
async def connection(databases: Databases) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(databases.dsn)
    yield opened
    await opened.close()


def part(number: int, parent: int | None = None) -> Document:
    """An assessment line item."""
    parent_id = None if parent is None else f"part-{parent}"
    return Document(LINE_ITEMS, f"part-{number}", {"title": "Part"}, "vendor", parent_id=parent_id)


def score(number: int, of: int, *, is_deleted: bool = False) -> Document:
    """An assessment result."""
    return Document(
        RESULTS,
        f"score-{number}",
        {"score": 1.5, "note": 'ä"\\'},
        "vendor",
        is_deleted=is_deleted,
        line_item_id=f"part-{of}",
        student_id=STUDENT,
        minute=MINUTE,
    )


async def test_records_of_the_roster_come_with_what_the_rules_ask_of_them(
    connection: asyncpg.Connection,
) -> None:
    roster = whole_roster()
    roster[Entity.USERS, "newer"] = RosterRecord(None, is_student=True, in_v1p1=False)
    await fill(connection, roster)
    needs = Needs(roster={*roster, (Entity.USERS, "nobody"), (Entity.ORGS, STUDENT)})
    assert (await gather(connection, needs)).roster == roster


async def test_a_student_of_1_1_is_found_by_the_number_and_by_the_guid(
    connection: asyncpg.Connection,
) -> None:
    student = RosterRecord(frozenset({"school-1"}), is_student=True)
    await fill(connection, {(Entity.USERS, str(GUID)): student})
    await connection.execute("UPDATE v1p1.users SET sourced_id = 's4711'")
    await connection.execute(PERSON, GUID)
    needs = Needs(
        students_v1p1={"s4711", "s4712", "t4711", "s99999999999999999999"},
        roster={(Entity.USERS, str(GUID))},
    )
    found = await gather(connection, needs)
    assert found.students_v1p1 == {"s4711": str(GUID)}
    assert found.roster[Entity.USERS, str(GUID)].in_v1p1
    await connection.execute("DELETE FROM v1p1.users")
    found = await gather(connection, needs)
    assert found.students_v1p1 == {}
    assert not found.roster[Entity.USERS, str(GUID)].in_v1p1


async def test_documents_come_as_they_were_written(connection: asyncpg.Connection) -> None:
    written = [part(1), score(1, of=1), score(2, of=2, is_deleted=True)]
    await write_documents(connection, written, carefully=False)
    needs = Needs(documents={(RESULTS, "score-1"), (RESULTS, "score-2"), (LINE_ITEMS, "score-1")})
    found = await gather(connection, needs)
    assert found.documents == {document.key: document for document in written[1:]}


async def test_a_chain_leads_to_the_root_and_to_no_other_tree(
    connection: asyncpg.Connection,
) -> None:
    parts = [part(1), part(2, 1), part(3, 2), part(4, 2), part(5)]
    await write_documents(connection, parts, carefully=False)
    found = await gather(connection, Needs(chains={"part-3", "part-9"}))
    assert set(found.documents) == {(LINE_ITEMS, f"part-{number}") for number in (1, 2, 3)}


async def test_results_are_found_by_student_line_item_and_minute_if_they_live(
    connection: asyncpg.Connection,
) -> None:
    await write_documents(
        connection, [score(1, of=1), score(2, of=2, is_deleted=True)], carefully=False
    )
    keys = {(STUDENT, "part-1", MINUTE), (STUDENT, "part-2", MINUTE), ("nobody", "part-1", MINUTE)}
    found = await gather(connection, Needs(results=keys))
    assert found.results == {(STUDENT, "part-1", MINUTE): "score-1"}


async def test_who_refers_to_a_record_is_told_but_for_the_dead_and_those_passed_over(
    connection: asyncpg.Connection,
) -> None:
    await write_documents(
        connection,
        [part(1), part(2, 1), score(1, of=1), score(2, of=2, is_deleted=True)],
        carefully=False,
    )
    asked = {(LINE_ITEMS, "part-1"), (LINE_ITEMS, "part-2"), (Entity.CATEGORIES, "part-1")}
    found = await gather(connection, Needs(referred=asked))
    assert found.referred == {(LINE_ITEMS, "part-1"): frozenset({LINE_ITEMS, RESULTS})}
    passed_over = {(LINE_ITEMS, "part-2"), (RESULTS, "part-2"), (RESULTS, "score-1")}
    found = await gather(connection, Needs(referred=asked, passed_over=passed_over))
    assert found.referred == {}


@pytest.mark.parametrize(
    ("target", "referring", "column"),
    [
        (Entity.CATEGORIES, Entity.LINE_ITEMS, "category_id"),
        (Entity.LINE_ITEMS, Entity.RESULTS, "line_item_id"),
        (Entity.SCORE_SCALES, Entity.LINE_ITEMS, "score_scale_id"),
        (Entity.SCORE_SCALES, Entity.RESULTS, "score_scale_id"),
        (Entity.SCORE_SCALES, LINE_ITEMS, "score_scale_id"),
        (Entity.SCORE_SCALES, RESULTS, "score_scale_id"),
    ],
)
async def test_every_reference_between_written_records_is_found(
    connection: asyncpg.Connection, target: Entity, referring: Entity, column: str
) -> None:
    named: dict[str, Any] = {column: "two"}
    document = Document(referring, "one", {}, "vendor", **named)
    assert list(document.referred()) == [(target, "two")]
    await write_documents(connection, [document], carefully=False)
    found = await gather(connection, Needs(referred={(target, "two")}))
    assert found.referred == {(target, "two"): frozenset({referring})}


async def test_of_what_is_only_named_or_goes_no_more_is_read_than_where_it_stands(
    connection: asyncpg.Connection,
) -> None:
    large = {"title": "Part", "metadata": {"x": "y" * 50_000}, "student": None}
    body = {**large, "class": {"sourcedId": "class-1", "href": "about:blank"}}
    tree = [replace(part(number, number - 1 or None), body=body) for number in range(1, 5)]
    marks = replace(score(1, of=1), body=large)
    await write_documents(connection, [*tree, marks], carefully=False)
    going = {(LINE_ITEMS, "part-4"), marks.key}
    needs = Needs(documents={marks.key}, chains={"part-2", "part-4"}, partial=going)
    found = (await gather(connection, needs)).documents
    assert {key[1]: document.is_partial for key, document in found.items()} == {
        "part-1": True,
        "part-2": False,
        "part-3": True,
        "part-4": True,
        "score-1": True,
    }
    assert found[LINE_ITEMS, "part-2"].body == body
    named = [found[LINE_ITEMS, f"part-{number}"].body for number in (1, 3, 4)]
    assert named == [{"class": {"sourcedId": "class-1"}}] * 3
    assert found[marks.key].body == {}


async def test_what_goes_keeps_its_body_though_nobody_read_it(
    connection: asyncpg.Connection,
) -> None:
    await write_documents(connection, [score(1, of=1)], carefully=False)
    needs = Needs(documents={(RESULTS, "score-1")}, partial={(RESULTS, "score-1")})
    (found,) = (await gather(connection, needs)).documents.values()
    going = replace(found, body={**found.body, "status": "tobedeleted"}, is_deleted=True)
    for carefully in (False, True):
        await write_documents(connection, [going], carefully=carefully)
        (gone,) = (await gather(connection, replace(needs, partial=set()))).documents.values()
        assert gone.body == {**score(1, of=1).body, "status": "tobedeleted"}
        assert gone.is_deleted


async def test_nothing_is_asked_for_nothing(connection: asyncpg.Connection) -> None:
    await fill_whole(connection)
    asked: list[str] = []
    connection.add_query_logger(lambda record: asked.append(record.query))
    await gather(connection, Needs())
    assert asked == []
