"""Written documents as records of OneRoster 1.1."""

import json
from dataclasses import replace
from typing import Any

import pytest

from rosterline.oneroster import v1p1
from rosterline.oneroster.record import Record
from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.written import build_written
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts, WrittenFacts
from rosterline.projector.rules.written_v1p1 import written_in_v1p1
from tests.support.facts import built
from tests.support.written_documents import (
    BATTERY,
    CATEGORY,
    CLASS,
    FACTS,
    LINE_ITEM,
    RESOURCE,
    RESULT,
    SCORE_SCALE,
    STUDENT,
    Document,
    assessment,
    assessment_result,
    ref,
)

BASE = "~/ims/oneroster/v1p1"


def build(document: Document, facts: WrittenFacts = FACTS) -> Verdict:
    """The 1.1 verdict on a document."""
    entity = Entity(document.collection)
    return written_in_v1p1(build_written(entity, document.sourced_id, document.body, facts), facts)


def sent(document: Document, facts: WrittenFacts = FACTS) -> dict[str, Any]:
    """The record as it is sent."""
    record = built(build(document, facts), Record)
    members: dict[str, Any] = json.loads(record.model_dump_json(by_alias=True, exclude_none=True))
    return members


def kept_out(document: Document, facts: WrittenFacts = FACTS) -> KeptOut:
    """Why 1.1 has no such record, although 1.2 has it."""
    entity = Entity(document.collection)
    built(build_written(entity, document.sourced_id, document.body, facts), Record)
    verdict = build(document, facts)
    assert isinstance(verdict, KeptOut)
    return verdict


@pytest.mark.parametrize(
    ("document", "members"),
    [
        (CATEGORY, ["title"]),
        (
            LINE_ITEM,
            [
                *("title", "description", "assignDate", "dueDate", "class", "category"),
                *("gradingPeriod", "resultValueMin", "resultValueMax"),
            ],
        ),
        (RESULT, ["lineItem", "student", "scoreStatus", "score", "scoreDate", "comment"]),
        (
            RESOURCE,
            ["title", "roles", "importance", "vendorResourceId", "vendorId", "applicationId"],
        ),
    ],
    ids=["category", "lineItem", "result", "resource"],
)
def test_a_record_has_the_members_of_1_1_and_no_others(
    document: Document, members: list[str]
) -> None:
    extended = document.but(metadata={"a": None}, ours="x", course=ref("course-1"))
    assert list(sent(extended)) == [
        "sourcedId",
        "status",
        "dateLastModified",
        "metadata",
        *members,
    ]
    assert sent(extended)["metadata"] == {"a": None}


def test_all_addresses_are_those_of_the_one_service_of_1_1() -> None:
    line_item, result = sent(LINE_ITEM), sent(RESULT)
    assert line_item["class"] == {
        "href": f"{BASE}/classes/class-1",
        "sourcedId": "class-1",
        "type": "class",
    }
    assert line_item["category"]["href"] == f"{BASE}/categories/category-1"
    assert line_item["gradingPeriod"]["href"] == f"{BASE}/academicSessions/period-1"
    assert result["lineItem"]["href"] == f"{BASE}/lineItems/line-item-1"


def test_a_tombstone_is_one_in_1_1_too() -> None:
    assert sent(RESULT.but(status="tobedeleted"))["status"] == "tobedeleted"


def test_a_student_has_the_id_of_1_1() -> None:
    assert sent(RESULT)["student"] == {
        "href": f"{BASE}/users/s17",
        "sourcedId": "s17",
        "type": "user",
    }


@pytest.mark.parametrize("students", [{}, {STUDENT: StudentFacts(("school-1",), None)}])
def test_who_is_not_in_1_1_has_no_results_there(students: dict[str, StudentFacts]) -> None:
    reason = kept_out(RESULT, replace(FACTS, students=students))
    assert (reason.rule, reason.rows) == ("not in 1.1", (("results", "result-1"),))
    assert "student" in reason.because


@pytest.mark.parametrize("line_items", [{}, {"line-item-1": LineItemFacts(CLASS, in_v1p1=False)}])
def test_a_line_item_that_is_not_in_1_1_has_no_results_there(
    line_items: dict[str, LineItemFacts],
) -> None:
    reason = kept_out(RESULT, replace(FACTS, line_items=line_items))
    assert "line item" in reason.because


def test_there_is_no_score_in_1_1_without_a_number() -> None:
    reason = kept_out(RESULT.but(score=None, scoreStatus="exempt"))
    assert reason.because == "OneRoster 1.1 has no result without a number"
    assert reason.remedy == "Write result result-1 again with score, or read it in 1.2."
    assert sent(RESULT.but(score=0))["score"] == 0


def test_the_words_of_1_1_are_not_extended() -> None:
    assert "scoreStatus" in kept_out(RESULT.but(scoreStatus="ext:redo")).because
    assert sent(RESOURCE.but(roles=["student", "ext:coach"]))["roles"] == ["student"]
    assert "roles" not in sent(RESOURCE.but(roles=None))


@pytest.mark.parametrize(
    ("members", "period_id"),
    [
        ({"gradingPeriod": ref("period-9"), "academicSession": ref("term-1")}, "period-9"),
        ({"gradingPeriod": None, "academicSession": ref("term-1")}, "period-1"),
        ({"gradingPeriod": None, "academicSession": ref("period-1")}, "period-1"),
    ],
)
def test_an_academic_session_can_name_the_grading_period(
    members: dict[str, object], period_id: str
) -> None:
    assert sent(LINE_ITEM.but(**members))["gradingPeriod"]["sourcedId"] == period_id


@pytest.mark.parametrize("session", [None, ref("year-1")])
def test_a_line_item_without_grading_period_is_not_in_1_1(session: object) -> None:
    reason = kept_out(LINE_ITEM.but(gradingPeriod=None, academicSession=session))
    assert "grading period" in reason.because


@pytest.mark.parametrize("limit", ["resultValueMin", "resultValueMax"])
def test_a_line_item_without_limits_is_not_in_1_1(limit: str) -> None:
    assert "limits" in kept_out(LINE_ITEM.but(**{limit: None})).because


def test_what_is_kept_out_of_1_2_is_kept_out_of_1_1_for_the_same_reason() -> None:
    wrong = CATEGORY.but(title=None)
    assert build(wrong) == build_written(Entity.CATEGORIES, "category-1", wrong.body, FACTS)


@pytest.mark.parametrize(
    "document", [SCORE_SCALE, assessment(BATTERY, "Fall"), assessment_result(BATTERY)]
)
def test_what_1_1_does_not_know_is_never_asked_for(document: Document) -> None:
    with pytest.raises(ValueError, match=r"OneRoster 1\.1 has no records such as"):
        build(document)


def test_the_models_of_1_1_are_those_of_its_endpoints() -> None:
    for document in (CATEGORY, LINE_ITEM, RESULT, RESOURCE):
        built(build(document), v1p1.MODELS[Entity(document.collection)])
