"""Whatever is sent: what ingest stores can be shown to its writer, what it refuses has a reason."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.ingest.lines import Line, Refused, Sender
from rosterline.oneroster import v1p1
from rosterline.oneroster.reading import REFERENCES
from rosterline.oneroster.record import Record
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.rules.written import build_written
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts, WrittenFacts
from rosterline.projector.rules.written_v1p1 import written_in_v1p1
from tests.support.facts import built
from tests.support.ingest_world import (
    ASSESSOR,
    CLASS,
    COURSE,
    LINE_ITEMS,
    OLDER,
    PERIOD,
    RESULTS,
    SCHOOL,
    STUDENT,
    TERM,
    World,
    line_item,
    patch,
    put,
    ref,
    uuid,
)
from tests.support.written_strategies import JSON, TEXT, documents_of

ENTITIES = [entity for entity in WRITTEN[Version.V1P2] if entity is not Entity.RESOURCES]
KNOWN: Mapping[Entity, str] = {
    Entity.CLASSES: CLASS,
    Entity.COURSES: COURSE,
    Entity.ORGS: SCHOOL,
    Entity.USERS: STUDENT,
    Entity.ACADEMIC_SESSIONS: TERM,
    Entity.CATEGORIES: "homework",
    Entity.SCORE_SCALES: "letters",
    Entity.LINE_ITEMS: "fractions",
    LINE_ITEMS: uuid(1),
}
FACTS = WrittenFacts(
    class_schools={CLASS: SCHOOL},
    students={STUDENT: StudentFacts((SCHOOL,), "s1")},
    line_items={"fractions": LineItemFacts(CLASS, in_v1p1=True)},
    grading_periods={TERM: PERIOD, PERIOD: PERIOD},
)
OWN = uuid(2)
# What the standard's model cannot say of members that go together, of a date, or of a title.
BEYOND_THE_MODEL = (
    "is before assignDate",
    "is above resultValueMax",
    "scoreDate must be",
    "title is blank",
)


def ready() -> World:
    """A district that has one of each, for others to name."""
    world = World()
    scale = [{"itemValueLHS": "A", "itemValueRHS": "90"}]
    outcomes = world.decide(
        put(Entity.CATEGORIES, "homework", title="Homework"),
        put(
            Entity.SCORE_SCALES,
            "letters",
            title="x",
            type="y",
            class_=ref(CLASS),
            scoreScaleValue=scale,
        ),
        put(
            Entity.LINE_ITEMS,
            "fractions",
            title="Fractions",
            class_=ref(CLASS),
            school=ref(SCHOOL),
            category=ref("homework"),
            gradingPeriod=ref(PERIOD),
            resultValueMin=0,
            resultValueMax=1,
            assignDate="2026-09-01",
            dueDate="2026-09-08",
        ),
        line_item(uuid(1)),
    )
    assert all(outcome.status == 201 for outcome in outcomes)
    return world


def resolved(body: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
    """The body with references to what there is."""
    found = dict(body)
    for member, entity in REFERENCES.items():
        if isinstance(body.get(member), dict):
            known = "s1" if sender is OLDER and member == "student" else KNOWN[entity]
            found[member] = {**body[member], "sourcedId": known}
    return found


@st.composite
def whole(draw: st.DrawFn) -> Line:
    """A put of a record of the standard, of which all references resolve."""
    entity, sender = draw(st.sampled_from(ENTITIES)), draw(st.sampled_from([ASSESSOR, OLDER]))
    body = resolved(draw(documents_of(entity)).body, sender)
    line = put(entity, OWN, **{**body, "sourcedId": OWN})
    return replace(line, sender=sender)


@st.composite
def spoilt(draw: st.DrawFn) -> Line:
    """One of which some members are anything."""
    line = draw(whole())
    assert line.body is not None
    names = draw(st.lists(st.sampled_from(sorted(line.body)), min_size=1, max_size=3))
    others = {name: draw(JSON) for name in names}
    others |= draw(st.dictionaries(TEXT, JSON, max_size=2))
    return replace(line, body={**line.body, **others, "sourcedId": OWN})


def check_shown(world: World, line: Line) -> None:
    """The stored record stands in the version of its writer, and in JSON."""
    document = world.documents[line.key]
    assert orjson.loads(orjson.dumps(document.body)) == document.body
    record = built(build_written(line.entity, line.sourced_id, document.body, FACTS), Record)
    if line.sender is OLDER:
        built(written_in_v1p1(record, FACTS), v1p1.MODELS[line.entity])


@given(line=whole())
def test_what_the_standard_allows_is_stored_and_shown(line: Line) -> None:
    world = ready()
    (outcome,) = world.decide(line)
    if not isinstance(outcome, Refused):
        check_shown(world, line)
        assert world.decide(line)[0].status == 200
        return
    is_older = line.sender is OLDER
    assert outcome.status in {404, 422} or is_older
    if line.entity is Entity.CATEGORIES and (line.body or {}).get("status") is None:
        assert outcome.description == "The category cannot be stored: title is blank"
    if outcome.status == 422 and not is_older:
        assert any(reason in outcome.description for reason in BEYOND_THE_MODEL)


@settings(max_examples=400)
@given(line=spoilt())
def test_whatever_is_stored_can_be_shown(line: Line) -> None:
    world = ready()
    (outcome,) = world.decide(line)
    if isinstance(outcome, Refused):
        assert OWN not in {document.sourced_id for document in world.documents.values()}
    elif (line.body or {}).get("status") in {None, "active"}:
        check_shown(world, line)


@given(
    entity=st.sampled_from([Entity.CATEGORIES, LINE_ITEMS, RESULTS]),
    members=st.dictionaries(
        st.sampled_from(["title", "score", "comment", "metadata", "scoreDate", "x"]), JSON
    ),
)
def test_whatever_is_patched_can_be_shown(entity: Entity, members: dict[str, Any]) -> None:
    world = ready()
    named = {"assessmentLineItem": ref(uuid(1)), "student": ref(STUDENT)}
    first = put(entity, OWN, **(named if entity is RESULTS else {"title": "x"}))
    line = patch(entity, OWN, **members)
    stored, outcome = world.decide(first, line)
    assert stored.status == 201
    check_shown(world, line)
    if not isinstance(outcome, Refused):
        assert world.decide(line)[0].status == 200
