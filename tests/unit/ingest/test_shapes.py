"""What is no record of the standard: all that is wrong with it, in one answer."""

from collections.abc import Callable
from typing import Any

import pytest

from rosterline.events.commands import MOST_RECORD_BYTES
from rosterline.ingest.lines import Line, Refused
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    CLASS,
    LINE_ITEMS,
    RESULTS,
    SCHOOL,
    STUDENT,
    World,
    line_item,
    patch,
    put,
    ref,
    result,
    uuid,
)

A, R = uuid(1), uuid(11)
FRACTIONS: dict[str, Any] = {
    "title": "Fractions",
    "assignDate": "2026-09-01T06:00:00.000Z",
    "dueDate": "2026-09-08T06:00:00.000Z",
    "class_": ref(CLASS),
    "school": ref(SCHOOL),
    "category": ref("homework"),
}
SCORE: dict[str, Any] = {
    "lineItem": ref("fractions"),
    "student": ref(STUDENT),
    "scoreDate": "2026-10-05",
}
SCALE: dict[str, Any] = {
    "title": "Letters",
    "type": "letter",
    "class_": ref(CLASS),
    "scoreScaleValue": [{"itemValueLHS": "A", "itemValueRHS": "90"}],
}
WHOLE: dict[Entity, dict[str, Any]] = {
    Entity.CATEGORIES: {"title": "Homework"},
    Entity.SCORE_SCALES: SCALE,
    Entity.LINE_ITEMS: FRACTIONS,
    Entity.RESULTS: SCORE,
    LINE_ITEMS: {"title": "Reading"},
    RESULTS: {"assessmentLineItem": ref(A), "student": ref(STUDENT)},
}
REQUIRED = [(entity, member) for entity, members in WHOLE.items() for member in members]


def ready() -> World:
    """A district in which all of `WHOLE` can be put."""
    world = World()
    world.decide(
        put(Entity.CATEGORIES, "homework", title="Homework"),
        put(Entity.LINE_ITEMS, "fractions", **FRACTIONS),
        line_item(A),
    )
    return world


def told(line: Line) -> str:
    """Why the line is refused."""
    (outcome,) = ready().decide(line)
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.code_minor, outcome.may_resolve) == (422, "invaliddata", False)
    return outcome.description


@pytest.mark.parametrize("entity", WHOLE)
def test_what_the_standard_requires_suffices(entity: Entity) -> None:
    assert ready().decide(put(entity, R, **WHOLE[entity]))[0].status == 201


@pytest.mark.parametrize(("entity", "member"), REQUIRED)
@pytest.mark.parametrize("absent", [None, ...], ids=["null", "left out"])
def test_every_required_member_is_missed(entity: Entity, member: str, absent: object) -> None:
    members = {name: value for name, value in WHOLE[entity].items() if name != member}
    if absent is None:
        members[member] = None
    expected = f"The {entity.single} cannot be stored: {member.removesuffix('_')} is required"
    assert told(put(entity, R, **members)) == expected


def test_all_that_is_wrong_is_told_at_once_in_plain_words() -> None:
    line = put(
        Entity.LINE_ITEMS,
        "no id",
        status="gone",
        assignDate="tomorrow",
        dueDate=7,
        class_={},
        school=[],
        category=ref("Ä"),
        resultValueMin="few",
        learningObjectiveSet=[{"source": "mine", "learningObjectiveIds": []}, 1],
        metadata="x",
    )
    assert told(line).removeprefix("The lineItem cannot be stored: ").split("; ") == [
        "sourcedId must be 1 to 255 characters of 0-9 A-Z a-z . - _ / @",
        "status must be 'active' or 'tobedeleted'",
        "metadata must be an object",
        "title is required",
        "assignDate must be a date and time such as 2026-09-01T06:00:00.000Z",
        "dueDate must be a text",
        "class.sourcedId is required",
        "school must be an object",
        "category.sourcedId must be 1 to 255 characters of 0-9 A-Z a-z . - _ / @",
        "resultValueMin must be a number",
        "learningObjectiveSet.0.learningObjectiveIds must hold one item or more",
        "learningObjectiveSet.1 must be an object",
    ]


def test_a_refusal_tells_no_values() -> None:
    secret = "Private Ada"
    line = put(
        RESULTS,
        R,
        assessmentLineItem=secret,
        student={"sourcedId": 5, "name": secret},
        score=secret,
        scoreStatus=secret,
        scoreDate=secret,
        textScore=[secret],
        late=secret,
        comment=5,
    )
    text = told(line)
    assert "Private" not in text
    assert all(member in text for member in ("assessmentLineItem", "student.sourcedId", "score "))
    assert all(member in text for member in ("scoreStatus", "scoreDate", "textScore", "comment"))


@pytest.mark.parametrize("name", ["title", "x", "dateLastModified"])
def test_the_character_that_no_database_holds_is_refused_wherever_it_is(name: str) -> None:
    members: dict[str, Any] = {"title": "Reading", name: "a\0b"}
    if name == "dateLastModified":
        assert ready().decide(put(LINE_ITEMS, R, **members))[0].status == 201
        return
    text = f"The assessmentLineItem cannot be stored: {name} holds the character U+0000"
    assert told(put(LINE_ITEMS, R, **members)) == text


@pytest.mark.parametrize(
    "members",
    [
        {"class_": {"sourcedId": CLASS, "href": "\0"}},
        {"metadata": {"deep": [{"\0": 1}]}},
        {"component": {"sourcedId": "c", "x": "\0"}},
    ],
)
def test_it_is_found_where_nobody_reads_it(members: dict[str, Any]) -> None:
    assert "holds the character U+0000" in told(line_item(R, **members))
    named: dict[str, Any] = {"title": "Reading", "a\0": 1}
    assert "a\\u0000 holds" in told(put(LINE_ITEMS, R, **named))


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            {"assignDate": "2026-09-08T06:00:00.001Z", "dueDate": "2026-09-08T06:00:00Z"},
            "dueDate is before assignDate",
        ),
        (
            {"assignDate": "2026-09-08T07:00:00+02:00", "dueDate": "2026-09-08T04:59:00Z"},
            "dueDate is before assignDate",
        ),
        (
            {"assignDate": "2026-09-09", "dueDate": "2026-09-08T23:59:59Z"},
            "dueDate is before assignDate",
        ),
        (
            {"resultValueMin": 2, "resultValueMax": 1.5},
            "resultValueMin is above resultValueMax",
        ),
        (
            {"resultValueMin": "10", "resultValueMax": "9"},
            "resultValueMin is above resultValueMax",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(members: dict[str, Any], problem: str) -> None:
    text = told(put(Entity.LINE_ITEMS, "x", **{**FRACTIONS, **members}))
    assert text == f"The lineItem cannot be stored: {problem}"


def test_what_goes_together_is_not() -> None:
    same = {"assignDate": "2026-09-08", "dueDate": "2026-09-08T00:00:00Z"}
    limits = {"resultValueMin": 1, "resultValueMax": "1"}
    line = put(Entity.LINE_ITEMS, "x", **{**FRACTIONS, **same, **limits})
    assert ready().decide(line)[0].status == 201


def test_a_patch_is_checked_with_what_it_is_merged_into() -> None:
    world = ready()
    (outcome,) = world.decide(patch(Entity.LINE_ITEMS, "fractions", dueDate="2026-08-01"))
    assert isinstance(outcome, Refused)
    assert "dueDate is before assignDate" in outcome.description
    (outcome,) = world.decide(patch(Entity.LINE_ITEMS, "fractions", title=None))
    assert isinstance(outcome, Refused)
    assert "title is required" in outcome.description


@pytest.mark.parametrize("make", [lambda: result(R, A), lambda: put(Entity.RESULTS, "r", **SCORE)])
@pytest.mark.parametrize("score_date", ["soon", "2026-05-11T09", "", 20261005])
def test_a_score_date_must_be_one(make: Callable[[], Line], score_date: object) -> None:
    line = make()
    assert line.body is not None
    wrong = put(line.entity, line.sourced_id, **{**line.body, "scoreDate": score_date})
    forms = (
        "must be a date such as 2026-10-05, or a date and time such as 2026-10-05T09:31:00Z or "
        "2026-10-05T09:31:00.000-05:00"
    )
    problem = forms if isinstance(score_date, str) else "must be a text"
    assert told(wrong) == f"The {line.entity.single} cannot be stored: scoreDate {problem}"


@pytest.mark.parametrize(
    "entity", [Entity.CATEGORIES, Entity.SCORE_SCALES, Entity.LINE_ITEMS, LINE_ITEMS]
)
@pytest.mark.parametrize("title", ["", " ", "\t\n", "\u00a0\u2003"])
def test_a_title_has_more_than_white_space(entity: Entity, title: str) -> None:
    expected = f"The {entity.single} cannot be stored: title is blank"
    assert told(put(entity, R, **{**WHOLE[entity], "title": title})) == expected
    world = ready()
    world.decide(put(entity, R, **WHOLE[entity]))
    (outcome,) = world.decide(patch(entity, R, title=title))
    assert isinstance(outcome, Refused)
    assert outcome.description == expected
    assert world.decide(patch(entity, R, title=" x "))[0].status == 200


@pytest.mark.parametrize(
    "entity", [Entity.CATEGORIES, Entity.SCORE_SCALES, Entity.LINE_ITEMS, Entity.RESULTS]
)
@pytest.mark.parametrize("sourced_id", [".", ".."])
def test_no_record_is_named_as_a_step_in_a_path(entity: Entity, sourced_id: str) -> None:
    expected = f"The {entity.single} cannot be stored: sourcedId must not be . or .."
    assert told(put(entity, sourced_id, **WHOLE[entity])) == expected
    assert ready().decide(put(entity, f".{sourced_id}.", **WHOLE[entity]))[0].status == 201


def test_an_assessment_so_named_is_told_as_the_seed_tells_it() -> None:
    assert told(line_item("..")).endswith("must be in valid UUID format. .. is not.")


def test_two_names_for_a_line_item_may_not_name_two() -> None:
    text = told(result(R, A, lineItem=ref(uuid(2))))
    assert "lineItem names another line item than assessmentLineItem" in text
    assert ready().decide(result(R, A, lineItem=ref(A)))[0].status == 201
    assert ready().decide(result(R, A, lineItem=None))[0].status == 201


def test_a_reference_of_absurd_length_is_not_repeated() -> None:
    text = told(line_item(R, "x" * 256))
    assert "parentAssessmentLineItem.sourcedId must be 1 to 255 characters" in text
    assert "xxx" not in text


def test_no_record_grows_too_large_by_patches() -> None:
    world = ready()
    parts = [{f"part{number}": "x" * 15_000} for number in range(5)]
    patches = [patch(RESULTS, R, metadata=part) for part in parts]
    world.decide(result(R, A))
    assert [outcome.status for outcome in world.decide(*patches)] == [200] * 4 + [422]
    assert f"at most {MOST_RECORD_BYTES} bytes" in told_by(world, patches[4])
    smaller = patch(RESULTS, R, metadata={"part0": None, "part4": "x" * 15_000})
    assert world.decide(smaller)[0].status == 200


def told_by(world: World, line: Line) -> str:
    """Why a line is refused."""
    (outcome,) = world.decide(line)
    assert isinstance(outcome, Refused)
    return outcome.description
