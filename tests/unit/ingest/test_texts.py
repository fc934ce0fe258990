"""Seed 002's tables of errors, row by row: what a sender does, and the answer to the letter."""

from collections.abc import Sequence

import pytest

from rosterline.ingest.lines import Line, Refused
from tests.support.ingest_world import (
    LINE_ITEMS,
    OTHER_STUDENT,
    RESULTS,
    STUDENT,
    World,
    delete,
    line_item,
    ref,
    result,
    uuid,
)

A, B, C, R, S = (uuid(number) for number in range(1, 6))
NONE = uuid(99)
# What was done before, what is done then, and the status and text of its answer.
ROWS: dict[str, tuple[Sequence[Line], Line, int, str]] = {
    "line item: own id": (
        [],
        line_item("reading-1"),
        422,
        "Assessment Line Item's sourcedId must be in valid UUID format. reading-1 is not.",
    ),
    "line item: id of its parent": (
        [],
        line_item(A, "battery-1"),
        422,
        (
            f"{A} Assessment Line Item's referenced Parent Line Item sourcedId must be in valid "
            "UUID format. battery-1 is not."
        ),
    ),
    "line item: deleted while it has children": (
        [line_item(A), line_item(B, A)],
        delete(LINE_ITEMS, A),
        422,
        (
            "The Assessment Line Item record you tried to delete is linked to another Assessment "
            "Line Item record, and the system will not allow you to delete it until you delete the "
            "records that are linked. The child records can be found by getting all Assessment "
            f"Line Item records with filter parentAssessmentLineItem. sourcedId={A}"
        ),
    ),
    "line item: deleted while it has results": (
        [line_item(A), result(R, A)],
        delete(LINE_ITEMS, A),
        422,
        (
            "The Assessment Line Item record you tried to delete is linked to an Assessment Result "
            "(score) record, and the system will not allow you to delete it until you delete the "
            "record linked to it. The child records can be found by getting all Assessment Line "
            f"Item records with filter lineItem.sourcedId={A}"
        ),
    ),
    "result: own id": (
        [line_item(A)],
        result("result-1", A),
        422,
        "Assessment Result's sourcedId must be in valid UUID format. result-1 is not.",
    ),
    "result: id of its line item": (
        [],
        result(R, "reading-1"),
        422,
        (
            f"{R} Assessment Result's referenced Line Item sourcedId must be in valid UUID format. "
            "reading-1 is not."
        ),
    ),
    "result: another student": (
        [line_item(A), result(R, A)],
        result(R, A, OTHER_STUDENT),
        422,
        "Cannot put record. Attempted to modify an existing record with wrong student alignment",
    ),
    "result: another line item": (
        [line_item(A), line_item(B), result(R, A)],
        result(R, B),
        422,
        (
            "Cannot put record. Attempted to modify an existing record with wrong "
            "assessmentLineItem alignment"
        ),
    ),
    "result: a second one": (
        [line_item(A), result(R, A)],
        result(S, A),
        422,
        (
            "A duplicate assessment result record exists for this line item, person and date with "
            f"the UUID {R}. Please use this UUID to update or delete the previous record, or "
            "create a new record by updating one of these three fields."
        ),
    ),
    "result: unknown student": (
        [line_item(A)],
        result(R, A, "nobody"),
        404,
        "No student record exists with the GUID nobody",
    ),
    "result: unknown line item": (
        [],
        result(R, NONE),
        404,
        f"No assessment line item record exists with the GUID {NONE}",
    ),
}


@pytest.mark.parametrize(("before", "line", "status", "text"), ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("at_once", [False, True], ids=["later", "in one unit"])
def test_every_error_of_the_seed_is_told_to_the_letter(
    before: Sequence[Line], line: Line, status: int, text: str, at_once: bool
) -> None:
    world = World()
    if not at_once:
        world.decide(*before)
    outcome = world.decide(*(before if at_once else ()), line)[-1]
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.description) == (status, text)
    assert outcome.code_minor == ("unknownobject" if status == 404 else "invaliddata")
    assert outcome.may_resolve == (status == 404)


def test_a_parent_that_does_not_exist_is_told_as_a_line_item_that_does_not() -> None:
    (outcome,) = World().decide(line_item(A, NONE))
    assert outcome == Refused(
        404,
        "unknownobject",
        f"No assessment line item record exists with the GUID {NONE}",
        may_resolve=True,
    )


# Each has all the faults of those below it as well.
ORDER: tuple[tuple[Line, str], ...] = (
    (result("r", "l", "nobody", score="many"), "score"),
    (result("r", "l", "nobody"), "Assessment Result's sourcedId"),
    (result(R, "l", "nobody"), f"{R} Assessment Result's referenced Line Item"),
    (result(R, NONE, "nobody"), "No student record"),
    (result(R, NONE, OTHER_STUDENT), "No assessment line item record"),
    (result(R, B, OTHER_STUDENT), "Cannot put record. Attempted to modify an existing record"),
    (result(R, B, STUDENT), "wrong assessmentLineItem alignment"),
    (result(R, A, STUDENT, scoreDate="2026-10-06"), "A duplicate assessment result record"),
)


@pytest.mark.parametrize(("line", "text"), ORDER)
def test_of_several_faults_the_first_in_order_is_told(line: Line, text: str) -> None:
    world = World()
    world.decide(
        line_item(A), line_item(B), result(R, A), result(S, A, scoreDate="2026-10-06T00:00:20Z")
    )
    (outcome,) = world.decide(line)
    assert isinstance(outcome, Refused)
    assert text in outcome.description


LINE_ITEM_ORDER: tuple[tuple[Line, str], ...] = (
    (line_item("l", "p", title=7), "title must be a text"),
    (line_item("l", "p"), "Assessment Line Item's sourcedId must be"),
    (line_item(A, "p"), f"{A} Assessment Line Item's referenced Parent"),
    (line_item(A, A), "must not be the line item itself"),
    (line_item(A, NONE), "No assessment line item record"),
)


@pytest.mark.parametrize(("line", "text"), LINE_ITEM_ORDER)
def test_of_several_faults_of_a_line_item_the_first_is_told(line: Line, text: str) -> None:
    (outcome,) = World().decide(line)
    assert isinstance(outcome, Refused)
    assert text in outcome.description


def test_a_line_item_names_children_before_results() -> None:
    world = World()
    world.decide(line_item(A), line_item(B, A), result(R, A))
    (outcome,) = world.decide(delete(LINE_ITEMS, A))
    assert isinstance(outcome, Refused)
    assert outcome.description.endswith(f"parentAssessmentLineItem. sourcedId={A}")


def test_the_name_of_the_seed_for_a_line_item_is_understood_and_kept_under_the_standards() -> None:
    world = World()
    world.decide(line_item(A), result(R, A, assessmentLineItem=None, lineItem=ref(A)))
    body = world.body(RESULTS, R)
    assert body["assessmentLineItem"] == ref(A)
    assert "lineItem" not in body
