"""Senders of OneRoster 1.1: their names of students, and what 1.1 demands."""

from dataclasses import replace
from typing import Any

import pytest

from rosterline.ingest.facts import RosterRecord
from rosterline.ingest.lines import Line, Refused, Stored
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    CLASS,
    LINE_ITEMS,
    OLDER,
    OTHER_STUDENT,
    PERIOD,
    SCHOOL,
    STUDENT,
    TERM,
    World,
    delete,
    patch,
    put,
    ref,
    uuid,
)

FRACTIONS: dict[str, Any] = {
    "title": "Fractions",
    "assignDate": "2026-09-01T06:00:00.000Z",
    "dueDate": "2026-09-08T06:00:00.000Z",
    "class_": ref(CLASS),
    "category": ref("homework"),
    "gradingPeriod": ref(PERIOD),
    "resultValueMin": 0,
    "resultValueMax": 100,
}
SCORE: dict[str, Any] = {
    "lineItem": ref("fractions"),
    "student": ref("s1"),
    "scoreStatus": "fully graded",
    "score": 92.5,
    "scoreDate": "2026-09-09",
}


def older(line: Line) -> Line:
    """The line, sent in 1.1."""
    return replace(line, sender=OLDER)


ALL = [
    older(put(Entity.CATEGORIES, "homework", title="Homework")),
    older(put(Entity.LINE_ITEMS, "fractions", **FRACTIONS)),
    older(put(Entity.RESULTS, "score", **SCORE)),
]


def ready() -> World:
    """A district in which 1.1 has written one of each."""
    world = World()
    assert world.decide(*ALL) == [Stored(201, changed=True)] * 3
    return world


def told(line: Line) -> str:
    """Why the line is refused."""
    (outcome,) = ready().decide(line)
    assert isinstance(outcome, Refused)
    return outcome.description


def test_a_student_is_kept_by_the_id_that_1_2_has() -> None:
    world = ready()
    assert world.body(Entity.RESULTS, "score")["student"] == ref(STUDENT)
    assert world.documents[Entity.RESULTS, "score"].student_id == STUDENT
    assert world.decide(ALL[2]) == [Stored(200, changed=False)]


@pytest.mark.parametrize("student", [STUDENT, "s2", OTHER_STUDENT])
def test_a_student_whom_1_1_does_not_have_does_not_exist(student: str) -> None:
    text = told(older(put(Entity.RESULTS, "other", **{**SCORE, "student": ref(student)})))
    assert text == f"The result cannot be stored: student names {student}, which does not exist"


def test_a_patch_translates_what_it_names_and_nothing_else() -> None:
    world = ready()
    world.students_v1p1["s2"] = OTHER_STUDENT
    lines = [
        older(patch(Entity.RESULTS, "score", score=1)),
        older(patch(Entity.RESULTS, "score", student=ref("s2"))),
        older(patch(Entity.RESULTS, "score", score=2)),
    ]
    assert [outcome.status for outcome in world.decide(*lines)] == [200, 200, 200]
    assert world.body(Entity.RESULTS, "score")["student"] == ref(OTHER_STUDENT)


@pytest.mark.parametrize("member", ["gradingPeriod", "resultValueMin", "resultValueMax"])
def test_a_line_item_that_1_1_could_not_show_is_refused(member: str) -> None:
    members = {name: value for name, value in FRACTIONS.items() if name != member}
    text = f"The lineItem cannot be stored: {member} is required in OneRoster 1.1"
    assert told(older(put(Entity.LINE_ITEMS, "other", **members))) == text
    without: dict[str, Any] = {member: None}
    assert told(older(patch(Entity.LINE_ITEMS, "fractions", **without))) == text
    newer = put(Entity.LINE_ITEMS, "other", **{**members, "school": ref(SCHOOL)})
    assert ready().decide(newer)[0].status == 201


def test_a_term_with_a_grading_period_stands_for_it() -> None:
    members = {**FRACTIONS, "gradingPeriod": None, "academicSession": ref(TERM)}
    line = older(put(Entity.LINE_ITEMS, "other", **members))
    world = ready()
    assert world.decide(line)[0].status == 201
    world.roster[Entity.ACADEMIC_SESSIONS, TERM] = RosterRecord(None)
    (outcome,) = world.decide(line)
    assert isinstance(outcome, Refused)
    assert "gradingPeriod is required in OneRoster 1.1" in outcome.description


def test_a_result_that_1_1_could_not_show_is_refused() -> None:
    members = {**SCORE, "score": None, "textScore": "A", "scoreStatus": "ext:late"}
    text = told(older(put(Entity.RESULTS, "other", **members)))
    assert text == (
        "The result cannot be stored: score is required in OneRoster 1.1; scoreStatus must be a "
        "word of OneRoster 1.1"
    )


def test_a_line_item_that_1_1_does_not_show_has_no_results_there() -> None:
    world = ready()
    world.decide(
        put(Entity.LINE_ITEMS, "newer", **{**FRACTIONS, "school": ref(SCHOOL), "resultValueMax": 5})
    )
    line = older(put(Entity.RESULTS, "other", **{**SCORE, "lineItem": ref("newer")}))
    assert world.decide(line)[0].status == 201
    world.decide(patch(Entity.LINE_ITEMS, "newer", resultValueMax=None))
    (outcome,) = world.decide(line)
    assert isinstance(outcome, Refused)
    assert "lineItem names newer, which does not exist" in outcome.description


def test_what_only_1_2_has_in_the_roster_is_not_there_for_1_1() -> None:
    world = ready()
    world.roster[Entity.CLASSES, CLASS] = RosterRecord(None, school_id=SCHOOL, in_v1p1=False)
    (outcome,) = world.decide(older(put(Entity.LINE_ITEMS, "other", **FRACTIONS)))
    assert isinstance(outcome, Refused)
    assert f"class names {CLASS}, which does not exist" in outcome.description


def test_1_1_knows_no_school_and_1_2_demands_it() -> None:
    world = ready()
    (outcome,) = world.decide(put(Entity.LINE_ITEMS, "newer", **FRACTIONS))
    assert isinstance(outcome, Refused)
    assert outcome.description.endswith("school is required")
    assert world.decide(patch(Entity.LINE_ITEMS, "fractions", title="x"))[0].status == 200


@pytest.mark.parametrize("entity", [Entity.SCORE_SCALES, LINE_ITEMS, Entity.ASSESSMENT_RESULTS])
def test_1_1_has_no_score_scales_and_no_assessments(entity: Entity) -> None:
    for line in (put(entity, uuid(1), title="x"), delete(entity, uuid(1))):
        (outcome,) = ready().decide(older(line))
        assert outcome == Refused(403, "forbidden", f"The connection cannot write {entity.value}")
