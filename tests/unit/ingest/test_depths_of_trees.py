"""Trees of assessment line items end somewhere: at a level for all, and each is passed once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from rosterline.ingest.facts import Document
from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Key, Line, Refused, Stored
from rosterline.ingest.named import document_of
from rosterline.ingest.rules.assessments import MOST_LEVELS
from tests.support.ingest_world import (
    RESULTS,
    STUDENT,
    World,
    line_item,
    ref,
    result,
    uuid,
)

MINUTE = datetime(2026, 10, 5, tzinfo=UTC)
NEW = Stored(201, changed=True)


def chain(length: int, first: int = 1) -> list[Line]:
    """Line items, each below the one before."""
    return [
        line_item(uuid(number), uuid(number - 1) if number > first else None)
        for number in range(first, first + length)
    ]


def told(world: World, *lines: Line) -> str:
    """Why the last line is refused, and no other."""
    *others, last = world.decide(*lines)
    assert all(isinstance(outcome, Stored) for outcome in others)
    assert isinstance(last, Refused)
    assert last.status == 422
    return last.description


@pytest.mark.parametrize("at_once", [True, False])
def test_a_tree_has_fifty_levels_at_most(at_once: bool) -> None:
    world, lowest = World(), line_item(uuid(1000), uuid(MOST_LEVELS))
    tree = chain(MOST_LEVELS)
    if not at_once:
        assert world.decide(*tree) == [NEW] * 50
        tree = []
    text = told(world, *tree, lowest)
    assert text.startswith(f"{uuid(1000)} Assessment Line Item would stand too deep")
    assert "at most 50 levels" in text
    assert world.decide(line_item(uuid(1000), uuid(MOST_LEVELS - 1))) == [NEW]


def test_a_leaf_moves_no_deeper_than_it_could_be_created() -> None:
    world, leaf = World(), uuid(1000)
    world.decide(*chain(MOST_LEVELS), line_item(leaf))
    assert "too deep" in told(world, line_item(leaf, uuid(MOST_LEVELS)))
    outcomes = world.decide(line_item(leaf, uuid(MOST_LEVELS - 1)), line_item(leaf))
    assert [outcome.status for outcome in outcomes] == [200, 200]


def deeper(levels: int) -> World:
    """A tree that somebody stored before there was an end to them."""
    world = World()
    world.keep(tree_of(levels))
    return world


def tree_of(levels: int) -> Iterator[Document]:
    """Its line items."""
    for line in chain(levels):
        yield document_of(line.key, line.body or {}, app="x")


def test_a_tree_that_is_deeper_already_takes_results_and_changes_of_its_line_items() -> None:
    world = deeper(60)
    lines = [line_item(uuid(60), uuid(59), title="Other"), result(uuid(2000), uuid(60))]
    assert [outcome.status for outcome in world.decide(*lines)] == [200, 201]
    assert len(world.results()) == 60
    assert "too deep" in told(world, line_item(uuid(1000), uuid(60)))


class Counting(Ledger):
    """Counts what it is asked for."""

    asked = 0

    @override
    def live(self, key: Key) -> Document | None:
        """The record."""
        self.asked += 1
        return super().live(key)


def test_putting_documents_in_order_passes_each_level_once() -> None:
    levels = 400
    documents = [*tree_of(levels)]
    for number in range(1, levels + 1):
        body = {"assessmentLineItem": ref(uuid(number)), "student": ref(STUDENT)}
        documents.append(document_of((RESULTS, uuid(5000 - number)), body, app="", minute=MINUTE))
    ledger = Counting()
    for document in reversed(documents):
        ledger.put(document)
    ordered = ledger.changes()
    assert 0 < ledger.asked < 10 * levels
    expected = [uuid(number) for number in range(1, levels + 1)]
    assert [each.sourced_id for each in ordered[:levels]] == expected
    assert [each.line_item_id for each in ordered[levels:]] == expected
