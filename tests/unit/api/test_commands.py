"""The body of a write → a command: what the address alone can tell of it."""

import json
from codecs import BOM_UTF8
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.endpoints import Endpoint
from rosterline.api.errors import ApiError
from rosterline.api.limits import MOST_BODY_BYTES
from rosterline.api.write_operations import WRITES_V1P2
from rosterline.api.writing.commands import MOST_RECORDS, Command, build_command
from rosterline.events.commands import CommandOperation

ROWS = {row.operation_id: row for row in WRITES_V1P2}
# Others are numbers with a fraction to most who read JSON.
NUMBERS = st.integers(-(2**63), 2**63 - 1)
IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def numbered() -> Callable[[], str]:
    """Ids that are told apart."""
    numbers = count(1)
    return lambda: f"new-{next(numbers)}"


def build(operation_id: str, body: object, *ids: str) -> Command:
    """The command of a write with this JSON as its body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return build_command(ROWS[operation_id], ids, data, numbered())


def refused(operation_id: str, body: object, *ids: str) -> str:
    """What is told of a body that is refused with 422."""
    with pytest.raises(ApiError) as caught:
        build(operation_id, body, *ids)
    assert (caught.value.status, caught.value.code) == (422, "invaliddata")
    return caught.value.message


@given(IDS.filter(lambda text: len(text) <= 255), st.dictionaries(st.text(), NUMBERS))
def test_a_put_says_what_was_sent_under_the_id_of_the_address(
    sourced_id: str, members: dict[str, int]
) -> None:
    members.pop("sourcedId", None)
    for sent in (members, {**members, "sourcedId": sourced_id}, {**members, "sourcedId": None}):
        command = build("putCategory", {"category": sent}, sourced_id)
        assert command.operation is CommandOperation.PUT
        assert json.loads(command.data) == {"category": {**members, "sourcedId": sourced_id}}
        assert command.pairs == ()


def test_a_deletion_names_the_record_of_the_address() -> None:
    command = build("deleteAssessmentResult", b"", "a/b")
    assert command.operation is CommandOperation.DELETE
    assert command.collection == "assessmentResults"
    assert json.loads(command.data) == {"sourcedId": "a/b"}


def test_a_single_post_keeps_the_id_that_was_sent_or_makes_one() -> None:
    kept = build("postResult", {"result": {"sourcedId": "mine"}})
    assert json.loads(kept.data) == {"result": {"sourcedId": "mine"}}
    assert kept.pairs == (("mine", "mine"),)
    for sent in ({}, {"sourcedId": None}, {"sourcedId": ""}):
        made = build("postResult", {"result": sent})
        assert json.loads(made.data) == {"result": {"sourcedId": "new-1"}}
        assert made.pairs == (("new-1", "new-1"),)


def test_several_are_allocated_ids_and_told_of_their_parents() -> None:
    own = {"sourcedId": "a", "class": {"sourcedId": "c1", "href": "x"}}
    records = [own, {"sourcedId": "b", "class": None}, {"title": "T"}]
    command = build("postLineItemsForClass", {"lineItems": records}, "c1")
    assert command.operation is None
    assert command.pairs == (("a", "new-1"), ("b", "new-2"), ("new-3", "new-3"))
    lines = [json.loads(line)["lineItem"] for line in command.data.split(b"\n")]
    assert lines == [
        {"sourcedId": "new-1", "class": {"sourcedId": "c1", "href": "x"}},
        {"sourcedId": "new-2", "class": {"sourcedId": "c1"}},
        {"sourcedId": "new-3", "class": {"sourcedId": "c1"}, "title": "T"},
    ]


@pytest.mark.parametrize(
    ("operation_id", "ids", "references"),
    [
        ("postLineItemsForSchool", ("s1",), {"school": {"sourcedId": "s1"}}),
        ("postResultsForLineItem", ("l1",), {"lineItem": {"sourcedId": "l1"}}),
        ("postResultsForAcademicSessionForClass", ("c1", "t1"), {"class": {"sourcedId": "c1"}}),
    ],
)
def test_each_address_gives_the_references_that_the_record_has(
    operation_id: str, ids: tuple[str, ...], references: dict[str, Any]
) -> None:
    row = ROWS[operation_id]
    command = build(operation_id, {row.key: [{"sourcedId": "a"}]}, *ids)
    record = json.loads(command.data)[row.entity.single]
    assert record == {"sourcedId": "new-1", **references}
    other = {member: {"sourcedId": "other"} for member in references}
    told = refused(operation_id, {row.key: [{"sourcedId": "a"}, other]}, *ids)
    assert told.startswith(f"{row.key}[1]: {next(iter(references))} is not that of the address")


def test_all_that_does_not_go_with_the_address_is_told_at_once() -> None:
    records: list[Any] = [
        {"sourcedId": "a"},
        {"sourcedId": "a", "class": {"sourcedId": "c2"}},
        {"sourcedId": 7, "class": "c1"},
    ]
    told = refused("postLineItemsForClass", {"lineItems": records}, "c1")
    assert told == (
        "lineItems[1]: sourcedId 'a' was given before; "
        "lineItems[1]: class is not that of the address, 'c1'; "
        "lineItems[2]: sourcedId must be a text that is not empty; "
        "lineItems[2]: class is not that of the address, 'c1'"
    )
    many = [{"sourcedId": "a", "class": {}} for _ in range(50)]
    assert refused("postLineItemsForClass", {"lineItems": many}, "c1").endswith("; and 79 more")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "The body is empty: JSON is needed"),
        (b" \n", "The body is empty: JSON is needed"),
        (b"{", "The body is no JSON: "),
        (b"\xff", "The body is no JSON: "),
        (b"NaN", "The body is no JSON: "),
        (b"[" * 2000, "The body is no JSON: "),
        ([], 'The body must be {"category": {…}}; it is no object'),
        ({}, 'The body must be {"category": {…}}; category is missing'),
        ({"sourcedId": "c1"}, 'The body must be {"category": {…}}; category is missing'),
        ({"category": []}, 'The body must be {"category": {…}}; category is no object'),
        ({"category": {"sourcedId": 7}}, "sourcedId must be a text"),
        (
            {"category": {"sourcedId": "c2"}},
            "The body's sourcedId 'c2' is not that of the address, 'c1'",
        ),
        (
            {"category": {"sourcedId": ""}},
            "The body's sourcedId '' is not that of the address, 'c1'",
        ),
    ],
)
def test_a_body_that_is_not_what_a_put_needs_is_named(body: object, told: str) -> None:
    for operation_id in ("putCategory", "patchCategory"):
        assert refused(operation_id, body, "c1").startswith(told)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "it is no object"),
        ({"result": []}, "results is missing"),
        ({"results": {}}, "results is no list of one record or more"),
        ({"results": []}, "results is no list of one record or more"),
        ({"results": [{}, 1, None]}, "results[1] is no object; results[2] is no object"),
    ],
)
def test_a_body_that_is_not_what_a_post_of_several_needs_is_named(body: object, told: str) -> None:
    assert told in refused("postResultsForLineItem", body, "l1")


@pytest.mark.parametrize(
    ("operation_id", "body", "status"),
    [
        ("putCategory", {"category": {}}, 422),
        ("patchCategory", {"category": {}}, 404),
        ("deleteCategory", {}, 404),
    ],
)
def test_what_can_be_no_id_is_no_records(operation_id: str, body: object, status: int) -> None:
    for sourced_id in ("", "x" * 256, "a\0"):
        with pytest.raises(ApiError) as caught:
            build(operation_id, body, sourced_id)
        assert caught.value.status == status
        assert "is no sourcedId" in caught.value.message


def test_several_that_grow_beyond_what_one_message_holds_are_too_large() -> None:
    records = [{"comment": "x" * 1000} for _ in range(990)]
    endpoint: Endpoint = ROWS["postResultsForLineItem"]
    with pytest.raises(ApiError) as caught:
        build(endpoint.operation_id, {"results": records}, "l" * 200)
    assert caught.value.status == 413
    assert str(MOST_BODY_BYTES) in caught.value.message


def test_more_records_than_a_message_takes_are_refused_before_they_are_sent() -> None:
    ids = ("class-1",)
    most: dict[str, Any] = {"lineItems": [{} for _ in range(MOST_RECORDS)]}
    assert len(build("postLineItemsForClass", most, *ids).pairs) == MOST_RECORDS
    with pytest.raises(ApiError, match=f"at most {MOST_RECORDS} at a time") as caught:
        build("postLineItemsForClass", {"lineItems": [*most["lineItems"], {}]}, *ids)
    assert caught.value.status == 413


def test_a_mark_before_utf_8_says_nothing() -> None:
    body = b'{"category": {"title": "Quiz"}}'
    assert build("putCategory", BOM_UTF8 + body, "a") == build("putCategory", body, "a")
    assert "empty" in refused("putCategory", BOM_UTF8, "a")
