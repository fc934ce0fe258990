"""Lines that senders may write: trees grow, move and are cut, and references lead nowhere.

There are few records, students and times, so that lines get in each other's way.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from rosterline.events.commands import CommandOperation
from rosterline.ingest.lines import Line
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    ASSESSOR,
    CLASS,
    OTHER_CLASS,
    OTHER_SCHOOL,
    OTHER_STUDENT,
    RECEIVED,
    SCHOOL,
    STUDENT,
    TEACHER,
    line_item,
    put,
    ref,
    uuid,
)

LINE_ITEM_IDS = [uuid(number) for number in range(1, 6)]
RESULT_IDS = [uuid(number) for number in (11, 12, 17, 18, 19)]
# One UUID in each case, and one in both at once.
SPELLINGS = [uuid(0xAF), uuid(0xAF).upper(), uuid(0xAF).replace("a", "A")]
# What comes first is what Hypothesis makes of a failure in the end.
ANY_LINE_ITEM = [*(LINE_ITEM_IDS * 5), uuid(6), *SPELLINGS, "reading"]
ANY_RESULT = [*(RESULT_IDS * 5), *SPELLINGS, "result"]
STUDENTS = [*([STUDENT] * 8), *([OTHER_STUDENT] * 4), "nobody", TEACHER]
# Two minutes, each in several words, and three others.
SCORE_DATES = [
    "2026-10-05",
    "2026-10-05T00:00:29Z",
    "2026-10-04T23:59:30Z",
    "2026-10-04T20:00:10-04:00",
    "2026-10-05T00:00:30Z",
    "2026-10-05T00:01:00Z",
    "2026-10-04T23:59:29Z",
    "2026-11-21",
    "2026-10-07",
]
MOMENTS = ["2026-09-01T06:00:00.000Z", "2026-09-08T06:00:00.000Z"]
PLAIN_IDS = ["first", "second"]


def references(ids: Sequence[str]) -> st.SearchStrategy[dict[str, str]]:
    """To one of these."""
    return st.sampled_from(ids).map(ref)


def members_of(entity: Entity) -> dict[str, st.SearchStrategy[Any]]:
    """The members that are given or left out."""
    title = st.sampled_from(["Reading", "Writing"])
    match entity:
        case Entity.ASSESSMENT_LINE_ITEMS:
            parents = st.none() | references(ANY_LINE_ITEM)
            return {"description": title, "parentAssessmentLineItem": parents}
        case Entity.ASSESSMENT_RESULTS:
            scores = st.none() | st.integers(0, 3)
            return {"scoreDate": st.none() | st.sampled_from(SCORE_DATES), "score": scores}
        case _:
            return {"description": st.none() | title}


def required_of(entity: Entity) -> dict[str, st.SearchStrategy[Any]]:
    """The members that are always there in a put, and sometimes in a patch."""
    match entity:
        case Entity.ASSESSMENT_LINE_ITEMS:
            return {"title": st.sampled_from(["Reading", "Writing"])}
        case Entity.ASSESSMENT_RESULTS:
            return {
                "assessmentLineItem": references(ANY_LINE_ITEM),
                "student": references(STUDENTS),
            }
        case Entity.LINE_ITEMS:
            return {
                "title": st.just("Fractions"),
                "class": references([*([CLASS, OTHER_CLASS] * 4), "nowhere"]),
                "school": references([SCHOOL, OTHER_SCHOOL]),
                "category": references(PLAIN_IDS),
                "assignDate": st.just(MOMENTS[0]),
                "dueDate": st.just(MOMENTS[1]),
            }
        case Entity.RESULTS:
            return {
                "lineItem": references(PLAIN_IDS),
                "student": references(STUDENTS),
                "scoreDate": st.sampled_from(["2026-10-05", "2026-10-06"]),
                "score": st.integers(0, 300),
            }
        case _:
            return {"title": st.sampled_from(["Homework", "Quiz"])}


def ids_of(entity: Entity, known_results: list[str]) -> Sequence[str]:
    """Ids of the collection; those of blank results among them."""
    match entity:
        case Entity.ASSESSMENT_LINE_ITEMS:
            return ANY_LINE_ITEM
        case Entity.ASSESSMENT_RESULTS:
            return [*ANY_RESULT, *(known_results * 2)]
        case _:
            return PLAIN_IDS


KINDS = st.sampled_from(
    [
        *([Entity.ASSESSMENT_LINE_ITEMS] * 4),
        *([Entity.ASSESSMENT_RESULTS] * 6),
        Entity.CATEGORIES,
        Entity.LINE_ITEMS,
        Entity.RESULTS,
    ]
)
OPERATIONS = st.sampled_from(
    [*([CommandOperation.PUT] * 5), *([CommandOperation.PATCH] * 2), CommandOperation.DELETE]
)


def beginning() -> list[Line]:
    """A tree that is four high, a line item beside it, a category and a line item of a class."""
    chain = [line_item(LINE_ITEM_IDS[0])]
    chain += [line_item(child, parent) for parent, child in pairwise(LINE_ITEM_IDS[:4])]
    fractions: dict[str, Any] = {
        "title": "Fractions",
        "class_": ref(CLASS),
        "school": ref(SCHOOL),
        "category": ref(PLAIN_IDS[0]),
        "assignDate": MOMENTS[0],
        "dueDate": MOMENTS[1],
    }
    return [
        *chain,
        line_item(LINE_ITEM_IDS[4]),
        put(Entity.CATEGORIES, PLAIN_IDS[0], title="Homework"),
        put(Entity.LINE_ITEMS, PLAIN_IDS[0], **fractions),
    ]


@st.composite
def lines(draw: st.DrawFn, known_results: list[str]) -> Line:
    """Any line; `known_results` are ids of assessment results that were made."""
    entity, operation = draw(KINDS), draw(OPERATIONS)
    sourced_id = draw(st.sampled_from(ids_of(entity, known_results)))
    received = RECEIVED + timedelta(days=draw(st.integers(0, 1)))
    if operation is CommandOperation.DELETE:
        return Line(ASSESSOR, operation, entity, sourced_id, received)
    required, others = required_of(entity), members_of(entity)
    if operation is CommandOperation.PATCH:
        required, others = {}, {**required, **others}
    body = draw(st.fixed_dictionaries(required, optional=others))
    if entity is Entity.ASSESSMENT_RESULTS and "assessmentLineItem" in body and draw(st.booleans()):
        body["lineItem"] = body.pop("assessmentLineItem")
    chance = draw(st.integers(0, 31))
    if chance == 1:
        body.pop("title", None)
    if chance == 2:
        body["status"] = draw(st.sampled_from(["tobedeleted", "inactive", "active"]))
    line = Line(ASSESSOR, operation, entity, sourced_id, received)
    return replace(line, body={"sourcedId": sourced_id, **body})
