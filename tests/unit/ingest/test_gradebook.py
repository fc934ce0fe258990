"""Gradebook: what is named must be there, what is named must stay, and scores are kept as sent."""

from typing import Any

import pytest

from rosterline.ingest.lines import Line, Refused, Stored
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    CLASS,
    COURSE,
    LINE_ITEMS,
    OTHER_CLASS,
    OTHER_SCHOOL,
    OTHER_STUDENT,
    PERIOD,
    SCHOOL,
    STUDENT,
    TEACHER,
    TERM,
    World,
    delete,
    patch,
    put,
    ref,
    uuid,
)

SCALE: dict[str, Any] = {
    "title": "Letters",
    "type": "letter",
    "course": ref(COURSE),
    "class_": ref(CLASS),
    "scoreScaleValue": [{"itemValueLHS": "A", "itemValueRHS": "90"}],
}
FRACTIONS: dict[str, Any] = {
    "title": "Fractions",
    "assignDate": "2026-09-01T06:00:00.000Z",
    "dueDate": "2026-09-08T06:00:00.000Z",
    "class_": ref(CLASS),
    "school": ref(SCHOOL),
    "category": ref("homework"),
    "gradingPeriod": ref(PERIOD),
    "academicSession": ref(TERM),
    "scoreScale": ref("letters"),
    "resultValueMin": 0,
    "resultValueMax": 100,
}
SCORE: dict[str, Any] = {
    "lineItem": ref("fractions"),
    "student": ref(STUDENT),
    "class_": ref(CLASS),
    "scoreScale": ref("letters"),
    "scoreStatus": "fully graded",
    "score": 92.5,
    "scoreDate": "2026-09-09",
}
ALL = [
    put(Entity.CATEGORIES, "homework", title="Homework"),
    put(Entity.SCORE_SCALES, "letters", **SCALE),
    put(Entity.LINE_ITEMS, "fractions", **FRACTIONS),
    put(Entity.RESULTS, "score", **SCORE),
]


def ready() -> World:
    """A district with one of each."""
    world = World()
    assert world.decide(*ALL) == [Stored(201, changed=True)] * 4
    return world


def refused(world: World, *lines: Line) -> Refused:
    """How the last line is refused."""
    outcome = world.decide(*lines)[-1]
    assert isinstance(outcome, Refused)
    return outcome


@pytest.mark.parametrize(
    ("entity", "sourced_id", "members", "member"),
    [
        *[(Entity.SCORE_SCALES, "letters", SCALE, member) for member in ("class", "course")],
        *[
            (Entity.LINE_ITEMS, "fractions", FRACTIONS, member)
            for member in (
                *("class", "school", "category", "gradingPeriod", "academicSession"),
                "scoreScale",
            )
        ],
        *[(Entity.RESULTS, "score", SCORE, member) for member in ("lineItem", "student")],
        *[(Entity.RESULTS, "score", SCORE, member) for member in ("class", "scoreScale")],
    ],
)
def test_what_is_named_must_be_there(
    entity: Entity, sourced_id: str, members: dict[str, Any], member: str
) -> None:
    world = ready()
    name = "class_" if member == "class" else member
    line = put(entity, sourced_id, **{**members, name: ref("nowhere")})
    told = f"The {entity.single} cannot be stored: {member} names nowhere, which does not exist"
    assert refused(world, line) == Refused(422, "invaliddata", told, may_resolve=True)


def test_all_that_is_not_there_is_told_at_once() -> None:
    line = put(Entity.RESULTS, "other", **{**SCORE, "lineItem": ref("x"), "student": ref("y")})
    assert refused(ready(), line).description == (
        "The result cannot be stored: lineItem names x, which does not exist; student names y, "
        "which does not exist"
    )


def test_what_was_deleted_is_not_there() -> None:
    world = World()
    world.decide(*ALL[:2])
    world.decide(delete(Entity.CATEGORIES, "homework"))
    assert "category names homework" in refused(world, ALL[2]).description


def test_a_teacher_has_no_results() -> None:
    line = put(Entity.RESULTS, "other", **{**SCORE, "student": ref(TEACHER)})
    assert f"student names {TEACHER}" in refused(ready(), line).description


@pytest.mark.parametrize("score", [300, -5, 0.25, "92.5"])
@pytest.mark.parametrize("status", ["exempt", "fully graded", "ext:late-work"])
def test_scores_outside_the_limits_and_all_statuses_are_kept(score: object, status: str) -> None:
    world = ready()
    line = put(Entity.RESULTS, "score", **{**SCORE, "score": score, "scoreStatus": status})
    assert world.decide(line) == [Stored(200, changed=True)]
    assert world.body(Entity.RESULTS, "score")["score"] == score
    assert world.body(Entity.RESULTS, "score")["scoreStatus"] == status


def test_a_results_class_is_its_line_items() -> None:
    line = put(Entity.RESULTS, "other", **{**SCORE, "class_": ref(OTHER_CLASS)})
    assert refused(ready(), line) == Refused(
        422,
        "invaliddata",
        f"The result cannot be stored: class names {OTHER_CLASS}, which is not the class of "
        "lineItem fractions",
    )


@pytest.mark.parametrize(
    ("line", "school", "class_id"),
    [
        (
            put(Entity.LINE_ITEMS, "new", **{**FRACTIONS, "school": ref(OTHER_SCHOOL)}),
            OTHER_SCHOOL,
            CLASS,
        ),
        (patch(Entity.LINE_ITEMS, "fractions", school=ref(OTHER_SCHOOL)), OTHER_SCHOOL, CLASS),
        (patch(Entity.LINE_ITEMS, "fractions", class_=ref(OTHER_CLASS)), SCHOOL, OTHER_CLASS),
    ],
)
def test_a_line_items_school_is_its_classs(line: Line, school: str, class_id: str) -> None:
    assert refused(ready(), line) == Refused(
        422,
        "invaliddata",
        f"The lineItem cannot be stored: school names {school}, which is not the school of class "
        f"{class_id}",
    )
    both: dict[str, Any] = {"class_": ref(OTHER_CLASS), "school": ref(OTHER_SCHOOL)}
    outcome = ready().decide(patch(Entity.LINE_ITEMS, "fractions", **both))
    assert outcome == [Stored(200, changed=True)]


def test_a_student_may_have_several_results_and_a_result_may_change_its_student() -> None:
    world = ready()
    assert world.decide(put(Entity.RESULTS, "again", **SCORE))[0].status == 201
    moved = put(Entity.RESULTS, "score", **{**SCORE, "student": ref(OTHER_STUDENT)})
    assert world.decide(moved) == [Stored(200, changed=True)]


@pytest.mark.parametrize(
    ("entity", "sourced_id", "referring"),
    [
        (Entity.CATEGORIES, "homework", "lineItems"),
        (Entity.SCORE_SCALES, "letters", "lineItems and results"),
        (Entity.LINE_ITEMS, "fractions", "results"),
    ],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_what_is_referred_to_stays(
    entity: Entity, sourced_id: str, referring: str, at_once: bool
) -> None:
    world = World() if at_once else ready()
    told = f"The {entity.single} {sourced_id} cannot be deleted while {referring} refer to it"
    answer = refused(world, *(ALL if at_once else ()), delete(entity, sourced_id))
    assert answer == Refused(422, "deletefailure", told)


def test_all_goes_from_what_refers_to_what_is_referred_to() -> None:
    world = ready()
    lines = [delete(line.entity, line.sourced_id) for line in reversed(ALL)]
    assert world.decide(*lines) == [Stored(204, changed=True)] * 4
    assert all(document.body["status"] == "tobedeleted" for document in world.documents.values())


def test_what_no_longer_refers_lets_go() -> None:
    world = ready()
    outcomes = world.decide(
        patch(Entity.LINE_ITEMS, "fractions", scoreScale=None),
        patch(Entity.RESULTS, "score", scoreScale=None),
        delete(Entity.SCORE_SCALES, "letters"),
    )
    assert [outcome.status for outcome in outcomes] == [200, 200, 204]


def test_a_scale_that_an_assessment_names_stays_too() -> None:
    world = World()
    world.decide(ALL[1], put(LINE_ITEMS, uuid(1), title="x", scoreScale=ref("letters")))
    told = refused(world, delete(Entity.SCORE_SCALES, "letters")).description
    assert told.endswith("while assessmentLineItems refer to it")


def test_columns_name_what_the_body_names() -> None:
    world = ready()
    line_item = world.documents[Entity.LINE_ITEMS, "fractions"]
    assert (line_item.class_id, line_item.category_id) == (CLASS, "homework")
    assert (line_item.score_scale_id, line_item.session_id) == ("letters", PERIOD)
    result = world.documents[Entity.RESULTS, "score"]
    assert (result.line_item_id, result.student_id) == ("fractions", STUDENT)
    assert (result.class_id, result.score_scale_id) == (CLASS, "letters")
    assert result.minute is None
    world.decide(patch(Entity.LINE_ITEMS, "fractions", gradingPeriod=None))
    assert world.documents[Entity.LINE_ITEMS, "fractions"].session_id == TERM
