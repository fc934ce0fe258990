"""Columns and scopes of written records, and the links of resources."""

from dataclasses import replace

import pytest

from rosterline.db.tables.read_model import KEYS, LISTS
from rosterline.oneroster.record import Record
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.rules.schools import EVERYWHERE, Reach, Schools
from rosterline.projector.rules.written import build_written
from rosterline.projector.rules.written_columns import (
    Keys,
    keys_in_v1p1,
    keys_of,
    link_of,
    links_by_resource,
    reach_of_written,
)
from rosterline.projector.rules.written_facts import StudentFacts
from tests.support.facts import built
from tests.support.written_documents import (
    BATTERY,
    CATEGORY,
    CLASS,
    FACTS,
    LINE_ITEM,
    LINK_DOCUMENTS,
    READING,
    RESOURCE,
    RESULT,
    SCORE_SCALE,
    STUDENT,
    Document,
    assessment,
    assessment_result,
    ref,
)

LINKED = replace(
    FACTS,
    links={
        "resource-1": {
            Entity.CLASSES: frozenset({CLASS, "class-0"}),
            Entity.USERS: frozenset({STUDENT}),
        }
    },
)
UNKNOWN_CLASS = {"class": ref("class-2")}
NO_CLASS = {"class": None}
KEYS_OF: list[tuple[Document, Keys]] = [
    (CATEGORY, {}),
    (SCORE_SCALE, {"class_id": CLASS}),
    (LINE_ITEM, {"class_id": CLASS, "category_id": "category-1"}),
    (RESULT, {"line_item_id": "line-item-1", "student_id": STUDENT, "class_id": CLASS}),
    (assessment(BATTERY, "Fall"), {"parent_id": None, "class_id": None}),
    (
        assessment(READING, "Reading", BATTERY).but(**{"class": ref(CLASS)}),
        {"parent_id": BATTERY, "class_id": CLASS},
    ),
    (assessment_result(READING), {"line_item_id": READING, "student_id": STUDENT}),
    (
        RESOURCE,
        {"class_ids": ("class-0", CLASS), "course_ids": (), "user_ids": (STUDENT,)},
    ),
]


def record_of(document: Document) -> Record:
    """The 1.2 record of a document."""
    entity = Entity(document.collection)
    return built(build_written(entity, document.sourced_id, document.body, LINKED), Record)


@pytest.mark.parametrize(("document", "keys"), KEYS_OF)
def test_columns_hold_the_ids_that_queries_ask_by(document: Document, keys: Keys) -> None:
    entity = Entity(document.collection)
    assert keys_of(record_of(document), LINKED) == keys
    assert set(keys) == {*KEYS[entity], *LISTS.get(entity, ())}


def test_every_entity_that_is_written_has_its_columns_tested() -> None:
    assert {document.entity for document, _ in KEYS_OF} == set(WRITTEN[Version.V1P2])


def test_in_1_1_users_have_other_ids_and_no_resources() -> None:
    result = keys_in_v1p1(keys_of(record_of(RESULT), LINKED), LINKED)
    assert result == {"line_item_id": "line-item-1", "student_id": "s17", "class_id": CLASS}
    resource = keys_in_v1p1(keys_of(record_of(RESOURCE), LINKED), LINKED)
    assert resource == {"class_ids": ("class-0", CLASS), "course_ids": (), "user_ids": ()}


@pytest.mark.parametrize(
    ("document", "schools"),
    [
        (CATEGORY, None),
        (RESOURCE, None),
        (SCORE_SCALE, ("school-1",)),
        (SCORE_SCALE.but(**UNKNOWN_CLASS), ()),
        (LINE_ITEM, ("school-1",)),
        (LINE_ITEM.but(**UNKNOWN_CLASS), ()),
        (RESULT, ("school-1",)),
        (RESULT.but(**UNKNOWN_CLASS), ()),
        (RESULT.but(**NO_CLASS), ("school-1",)),
        (RESULT.but(lineItem=ref("line-item-2"), **NO_CLASS), ()),
        (RESULT.but(student=ref("student-2")), ()),
        (assessment(BATTERY, "Fall"), None),
        (assessment(BATTERY, "Fall").but(**{"class": ref(CLASS)}), ("school-1",)),
        (assessment(BATTERY, "Fall").but(**UNKNOWN_CLASS), ()),
        (assessment_result(BATTERY), ("school-1",)),
        (assessment_result(BATTERY, student=ref("student-2")), ()),
    ],
)
def test_a_record_stands_in_the_scope_of_its_class_or_student(
    document: Document, schools: Schools | None
) -> None:
    assert reach_of_written(record_of(document), LINKED) == Reach(schools)


def test_results_of_a_student_of_every_scope_stand_in_every_scope() -> None:
    facts = replace(FACTS, students={STUDENT: StudentFacts(None, "s17")})
    assert reach_of_written(record_of(assessment_result(BATTERY)), facts) == EVERYWHERE
    assert reach_of_written(record_of(RESULT), facts) == Reach(("school-1",))


@pytest.mark.parametrize(
    ("of_student", "of_result"),
    [
        (("school-0", "school-1"), ("school-1",)),
        (("school-2",), ()),
        ((), ()),
    ],
)
def test_a_result_of_a_student_of_another_school_is_not_for_the_school_of_the_class(
    of_student: Schools, of_result: Schools
) -> None:
    facts = replace(FACTS, students={STUDENT: StudentFacts(of_student, "s17")})
    assert reach_of_written(record_of(RESULT), facts) == Reach(of_result)
    assert reach_of_written(record_of(assessment_result(BATTERY)), facts) == Reach(of_student)


def test_links_are_gathered_by_resource() -> None:
    links = [link_of(link.collection, link.body) for link in LINK_DOCUMENTS]
    second = link_of("classResources", {"class": ref("class-2"), "resource": ref("resource-1")})
    assert links_by_resource([link for link in (*links, second) if link]) == {
        "resource-1": {
            Entity.CLASSES: frozenset({CLASS, "class-2"}),
            Entity.COURSES: frozenset({"course-1"}),
            Entity.USERS: frozenset({STUDENT}),
        }
    }


def test_a_users_link_in_a_class_is_the_users() -> None:
    link = {"user": ref(STUDENT), "class": ref(CLASS), "resource": ref("resource-1")}
    assert link_of("userResources", link) == ("resource-1", Entity.USERS, STUDENT)


@pytest.mark.parametrize(
    "members",
    [
        {"status": "tobedeleted"},
        {"status": "inactive"},
        {"class": {}},
        {"class": ref("a b")},
        {"resource": 1},
    ],
)
def test_a_link_that_is_deleted_or_names_nothing_links_nothing(members: dict[str, object]) -> None:
    link = {"class": ref(CLASS), "resource": ref("resource-1"), **members}
    assert link_of("classResources", link) is None
