"""The ledger of a unit: what it asks for, what later lines see, what is to be written."""

from datetime import UTC, datetime

import pytest

from rosterline.ingest.facts import Document, Found, Needs
from rosterline.ingest.ledger import Ledger
from rosterline.ingest.named import document_of
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    CLASS,
    LINE_ITEMS,
    OLDER,
    OTHER_STUDENT,
    RESULTS,
    STUDENT,
    World,
    delete,
    line_item,
    patch,
    put,
    ref,
    result,
    uuid,
)

A, B, C, R, S = (uuid(number) for number in range(1, 6))
MIDNIGHT = datetime(2026, 10, 5, tzinfo=UTC)


def kept(sourced_id: str, line_item_id: str, minute: datetime = MIDNIGHT) -> Document:
    """A result as it is kept."""
    body = {"assessmentLineItem": ref(line_item_id), "student": ref(STUDENT)}
    return document_of((RESULTS, sourced_id), body, app="x", minute=minute)


def test_new_results_are_looked_up_in_two_rounds() -> None:
    world = World()
    world.decide(line_item(A), line_item(B, A), line_item(C, B))
    world.rounds = 0
    world.decide(result(R, C), result(S, C, OTHER_STUDENT))
    assert world.rounds == 2


def test_all_places_above_a_result_are_asked_for() -> None:
    world = World()
    world.decide(line_item(A), line_item(B, A))
    lines = [line_item(C, B), result(R, C)]
    ledger = Ledger()
    first = ledger.missing(lines)
    assert first.chains == {B, C}
    assert first.documents == {(RESULTS, R)}
    assert first.roster == {(Entity.USERS, STUDENT)}
    ledger.learn(first, world.find(first))
    second = ledger.missing(lines)
    assert second == Needs(results={(STUDENT, each, MIDNIGHT) for each in (A, B, C)})


def test_a_patch_asks_for_what_it_is_merged_into() -> None:
    world = World()
    world.decide(line_item(A), result(R, A))
    ledger = Ledger()
    first = ledger.missing([patch(RESULTS, R, score=1)])
    assert first == Needs(documents={(RESULTS, R)})
    ledger.learn(first, world.find(first))
    second = ledger.missing([patch(RESULTS, R, score=1)])
    assert (second.chains, second.roster) == ({A}, {(Entity.USERS, STUDENT)})


def test_whole_bodies_are_asked_for_only_where_something_is_merged_or_compared() -> None:
    unit = [
        line_item(A),
        delete(LINE_ITEMS, B),
        result(R, C),
        delete(RESULTS, S),
        patch(Entity.LINE_ITEMS, "x", title="Quiz"),
        delete(Entity.LINE_ITEMS, "x"),
    ]
    needs = Ledger().missing(unit)
    assert needs.chains == {A, B, C}
    assert needs.partial == {(LINE_ITEMS, B), (LINE_ITEMS, C), (RESULTS, S)}
    # What 1.1 shows of a line item is more than where it stands.
    needs = Ledger().missing([put(Entity.RESULTS, "y", sender=OLDER, lineItem=ref("x"))])
    assert needs.documents == {(Entity.LINE_ITEMS, "x"), (Entity.RESULTS, "y")}
    assert needs.partial == set()


@pytest.mark.parametrize("sourced_id", ["", "a b", "Ä", "x" * 256, "a\0b", "a\n"])
def test_what_can_be_no_id_is_not_asked_for(sourced_id: str) -> None:
    lines = [
        put(Entity.CATEGORIES, sourced_id, title="x"),
        delete(LINE_ITEMS, sourced_id),
        result(sourced_id, sourced_id, sourced_id),
    ]
    ledger = Ledger()
    assert not ledger.missing(lines)
    assert all(ledger.live(line.key) is None for line in lines)
    assert ledger.roster((Entity.CLASSES, sourced_id)) is None


def test_what_was_not_asked_for_is_a_mistake() -> None:
    ledger = Ledger()
    with pytest.raises(KeyError):
        ledger.live((LINE_ITEMS, A))
    with pytest.raises(KeyError):
        ledger.roster((Entity.CLASSES, CLASS))
    with pytest.raises(KeyError):
        ledger.result((STUDENT, A, MIDNIGHT))
    with pytest.raises(KeyError):
        ledger.referring((LINE_ITEMS, A))


def learned(*stored: Document) -> Ledger:
    """A ledger that knows results of line item A, and that others are free."""
    ledger = Ledger()
    minutes = {MIDNIGHT, MIDNIGHT.replace(hour=1)}
    needs = Needs(
        documents={(RESULTS, R), (RESULTS, S)},
        chains={A},
        results={(STUDENT, A, minute) for minute in minutes},
    )
    found = Found(
        documents={document.key: document for document in stored},
        results={key: d.sourced_id for d in stored if (key := d.result_key)},
    )
    ledger.learn(needs, found)
    return ledger


def test_a_place_belongs_to_whoever_stands_there_now() -> None:
    ledger = learned(kept(R, A))
    here, later = (STUDENT, A, MIDNIGHT), (STUDENT, A, MIDNIGHT.replace(hour=1))
    assert (ledger.result(here), ledger.result(later)) == (R, None)
    ledger.put(kept(R, A, MIDNIGHT.replace(hour=1)))
    assert (ledger.result(here), ledger.result(later)) == (None, R)
    ledger.put(kept(S, A))
    assert (ledger.result(here), ledger.result(later)) == (S, R)
    ledger.put(kept(S, A, MIDNIGHT.replace(hour=2)))
    assert ledger.result(here) is None
    ledger.put(kept(R, A))
    assert (ledger.result(here), ledger.result(later)) == (R, None)


def test_what_is_rolled_back_has_not_been() -> None:
    ledger = learned(kept(R, A))
    here, later = (STUDENT, A, MIDNIGHT), (STUDENT, A, MIDNIGHT.replace(hour=1))
    ledger.put(kept(S, A, MIDNIGHT.replace(hour=1)))
    mark = ledger.mark()
    ledger.put(kept(R, A, MIDNIGHT.replace(hour=2)))
    ledger.put(kept(S, A))
    ledger.put(kept(R, A, MIDNIGHT.replace(hour=1)))
    assert (ledger.result(here), ledger.result(later)) == (S, R)
    ledger.rollback(mark)
    assert (ledger.result(here), ledger.result(later)) == (R, S)
    assert [document.sourced_id for document in ledger.changes()] == [S]
    ledger.rollback(0)
    assert ledger.changes() == []
    assert ledger.result(later) is None


def test_each_record_is_written_once_in_its_last_state_and_after_its_parents() -> None:
    world = World()
    world.decide(line_item(A))
    lines = [
        line_item(A, title="first"),
        line_item(B),
        line_item(C, B),
        line_item(A, C, title="last"),
        line_item(B, title="again"),
        result(S, A, scoreDate="2026-10-06"),
        put(Entity.CATEGORIES, "x", title="y"),
    ]
    ledger = world.ledger_for(lines)
    assert ledger.changes() == []
    world.decide(*lines)
    ledger = world.ledger_for(lines)
    for line in lines:
        document = world.documents[line.key]
        ledger.put(document)
    keys = [document.key for document in ledger.changes()]
    assert keys == [
        (Entity.CATEGORIES, "x"),
        (LINE_ITEMS, B),
        (LINE_ITEMS, C),
        (LINE_ITEMS, A),
        (RESULTS, S),
    ]
    assert world.body(LINE_ITEMS, A)["title"] == "last"


def test_who_refers_is_asked_past_those_whom_the_ledger_knows() -> None:
    world = World()
    world.decide(line_item(A), result(R, A), result(S, A, OTHER_STUDENT))
    lines = [delete(RESULTS, R), delete(LINE_ITEMS, A)]
    ledger = Ledger()
    needs = ledger.missing(lines)
    ledger.learn(needs, world.find(needs))
    assert ledger.missing(lines) == Needs(referred={(LINE_ITEMS, A)}, passed_over={(RESULTS, R)})


def test_who_refers_is_asked_anew_when_one_of_them_becomes_known() -> None:
    world = World()
    world.decide(line_item(A), result(R, A))
    going = [delete(LINE_ITEMS, A)]
    ledger = world.ledger_for(going)
    assert ledger.referring((LINE_ITEMS, A)) == {RESULTS}
    more = [delete(RESULTS, R), *going]
    asked = []
    while needs := ledger.missing(more):
        asked.append(needs)
        ledger.learn(needs, world.find(needs))
    assert asked[-1] == Needs(referred={(LINE_ITEMS, A)}, passed_over={(RESULTS, R)})


def test_a_circle_that_somebody_stored_ends_nothing() -> None:
    circle = [
        document_of((LINE_ITEMS, A), {"parentAssessmentLineItem": ref(B)}, app="x"),
        document_of((LINE_ITEMS, B), {"parentAssessmentLineItem": ref(A)}, app="x"),
    ]
    ledger = Ledger()
    ledger.learn(
        Needs(chains={A}), Found(documents={document.key: document for document in circle})
    )
    assert [document.sourced_id for document in ledger.ancestors(A)] == [B]
