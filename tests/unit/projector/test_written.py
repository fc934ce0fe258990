"""Written documents as records of OneRoster 1.2."""

import json
from typing import Any

import pytest

from rosterline.oneroster.gradebook import (
    AssessmentLineItem,
    AssessmentResult,
    Category,
    LineItem,
    Result,
    ScoreScale,
)
from rosterline.oneroster.record import UNSTAMPED, Record
from rosterline.oneroster.resources import Resource
from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.written import build_written
from rosterline.projector.rules.written_facts import WrittenFacts
from tests.support.facts import built, kept_out_by
from tests.support.written_documents import (
    BATTERY,
    CATEGORY,
    FACTS,
    LINE_ITEM,
    OBJECTIVE,
    READING,
    RESOURCE,
    RESULT,
    SCORE_SCALE,
    Document,
    assessment,
    assessment_result,
    ref,
)

EACH = [
    (CATEGORY, Category),
    (SCORE_SCALE, ScoreScale),
    (LINE_ITEM, LineItem),
    (RESULT, Result),
    (assessment(READING, "Reading", BATTERY), AssessmentLineItem),
    (assessment_result(READING, score=51), AssessmentResult),
    (RESOURCE, Resource),
]


def build(document: Document, facts: WrittenFacts = FACTS) -> Verdict:
    """The 1.2 verdict on a document."""
    return build_written(Entity(document.collection), document.sourced_id, document.body, facts)


def sent(document: Document, facts: WrittenFacts = FACTS) -> dict[str, Any]:
    """The record as it is sent."""
    record = built(build(document, facts), Record)
    members: dict[str, Any] = json.loads(record.model_dump_json(by_alias=True, exclude_none=True))
    return members


@pytest.mark.parametrize(
    ("document", "model"), EACH, ids=lambda one: getattr(one, "collection", "")
)
def test_every_written_member_is_sent(document: Document, model: type[Record]) -> None:
    built(build(document), model)
    members = sent(document)
    for name, value in document.body.items():
        is_reference = isinstance(value, dict)
        assert (ref(members[name]["sourcedId"]) if is_reference else members[name]) == value, name
    assert list(members)[:3] == ["sourcedId", "status", "dateLastModified"]
    assert (members["status"], members["dateLastModified"]) == ("active", UNSTAMPED)


def test_members_are_in_one_order_however_they_were_written() -> None:
    written = RESULT.but(metadata={"b": 1}, zeta=1, alpha=2)
    turned = Document(written.collection, dict(list(written.body.items())[::-1]))
    assert list(sent(written)) == list(sent(turned))
    assert list(sent(written))[3:5] == ["metadata", "lineItem"]
    assert list(sent(written))[-2:] == ["alpha", "zeta"]


@pytest.mark.parametrize(
    ("member", "kind", "address"),
    [
        ("class", "class", "/ims/oneroster/rostering/v1p2/classes/"),
        ("school", "org", "/ims/oneroster/rostering/v1p2/orgs/"),
        ("category", "category", "/ims/oneroster/gradebook/v1p2/categories/"),
        ("gradingPeriod", "academicSession", "/ims/oneroster/rostering/v1p2/academicSessions/"),
        ("scoreScale", "scoreScale", "/ims/oneroster/gradebook/v1p2/scoreScales/"),
    ],
)
def test_a_reference_gets_the_address_in_its_service(member: str, kind: str, address: str) -> None:
    given = {"sourcedId": "x-1", "href": "https://elsewhere.example.org/x-1", "type": "student"}
    assert sent(LINE_ITEM.but(**{member: given}))[member] == {
        "href": f"~{address}x-1",
        "sourcedId": "x-1",
        "type": kind,
    }


@pytest.mark.parametrize(
    ("written", "status"),
    [("active", "active"), ("tobedeleted", "tobedeleted"), ("inactive", "tobedeleted")],
)
def test_a_deleted_document_stays_as_a_tombstone(written: str, status: str) -> None:
    assert sent(RESULT.but(status=written)) == {**sent(RESULT), "status": status}


def test_a_stamp_is_never_the_writers() -> None:
    written = CATEGORY.but(dateLastModified="2031-01-01T00:00:00.000Z")
    assert sent(written)["dateLastModified"] == UNSTAMPED


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"title": "a\0b"}, "title"),
        ({"metadata": {"x": {"y": [{"z": "\0"}]}}}, "metadata"),
        ({"metadata": {"x": [{"\0": 1}]}}, "metadata"),
        ({"category": {"sourcedId": "a\0"}}, "category"),
        ({"beyond": ["\0"]}, "beyond"),
        ({"be\0yond": 1}, "be\\u0000yond"),
    ],
)
def test_what_no_database_can_hold_is_refused_with_the_members_name(
    changes: dict[str, Any], member: str
) -> None:
    verdict = build(LINE_ITEM.but(**changes))
    assert isinstance(verdict, KeptOut)
    assert verdict.because == f"lineItem line-item-1 has the character U+0000 in {member}"
    assert member in verdict.remedy
    assert "\0" not in verdict.because + verdict.remedy


def test_a_document_may_be_as_deep_as_its_reader_allows() -> None:
    deep: Any = "\0"
    for _ in range(5000):
        deep = [deep]
    assert kept_out_by(build(LINE_ITEM.but(metadata={"x": deep}))) == "null character"


def test_what_looks_like_the_null_character_is_none() -> None:
    assert sent(LINE_ITEM.but(title="\\u0000", description="0"))["title"] == "\\u0000"
    assert isinstance(build(LINE_ITEM.but(dateLastModified="\0")), LineItem)


def test_the_key_names_the_record_whatever_the_document_says() -> None:
    verdict = build_written(Entity.CATEGORIES, "other", CATEGORY.body, FACTS)
    assert built(verdict, Category).sourced_id == "other"


@pytest.mark.parametrize(("written", "value"), [(True, "true"), (False, "false"), ("true", "true")])
def test_a_boolean_is_sent_as_a_text(written: object, value: str) -> None:
    members = sent(RESULT.but(late=written, inProgress=written))
    assert (members["late"], members["inProgress"]) == (value, value)


@pytest.mark.parametrize(
    ("written", "text"), [(92, "92"), (92.5, "92.5"), ("92.5", "92.5"), ("0", "0"), (300, "300")]
)
def test_a_score_is_sent_as_a_number(written: object, text: str) -> None:
    assert json.dumps(sent(RESULT.but(score=written))["score"]) == text


@pytest.mark.parametrize("score", ["ninety", True, float("inf"), "NaN", [1]])
def test_what_is_no_number_is_no_score(score: object) -> None:
    verdict = build(RESULT.but(score=score))
    assert isinstance(verdict, KeptOut)
    assert "result result-1" in verdict.because
    assert verdict.because.endswith(": score")


@pytest.mark.parametrize("moment", ["2026-10-05", "2026-10-05T10:15:30+02:00", "2026-10-05T08:15Z"])
def test_a_score_date_is_sent_as_it_was_written(moment: str) -> None:
    assert sent(RESULT.but(scoreDate=moment))["scoreDate"] == moment
    assert sent(assessment_result(BATTERY, scoreDate=moment))["scoreDate"] == moment


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-10-05", "2026-10-05T00:00:00.000Z"),
        ("2026-10-05T08:15:30", "2026-10-05T08:15:30.000Z"),
        ("2026-10-05T10:15:30.5+02:00", "2026-10-05T08:15:30.500Z"),
        ("2026-10-05T08:15:30.123456Z", "2026-10-05T08:15:30.123Z"),
    ],
)
def test_dates_of_a_line_item_are_moments_in_utc(written: str, moment: str) -> None:
    members = sent(LINE_ITEM.but(assignDate=written, dueDate=written))
    assert (members["assignDate"], members["dueDate"]) == (moment, moment)


@pytest.mark.parametrize("moment", ["tomorrow", 20261005, "0001-01-01T00:00:00+05:00"])
def test_a_line_item_needs_dates_that_can_be_read(moment: object) -> None:
    assert kept_out_by(build(LINE_ITEM.but(dueDate=moment))) == "invalid document"


def test_a_line_item_without_school_has_that_of_its_class() -> None:
    school = sent(LINE_ITEM.but(school=None))["school"]
    assert school == sent(LINE_ITEM)["school"]
    assert school["sourcedId"] == "school-1"
    nowhere = LINE_ITEM.but(**{"school": None, "class": ref("class-2")})
    assert kept_out_by(build(nowhere)) == "invalid document"


def test_a_result_without_class_has_that_of_its_line_item() -> None:
    assert sent(RESULT.but(**{"class": None}))["class"] == sent(RESULT)["class"]
    unknown = RESULT.but(**{"class": None, "lineItem": ref("line-item-2")})
    assert "class" not in sent(unknown)


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"score": 0}, "fully graded"),
        ({"textScore": "B"}, "fully graded"),
        ({}, "not submitted"),
        ({"score": "null"}, "not submitted"),
        ({"score": 3, "scoreStatus": "exempt"}, "exempt"),
        ({"scoreStatus": "ext:late-work"}, "ext:late-work"),
    ],
)
def test_a_score_without_status_is_graded(members: dict[str, object], status: str) -> None:
    assert sent(assessment_result(BATTERY, **members))["scoreStatus"] == status


def test_a_status_outside_the_list_needs_the_prefix_of_extensions() -> None:
    assert kept_out_by(build(RESULT.but(scoreStatus="graded"))) == "invalid document"
    assert kept_out_by(build(RESULT.but(scoreStatus="my ext:graded"))) == "invalid document"


@pytest.mark.parametrize(
    ("written", "source"), [("case", "case"), ("unknown", "unknown"), ("ext:ours", "unknown")]
)
def test_objectives_of_another_source_are_sent_as_unknown(written: str, source: str) -> None:
    ids = [{"source": written, "learningObjectiveIds": [OBJECTIVE]}]
    scores = [
        {
            "source": written,
            "learningObjectiveResults": [{"learningObjectiveId": OBJECTIVE, "score": "3"}],
        }
    ]
    (sent_ids,) = sent(LINE_ITEM.but(learningObjectiveSet=ids))["learningObjectiveSet"]
    (sent_scores,) = sent(RESULT.but(learningObjectiveSet=scores))["learningObjectiveSet"]
    assert (sent_ids["source"], sent_scores["source"]) == (source, source)
    assert sent_scores["learningObjectiveResults"][0]["score"] == 3


def test_members_beyond_the_standard_are_sent_as_they_were_written() -> None:
    timeback = assessment(BATTERY, "Fall").but(
        component=ref("c-1"), course=ref("course-1"), tags=["x", None], metadata={"a": None}
    )
    members = sent(timeback)
    assert members["component"] == {"sourcedId": "c-1"}
    assert members["course"]["href"].endswith("/rostering/v1p2/courses/course-1")
    assert (members["tags"], members["metadata"]) == (["x", None], {"a": None})


def test_members_beyond_the_standard_are_not_read_as_the_standards() -> None:
    assert sent(CATEGORY.but(score="12", late=True))["score"] == "12"
    assert sent(CATEGORY.but(score="12", late=True))["late"] is True
    assert sent(RESULT.but(line_item="x"))["lineItem"]["sourcedId"] == "line-item-1"


def test_null_is_absent() -> None:
    written = Document("results", {**RESULT.body, "comment": None, "extra": None, "school": None})
    assert sent(written) == sent(RESULT.but(comment=None))


def test_an_empty_comment_is_kept() -> None:
    assert sent(RESULT.but(comment=""))["comment"] == ""


def test_a_document_without_required_members_names_them() -> None:
    verdict = build(LINE_ITEM.but(title=None, category=None, **{"class": {"id": "secret"}}))
    assert isinstance(verdict, KeptOut)
    assert verdict.because.endswith("has wrong ones: category, class, title")
    assert verdict.remedy == (
        "Write lineItem line-item-1 again with correct values of category, class, title."
    )
    assert verdict.rows == (("lineItems", "line-item-1"),)
    assert "secret" not in str(verdict)
