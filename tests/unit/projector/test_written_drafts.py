"""Written documents as drafts of both versions."""

from dataclasses import replace

import pytest

from rosterline.db.tables.read_model import extra_columns
from rosterline.oneroster.vocabulary import WRITTEN, Collection, Entity, Version
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts, WrittenFacts
from rosterline.projector.written import Drafts, drafts_of, line_item_facts
from tests.support.written_documents import (
    CLASS,
    FACTS,
    LINE_ITEM,
    ONE_OF_EACH_WRITTEN,
    RESOURCE,
    RESULT,
    STUDENT,
    Document,
)

RECORDS = [document for document in ONE_OF_EACH_WRITTEN if document.entity]


def drafts(document: Document, facts: WrittenFacts = FACTS) -> Drafts:
    """The drafts of a document."""
    return drafts_of(Entity(document.collection), document.sourced_id, document.body, facts)


@pytest.mark.parametrize(
    "document", RECORDS, ids=[f"{one.collection}-{one.sourced_id[-2:]}" for one in RECORDS]
)
def test_a_document_has_a_draft_in_each_version_that_knows_it(document: Document) -> None:
    entity = Entity(document.collection)
    found = drafts(document)
    assert set(found) == {version for version in Version if entity in WRITTEN[version]}
    for version, draft in found.items():
        assert draft is not None
        assert draft.collection == Collection(version, entity)
        assert (draft.sourced_id, draft.status) == (document.sourced_id, "active")
        assert f'"sourcedId":"{document.sourced_id}"' in draft.stamped("S")
        assert '"dateLastModified":"S"' in draft.stamped("S")
        assert set(draft.columns) == {column.name for column in extra_columns(entity)}


def test_a_document_that_is_kept_out_has_none() -> None:
    assert drafts(RESULT.but(lineItem=None)) == {Version.V1P2: None, Version.V1P1: None}
    without_score = drafts(RESULT.but(score=None))
    assert without_score[Version.V1P2] is not None
    assert without_score[Version.V1P1] is None


def test_each_version_has_its_own_columns_and_both_one_reach() -> None:
    newer, older = drafts(RESULT).values()
    assert newer is not None
    assert older is not None
    assert (newer.columns["student_id"], older.columns["student_id"]) == (STUDENT, "s17")
    assert newer.schools == older.schools == ("school-1",)


def test_a_line_item_says_what_its_results_must_know() -> None:
    assert line_item_facts(drafts(LINE_ITEM)) == LineItemFacts(CLASS, in_v1p1=True)
    unlimited = drafts(LINE_ITEM.but(resultValueMax=None))
    assert line_item_facts(unlimited) == LineItemFacts(CLASS, in_v1p1=False)
    assert line_item_facts(drafts(LINE_ITEM.but(title=None))) is None


def test_a_digest_tells_apart_what_looks_different_somewhere() -> None:
    linked = replace(FACTS, links={"resource-1": {Entity.CLASSES: frozenset({CLASS})}})
    moved = replace(FACTS, students={STUDENT: StudentFacts(("school-2",), "s17")})
    for document, facts in ((RESOURCE, linked), (RESULT, moved)):
        before, after = drafts(document)[Version.V1P2], drafts(document, facts)[Version.V1P2]
        again = drafts(document, facts)[Version.V1P2]
        assert before is not None
        assert after is not None
        assert again is not None
        assert before.template == after.template
        assert before.digest != after.digest == again.digest
