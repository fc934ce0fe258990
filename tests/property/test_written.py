"""Whatever is written: the rules answer, change nothing when asked again, and tell no values."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.oneroster.record import Record
from rosterline.oneroster.v1p1 import MODELS
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.rules.verdict import KeptOut
from rosterline.projector.rules.written import build_written
from rosterline.projector.rules.written_columns import keys_of, link_of, reach_of_written
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts
from rosterline.projector.rules.written_v1p1 import written_in_v1p1
from tests.support.facts import built
from tests.support.written_documents import FACTS, ONE_OF_EACH_WRITTEN, Document
from tests.support.written_strategies import JSON, TEXT, documents, documents_of

V1P1 = WRITTEN[Version.V1P1]
SECRET = "Klassenbuch"


def text_of(record: Record) -> str:
    """The record as it is sent."""
    return record.model_dump_json(by_alias=True, exclude_none=True)


def build(document: Document) -> Record:
    """The 1.2 record of a document that has one."""
    entity = Entity(document.collection)
    return built(build_written(entity, document.sourced_id, document.body, FACTS), Record)


@given(document=documents())
def test_what_was_sent_can_be_written_and_is_sent_again(document: Document) -> None:
    record = build(document)
    again = Document(document.collection, json.loads(text_of(record)))
    assert text_of(build(again)) == text_of(record)


@given(document=documents(), extra=st.dictionaries(TEXT, JSON, max_size=3))
def test_members_beyond_the_standard_change_no_other(
    document: Document, extra: dict[str, Any]
) -> None:
    record = build(document)
    added = {f"x-{name}": value for name, value in extra.items()}
    extended = json.loads(text_of(build(document.but(**added))))
    kept = {name: value for name, value in added.items() if value is not None}
    assert extended == {**json.loads(text_of(record)), **kept}


@st.composite
def spoilt(draw: st.DrawFn) -> Document:
    """A document of which some members are anything."""
    document = draw(documents())
    names = draw(st.lists(st.sampled_from(sorted(document.body)), min_size=1, max_size=3))
    anything = JSON | st.just({"sourcedId": SECRET * 50}) | st.just([SECRET])
    body = {**document.body, **{name: draw(anything) for name in names}}
    return Document(document.collection, {**body, "sourcedId": document.body["sourcedId"]})


@settings(max_examples=300)
@given(document=spoilt())
def test_every_document_has_a_record_or_a_reason(document: Document) -> None:
    entity = Entity(document.collection)
    verdict = build_written(entity, document.sourced_id, document.body, FACTS)
    if isinstance(verdict, KeptOut):
        assert verdict.rows == ((entity.value, document.sourced_id),)
        assert SECRET not in str(verdict)
        return
    json.loads(text_of(verdict), parse_constant=refuse)
    assert all(value != "" for value in keys_of(verdict, FACTS).values())
    assert reach_of_written(verdict, FACTS).schools in (None, (), ("school-1",))
    if entity in V1P1:
        assert isinstance(written_in_v1p1(verdict, FACTS), KeptOut | MODELS[entity])


def refuse(constant: str) -> None:
    """NaN and infinities are no JSON."""
    raise AssertionError(constant)


@given(body=st.dictionaries(st.sampled_from(["class", "resource", "status"]), JSON))
def test_every_link_document_links_or_does_not(body: dict[str, Any]) -> None:
    assert link_of("classResources", body) is None


def leaves(value: Any) -> Iterator[Any]:
    """All values in a JSON tree, but for addresses and the ids of users."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in {"href", "student"}:
                yield from leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from leaves(member)
    else:
        yield json.dumps(value)


@given(document=st.sampled_from(V1P1).flatmap(documents_of))
def test_1_1_says_nothing_that_1_2_does_not_say(document: Document) -> None:
    record = build(document)
    named = json.loads(text_of(record))
    facts = replace(
        FACTS,
        students={named.get("student", {}).get("sourcedId"): StudentFacts((), "s17")},
        line_items={named.get("lineItem", {}).get("sourcedId"): LineItemFacts("c", in_v1p1=True)},
    )
    verdict = written_in_v1p1(record, facts)
    if isinstance(verdict, Record):
        carried = json.loads(text_of(verdict))
        assert set(leaves(carried)) <= set(leaves(named))
        assert set(carried) <= set(named)
        assert (verdict.sourced_id, verdict.status) == (record.sourced_id, record.status)
    else:
        assert verdict.rule == "not in 1.1"


def test_one_of_each_has_a_record() -> None:
    records = [build(document) for document in ONE_OF_EACH_WRITTEN if document.entity]
    assert len(records) == 11
