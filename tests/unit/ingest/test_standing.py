"""Senders who are limited to schools: for them the rest of the district does not exist."""

from dataclasses import replace
from typing import Any

import pytest

from rosterline.ingest.facts import RosterRecord
from rosterline.ingest.lines import Line, Refused
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    CLASS,
    LINE_ITEMS,
    LOCAL,
    OTHER_CLASS,
    OTHER_SCHOOL,
    OTHER_STUDENT,
    RESULTS,
    SCHOOL,
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

A, B, R, S = uuid(1), uuid(2), uuid(11), uuid(12)
BOTH = "student-of-both"


def column(sourced_id: str, class_id: str, school: str, category: str = "homework") -> Line:
    """A line item of a class."""
    return put(
        Entity.LINE_ITEMS,
        sourced_id,
        title="Fractions",
        class_=ref(class_id),
        school=ref(school),
        category=ref(category),
        assignDate="2026-09-01",
        dueDate="2026-09-08",
    )


def scale(sourced_id: str, class_id: str) -> Line:
    """A score scale of a class."""
    values = [{"itemValueLHS": "A", "itemValueRHS": "90"}]
    return put(
        Entity.SCORE_SCALES,
        sourced_id,
        title="Letters",
        type="letter",
        class_=ref(class_id),
        scoreScaleValue=values,
    )


def score(sourced_id: str, line_item_id: str, student: str) -> Line:
    """A result in a line item of a class."""
    named = {"lineItem": ref(line_item_id), "student": ref(student)}
    return put(Entity.RESULTS, sourced_id, scoreDate="2026-10-05", sender=WHOLE, **named)


WHOLE = replace(LOCAL, app="whole", schools=None)
THERE: list[Line] = [
    put(Entity.CATEGORIES, "homework", title="Homework"),
    column("here", CLASS, SCHOOL),
    column("there", OTHER_CLASS, OTHER_SCHOOL),
    scale("scale-here", CLASS),
    scale("scale-there", OTHER_CLASS),
    score("score-here", "here", STUDENT),
    score("score-there", "there", OTHER_STUDENT),
    score("score-between", "here", OTHER_STUDENT),
    line_item(A),
    line_item(B, class_=ref(OTHER_CLASS)),
    result(R, A),
    result(S, A, OTHER_STUDENT),
]


def ready() -> World:
    """A district with records of both schools."""
    world = World()
    world.roster[Entity.USERS, BOTH] = RosterRecord(
        frozenset({SCHOOL, OTHER_SCHOOL}), is_student=True
    )
    assert all(outcome.status == 201 for outcome in world.decide(*THERE))
    return world


def by(line: Line) -> Line:
    """The line, sent by a connection of one school."""
    return replace(line, sender=LOCAL)


def description(line: Line, world: World | None = None) -> str:
    """Why the limited sender is refused."""
    (outcome,) = (world or ready()).decide(by(line))
    assert isinstance(outcome, Refused)
    return outcome.description


ELSEWHERE: list[tuple[Entity, str, dict[str, Any]]] = [
    (Entity.LINE_ITEMS, "there", {"title": "x"}),
    (Entity.SCORE_SCALES, "scale-there", {"title": "x"}),
    (Entity.RESULTS, "score-there", {"score": 1}),
    (Entity.RESULTS, "score-between", {"score": 1}),
    (LINE_ITEMS, B, {"title": "x"}),
    (RESULTS, S, {"score": 1}),
    (Entity.CATEGORIES, "homework", {"title": "x"}),
    (LINE_ITEMS, A, {"title": "x"}),
    (LINE_ITEMS, A, {"title": "x", "class": ref(CLASS)}),
]
HERE: list[tuple[Entity, str, dict[str, Any]]] = [
    (Entity.LINE_ITEMS, "here", {"title": "x"}),
    (Entity.SCORE_SCALES, "scale-here", {"title": "x"}),
    (Entity.RESULTS, "score-here", {"score": 1}),
    (RESULTS, R, {"score": 1}),
]


@pytest.mark.parametrize(("entity", "sourced_id", "members"), ELSEWHERE)
def test_what_stands_elsewhere_is_neither_changed_nor_deleted(
    entity: Entity, sourced_id: str, members: dict[str, Any]
) -> None:
    world = ready()
    before = dict(world.documents)
    lines = [
        patch(entity, sourced_id, **members),
        put(entity, sourced_id, **members),
        delete(entity, sourced_id),
        patch(entity, sourced_id, status="tobedeleted"),
    ]
    told = f"The {entity.single} {sourced_id} stands outside the schools of the connection"
    for line in lines:
        assert world.decide(by(line)) == [Refused(403, "forbidden", told)]
    assert world.documents == before


@pytest.mark.parametrize(("entity", "sourced_id", "members"), HERE)
def test_what_stands_here_is_changed(
    entity: Entity, sourced_id: str, members: dict[str, Any]
) -> None:
    (outcome,) = ready().decide(by(patch(entity, sourced_id, **members)))
    assert outcome.status == 200


@pytest.mark.parametrize("line", [put(Entity.CATEGORIES, "own", title="Quiz"), line_item(uuid(3))])
def test_what_stands_everywhere_is_changed_and_deleted_by_who_wrote_it_last(line: Line) -> None:
    world = ready()
    change, going = patch(*line.key, title="x"), delete(*line.key)
    outcomes = world.decide(by(line), by(change), by(going), by(line), change, by(going))
    assert [outcome.status for outcome in outcomes] == [201, 200, 204, 201, 200, 403]


def test_a_result_here_is_deleted_in_the_unit_that_made_it() -> None:
    world = World()
    lines = [*THERE[:3], score("score-here", "here", STUDENT)]
    outcome = world.decide(*lines, by(delete(Entity.RESULTS, "score-here")))[-1]
    assert outcome.status == 204


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            result(uuid(13), A, OTHER_STUDENT),
            f"No student record exists with the GUID {OTHER_STUDENT}",
        ),
        (result(uuid(13), B), f"No assessment line item record exists with the GUID {B}"),
        (line_item(uuid(3), B), f"No assessment line item record exists with the GUID {B}"),
        (
            line_item(uuid(3), class_=ref(OTHER_CLASS)),
            f"class names {OTHER_CLASS}, which does not exist",
        ),
        (column("new", OTHER_CLASS, SCHOOL), f"class names {OTHER_CLASS}, which does not exist"),
        (column("new", CLASS, OTHER_SCHOOL), f"school names {OTHER_SCHOOL}, which does not exist"),
        (scale("new", OTHER_CLASS), f"class names {OTHER_CLASS}, which does not exist"),
        (score("new", "there", STUDENT), "lineItem names there, which does not exist"),
        (
            score("new", "here", OTHER_STUDENT),
            f"student names {OTHER_STUDENT}, which does not exist",
        ),
    ],
)
def test_what_stands_elsewhere_is_told_as_what_does_not_exist(line: Line, told: str) -> None:
    assert description(line).endswith(told)
    without = World(documents=ready().documents)
    for entity, sourced_id in [
        (Entity.CLASSES, OTHER_CLASS),
        (Entity.ORGS, OTHER_SCHOOL),
        (Entity.USERS, OTHER_STUDENT),
    ]:
        del without.roster[entity, sourced_id]
    assert description(line, without).endswith(told)


def test_a_score_scale_elsewhere_is_none() -> None:
    line = patch(Entity.LINE_ITEMS, "here", scoreScale=ref("scale-there"))
    assert "scoreScale names scale-there, which does not exist" in description(line)


def test_who_writes_for_all_schools_may_name_an_unknown_class_in_an_assessment() -> None:
    world = ready()
    assert world.decide(line_item(uuid(3), class_=ref("nowhere")))[0].status == 201


def test_a_student_of_both_schools_has_results_here() -> None:
    world = ready()
    assert world.decide(by(result(uuid(13), A, BOTH)))[0].status == 201
    assert world.decide(by(score("new", "here", BOTH)))[0].status == 201


def test_a_record_that_its_writer_could_not_read_is_refused() -> None:
    world = ready()
    both = replace(LOCAL, schools=frozenset({SCHOOL, OTHER_SCHOOL}))
    line = replace(score("new", "here", OTHER_STUDENT), sender=both)
    (outcome,) = world.decide(line)
    assert isinstance(outcome, Refused)
    assert "student names student-2, who is not at the class's school" in outcome.description
