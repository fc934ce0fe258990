"""Units of any size, decided on a ledger, end as the same lines do one after the other."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from rosterline.ingest.facts import Document
from rosterline.ingest.lines import Line, Outcome, Refused
from rosterline.ingest.rules import assessments
from tests.support.ingest_model import Answer, Model
from tests.support.ingest_strategies import beginning, lines
from tests.support.ingest_world import (
    CLASS,
    OTHER_CLASS,
    OTHER_SCHOOL,
    OTHER_STUDENT,
    RESULTS,
    SCHOOL,
    STUDENT,
    World,
    uuids,
)


def answer_of(outcome: Outcome) -> Answer:
    """The outcome as the model says it."""
    text = outcome.description if isinstance(outcome, Refused) else ""
    return Answer(outcome.status, text)


class Ingest(RuleBasedStateMachine):
    """The rules on their ledger, and a model that knows neither units nor ledgers."""

    seen: ClassVar[set[int]] = set()
    too_deep: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = World(new_id=uuids())
        self.model = Model(
            students={STUDENT, OTHER_STUDENT},
            classes={CLASS: SCHOOL, OTHER_CLASS: OTHER_SCHOOL},
            new_id=uuids(),
            most_levels=assessments.MOST_LEVELS,
        )

    @initialize()
    def a_tree(self) -> None:
        """So that most lines find what they name."""
        unit = beginning()
        assert [answer_of(outcome) for outcome in self.world.decide(*unit)] == self.told(unit)

    @rule(data=st.data(), size=st.integers(1, 10), is_atomic=st.sampled_from([False, False, True]))
    def a_unit(self, data: st.DataObject, size: int, is_atomic: bool) -> None:
        """Decide lines together; those of an atomic unit are kept if all are."""
        known = sorted(self.model.results().values())
        unit = [data.draw(lines(known)) for _ in range(size)]
        before = dict(self.model.live), dict(self.model.deleted)
        expected = self.told(unit)
        decide = self.world.decide_together if is_atomic else self.world.decide
        assert [answer_of(outcome) for outcome in decide(*unit)] == expected
        if is_atomic and any(answer.text for answer in expected):
            self.model.live, self.model.deleted = before

    def told(self, unit: Sequence[Line]) -> list[Answer]:
        """What the model says, line after line; a result is never without its ancestors'."""
        answers = []
        for line in unit:
            answer = self.model.apply(
                line.operation.value, line.entity.value, line.sourced_id, line.body, line.received
            )
            answers.append(answer)
            self.seen.add(answer.status)
            Ingest.too_deep += "too deep" in answer.text
            if not answer.text and line.entity is RESULTS:
                self.check_ancestors(line.sourced_id)
        return answers

    def check_ancestors(self, sourced_id: str) -> None:
        """Each line item above a result has one for that student and minute."""
        places = {name: place for place, name in self.model.results().items()}
        if sourced_id in places:
            student, line_item, minute = places[sourced_id]
            above = self.model.ancestors(line_item)
            assert {(student, each, minute) for each in above} <= set(places.values())

    @invariant()
    def same_records(self) -> None:
        """What is kept is the same."""
        live = {
            (document.entity.value, document.sourced_id): document.body
            for document in self.world.documents.values()
            if not document.is_deleted
        }
        deleted = {
            (document.entity.value, document.sourced_id): document.body
            for document in self.world.documents.values()
            if document.is_deleted
        }
        assert live == self.model.live
        assert deleted == self.model.deleted
        assert self.world.results() == self.model.results()

    @invariant()
    def nothing_names_what_is_deleted(self) -> None:
        """Every live record names live ones."""
        living: list[Document] = [
            document for document in self.world.documents.values() if not document.is_deleted
        ]
        keys = {document.key for document in living}
        assert all(key in keys for document in living for key in document.referred())


def test_g7_units_end_as_the_same_lines_one_after_the_other() -> None:
    Ingest.seen.clear()
    run_state_machine_as_test(Ingest, settings=settings(max_examples=100, stateful_step_count=10))
    assert Ingest.seen == {200, 201, 204, 404, 422}


def test_g7_units_end_alike_where_trees_are_at_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessments, "MOST_LEVELS", 3)
    Ingest.too_deep = 0
    run_state_machine_as_test(Ingest, settings=settings(max_examples=100, stateful_step_count=10))
    assert Ingest.too_deep
