"""Changed documents: which records they concern, and when they cannot share a stamp."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.documents import TouchedDocuments, parents_first
from tests.support.written_documents import CATEGORY, LINE_ITEM, LINK_DOCUMENTS, Document, ref

IDS = st.sampled_from("abcdefgh")


def image(document: Document, revision: int = 1) -> dict[str, Any]:
    """The document's row in the mirror."""
    return {
        "collection": document.collection,
        "sourced_id": document.sourced_id,
        "body": orjson.dumps(document.body).decode(),
        "revision": revision,
    }


def test_a_document_concerns_its_record_and_tells_its_revision() -> None:
    touched = TouchedDocuments()
    touched.touch(None, image(CATEGORY, 7), 0)
    touched.touch(image(CATEGORY, 7), None, 0)
    assert touched.records == {Entity.CATEGORIES: {"category-1": 0}}
    assert touched.revision == 7


def test_a_link_concerns_the_resources_that_it_named_and_names() -> None:
    touched = TouchedDocuments()
    link = LINK_DOCUMENTS[0]
    touched.touch(image(link), image(link.but(resource=ref("resource-2"))), 0)
    assert touched.records == {Entity.RESOURCES: {"resource-1": 0, "resource-2": 0}}


def test_of_a_line_item_the_oldest_state_is_kept() -> None:
    touched, later = TouchedDocuments(), TouchedDocuments()
    touched.touch(image(LINE_ITEM), image(LINE_ITEM.but(title="1")), 0)
    later.touch(image(LINE_ITEM.but(title="1")), image(LINE_ITEM.but(title="2"), 9), 0)
    touched.merge(later)
    assert touched.line_items == {"line-item-1": LINE_ITEM.body}
    assert touched.revision == 9


@pytest.mark.parametrize("collection", ["users", "notes"])
def test_what_is_no_written_record_concerns_nothing(collection: str) -> None:
    touched = TouchedDocuments()
    touched.touch(None, image(Document(collection, {"sourcedId": "x"})), 0)
    assert touched.records == {}


def test_a_record_of_two_transactions_is_a_conflict() -> None:
    touched = TouchedDocuments()
    touched.add(Entity.RESULTS, "r", 3)
    assert touched.conflict is None
    touched.add(Entity.RESULTS, "r", 5)
    assert touched.conflict == 5


def test_what_follows_is_a_conflict_only_with_an_earlier_change_of_its_own() -> None:
    touched = TouchedDocuments()
    touched.add(Entity.RESULTS, "later", 3)
    touched.follow(Entity.RESULTS, "later", 2)
    touched.follow(Entity.RESULTS, "other", 2)
    assert touched.conflict is None
    assert touched.records[Entity.RESULTS] == {"later": 3, "other": 2}
    touched.follow(Entity.RESULTS, "later", 4)
    assert touched.conflict == 4


@given(parents=st.dictionaries(IDS, st.none() | IDS), ids=st.lists(IDS, unique=True))
def test_no_id_stands_before_its_parent(parents: dict[str, str | None], ids: list[str]) -> None:
    ordered = parents_first(ids, parents)
    assert sorted(ordered) == sorted(ids)
    for place, sourced_id in enumerate(ordered):
        ancestors: list[str] = []
        parent = parents.get(sourced_id)
        while parent is not None and parent not in ancestors:
            ancestors.append(parent)
            parent = parents.get(parent)
        if sourced_id not in ancestors and parent is None:
            assert not set(ancestors) & set(ordered[place:])


class Compared(str):
    """An id that counts how often one is compared with another."""

    times = 0
    __slots__ = ()
    __hash__ = str.__hash__

    @override
    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)


def test_a_deep_tree_is_put_in_order_in_one_pass() -> None:
    ids = [Compared(number) for number in range(300)]
    parents: dict[str, str | None] = {**dict(pairwise(reversed(ids))), ids[0]: None}
    Compared.times = 0
    assert parents_first([ids[-1]], parents) == [ids[-1]]
    assert Compared.times < 10 * len(ids)
