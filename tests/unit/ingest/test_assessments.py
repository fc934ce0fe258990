"""Assessment line items and results: trees, minutes, blank results, and what may change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rosterline.events.commands import CommandOperation
from rosterline.ingest.lines import Line, Refused, Stored
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    LINE_ITEMS,
    OTHER_STUDENT,
    RESULTS,
    STUDENT,
    TEACHER,
    World,
    delete,
    line_item,
    patch,
    put,
    ref,
    result,
    uuid,
)

A, B, C, D = (uuid(number) for number in range(1, 5))
R, S, T = (uuid(number) for number in range(11, 14))
NEW = Stored(201, changed=True)
REPLACED = Stored(200, changed=True)
SAME = Stored(200, changed=False)


def told(world: World, *lines: Line) -> str:
    """Why the last line is refused."""
    outcome = world.decide(*lines)[-1]
    assert isinstance(outcome, Refused)
    return outcome.description


def chain(*ids: str) -> list[Line]:
    """Line items, each below the one before."""
    return [line_item(each, ids[place - 1] if place else None) for place, each in enumerate(ids)]


@pytest.mark.parametrize(
    ("sourced_id", "is_good"),
    [
        ("6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01", True),
        ("6F1F7F0E-0C3B-4A52-BE0A-3F6C1F8D2A01", True),
        ("00000000-0000-4000-8000-000000000000", True),
        ("ffffffff-ffff-4fff-bfff-ffffffffffff", True),
        ("6f1f7f0e-0c3b-1a52-9e0a-3f6c1f8d2a01", False),
        ("6f1f7f0e-0c3b-7a52-9e0a-3f6c1f8d2a01", False),
        ("6f1f7f0e-0c3b-4a52-7e0a-3f6c1f8d2a01", False),
        ("6f1f7f0e-0c3b-4a52-ce0a-3f6c1f8d2a01", False),
        ("00000000-0000-0000-0000-000000000000", False),
        ("6f1f7f0e0c3b4a529e0a3f6c1f8d2a01", False),
        ("{6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01}", False),
        ("urn:uuid:6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01", False),
        ("6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a0", False),
        ("6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01 ", False),
        ("6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01\n", False),
        ("gf1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01", False),
        ("", False),
    ],
)
def test_only_version_4_uuids_are_ids_of_assessments(sourced_id: str, is_good: bool) -> None:
    text = f"UUID format. {sourced_id} is not."
    for line in (line_item(sourced_id), line_item(A, sourced_id)):
        (outcome,) = World().decide(line)
        assert (isinstance(outcome, Refused) and text in outcome.description) != is_good
    world = World()
    world.decide(line_item(A))
    for line in (result(sourced_id, A), result(R, sourced_id)):
        (outcome,) = world.decide(line)
        assert (isinstance(outcome, Refused) and text in outcome.description) != is_good


LOWER = "6f1f7f0e-0c3b-4a52-9e0a-3f6c1f8d2a01"


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("is_deleted", [False, True])
@pytest.mark.parametrize("spelled", [LOWER, LOWER.upper()])
@pytest.mark.parametrize("entity", [LINE_ITEMS, RESULTS])
def test_a_uuid_in_other_letters_is_no_other_record(
    entity: Entity, spelled: str, is_deleted: bool, at_once: bool
) -> None:
    world, other = World(), spelled.swapcase()
    world.decide(line_item(A), line_item(B))
    first, second = (
        (line_item(spelled), line_item(other))
        if entity is LINE_ITEMS
        else (result(spelled, A), result(other, B))
    )
    before = [first, delete(entity, spelled)] if is_deleted else [first]
    if not at_once:
        world.decide(*before)
        before = []
    assert told(world, *before, second) == (
        f"The {entity.single} cannot be stored: sourcedId {other} is the UUID of {spelled}: use it "
        "as it is spelled there"
    )
    assert world.decide(first) == [NEW if is_deleted else SAME]
    assert (
        world.decide(patch(entity, other, comment="x"), delete(entity, other))
        == [
            Refused(
                404, "unknownobject", f"No {entity.single} record exists with the sourcedId {other}"
            )
        ]
        * 2
    )


@pytest.mark.parametrize("make", [line_item, lambda sourced_id: result(sourced_id, A)])
@pytest.mark.parametrize("first", [LOWER, LOWER.upper()])
def test_a_uuid_in_both_cases_is_taken_where_it_is_new(
    make: Callable[[str], Line], first: str
) -> None:
    mixed = f"{LOWER[:-4]}2A01"
    world = World()
    assert world.decide(line_item(A), make(mixed))[1] == NEW
    # Only spellings in one case are looked up by others.
    assert "is the UUID of" not in str(world.decide(make(first)))
    assert told(World(), line_item(A), make(first), make(mixed)).endswith(
        f"sourcedId {mixed} is the UUID of {first}: use it as it is spelled there"
    )


def test_a_put_creates_replaces_and_changes_nothing_a_second_time() -> None:
    world = World()
    assert world.decide(line_item(A)) == [NEW]
    assert world.decide(line_item(A)) == [SAME]
    assert world.decide(line_item(A, title="Writing")) == [REPLACED]
    assert world.body(LINE_ITEMS, A) == {"sourcedId": A, "title": "Writing"}


def test_the_order_of_members_and_a_writers_stamp_change_nothing() -> None:
    world = World()
    world.decide(put(LINE_ITEMS, A, title="Reading", description="Fall"))
    again = put(LINE_ITEMS, A, description="Fall", title="Reading", dateLastModified="2020")
    assert world.decide(again) == [SAME]


def test_a_number_that_is_written_otherwise_is_a_change() -> None:
    world = World()
    world.decide(line_item(A, resultValueMax=1))
    assert world.decide(line_item(A, resultValueMax=1.0)) == [REPLACED]
    assert world.decide(line_item(A, resultValueMax=1.0, x=True)) == [REPLACED]
    assert world.decide(line_item(A, resultValueMax=1.0, x=1)) == [REPLACED]


def test_members_beyond_the_standard_are_kept() -> None:
    world = World()
    world.decide(line_item(A, metadata={"x": [1]}, component=ref("c-1"), scoreScale=ref("unknown")))
    assert world.body(LINE_ITEMS, A)["component"] == ref("c-1")
    assert world.body(LINE_ITEMS, A)["metadata"] == {"x": [1]}


def test_a_tree_can_be_sent_in_one_unit_from_the_root_down_only() -> None:
    assert World().decide(*chain(A, B, C, D)) == [NEW] * 4
    outcomes = World().decide(*reversed(chain(A, B)))
    assert [outcome.status for outcome in outcomes] == [404, 201]


@pytest.mark.parametrize("at_once", [False, True])
def test_no_line_item_may_stand_below_itself(at_once: bool) -> None:
    circles = [line_item(A, A), line_item(A, B), line_item(A, D), line_item(B, D)]
    for circle in circles:
        world = World()
        tree = chain(A, B, C, D)
        if at_once:
            text = told(world, *tree, circle)
        else:
            world.decide(*tree)
            text = told(world, circle)
        assert "must not be the line item itself or stand below it" in text
    assert "must not be" in told(World(), line_item(A, A))


def test_two_moves_of_one_unit_cannot_make_a_circle_together() -> None:
    world = World()
    world.decide(line_item(A), line_item(B))
    first, second = world.decide(line_item(A, B), line_item(B, A))
    assert (first.status, second.status) == (200, 422)


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("referring", "named"),
    [
        ([result(R, B)], "assessmentResults"),
        ([line_item(D, B)], "assessmentLineItems"),
        ([line_item(D, B), result(R, D)], "assessmentLineItems and assessmentResults"),
    ],
)
def test_a_line_item_with_results_or_children_keeps_its_parent(
    referring: list[Line], named: str, at_once: bool
) -> None:
    moves = [line_item(B, C), line_item(B), patch(LINE_ITEMS, B, parentAssessmentLineItem=None)]
    for move in moves:
        world, ready = World(), [*chain(A, B), line_item(C), *referring]
        if not at_once:
            world.decide(*ready)
            ready = []
        assert told(world, *ready, move) == (
            f"{B} Assessment Line Item's referenced Parent Line Item cannot be changed while "
            f"{named} refer to the line item. Delete these first, or create a new line item below "
            "the other parent."
        )
        same = [line_item(B, A, description="x"), patch(LINE_ITEMS, B, description="y")]
        assert world.decide(*same) == [REPLACED] * 2


def test_the_root_of_a_tree_with_results_stays_one() -> None:
    world = World()
    world.decide(line_item(A), line_item(C), result(R, A))
    assert "cannot be changed while assessmentResults refer" in told(world, line_item(A, C))


def test_a_line_item_to_which_nothing_refers_moves_to_another_tree() -> None:
    world = World()
    world.decide(*chain(A, B), line_item(C), result(R, B))
    assert [each.status for each in world.decide(delete(RESULTS, R), line_item(B, C))] == [204, 200]
    world.decide(result(S, B, scoreDate="2026-10-06"))
    on_that_day = {
        document.line_item_id
        for document in world.live(RESULTS)
        if document.body["scoreDate"] == "2026-10-06"
    }
    assert on_that_day == {B, C}
    world.decide(delete(RESULTS, S))
    assert world.decide(line_item(B)) == [REPLACED]


@pytest.mark.parametrize("depth", [1, 2, 3, 40])
@pytest.mark.parametrize("at_once", [False, True])
def test_every_ancestor_gets_a_blank_result(depth: int, at_once: bool) -> None:
    world = World()
    ids = [uuid(number) for number in range(100, 100 + depth)]
    tree, last = chain(*ids), result(R, ids[-1], score=5, scoreDate="2026-10-05T10:00:12Z")
    if not at_once:
        world.decide(*tree)
    assert world.decide(*(tree if at_once else ()), last)[-1] == NEW
    blanks = {d.line_item_id: d for d in world.live(RESULTS) if d.sourced_id != R}
    assert list(blanks) == ids[:-1]
    for line_item_id, blank in blanks.items():
        assert blank.body == {
            "sourcedId": blank.sourced_id,
            "assessmentLineItem": ref(str(line_item_id)),
            "student": ref(STUDENT),
            "scoreDate": "2026-10-05T10:00:12Z",
        }
        assert blank.minute == datetime(2026, 10, 5, 10, 0, tzinfo=UTC)
    assert world.decide(last) == [SAME]


def test_only_missing_blanks_are_made() -> None:
    world = World()
    world.decide(*chain(A, B, C), result(R, A, score=9, scoreDate="2026-10-05T00:00:29Z"))
    world.decide(result(S, C, score=5))
    world.decide(result(T, C, OTHER_STUDENT))
    assert len(world.results()) == 6
    assert world.body(RESULTS, R)["score"] == 9
    (blank,) = (d for d in world.live(RESULTS) if d.line_item_id == B and d.student_id == STUDENT)
    assert "score" not in blank.body


def test_a_blank_result_is_scored_under_its_own_id() -> None:
    world = World()
    world.decide(*chain(A, B), result(R, B))
    blank = world.results()[STUDENT, A, datetime(2026, 10, 5, tzinfo=UTC)]
    assert f"with the UUID {blank}." in told(world, result(S, A, score=4))
    assert world.decide(patch(RESULTS, blank, score=4)) == [REPLACED]
    assert world.decide(result(blank, A, score=5)) == [REPLACED]


def test_deleting_a_result_leaves_blanks_and_a_put_makes_those_again_that_went() -> None:
    world = World()
    world.decide(*chain(A, B), result(R, B))
    blank = world.results()[STUDENT, A, datetime(2026, 10, 5, tzinfo=UTC)]
    assert world.decide(delete(RESULTS, R)) == [Stored(204, changed=True)]
    assert set(world.results().values()) == {blank}
    world.decide(result(R, B), delete(RESULTS, blank))
    assert world.decide(result(R, B)) == [REPLACED]
    assert len(world.results()) == 2


def test_a_change_of_the_score_date_moves_the_result_and_makes_blanks_there() -> None:
    world = World()
    world.decide(*chain(A, B), result(R, B))
    assert world.decide(result(R, B, scoreDate="2026-10-06")) == [REPLACED]
    assert len(world.results()) == 3
    assert world.decide(result(S, B)) == [NEW]
    assert f"UUID {R}" in told(world, result(S, B, scoreDate="2026-10-06T00:00:01Z"))


@pytest.mark.parametrize("at_once", [False, True])
def test_a_place_is_free_once_its_result_is_deleted_or_moved(at_once: bool) -> None:
    world = World()
    first = [line_item(A), result(R, A)]
    then = [result(R, A, scoreDate="2026-10-06"), result(S, A), delete(RESULTS, S), result(T, A)]
    if at_once:
        outcomes = world.decide(*first, *then)
    else:
        outcomes = [world.decide(line)[0] for line in [*first, *then]]
    assert [outcome.status for outcome in outcomes] == [201, 201, 200, 201, 204, 201]
    assert f"UUID {T}" in told(world, result(S, A))


def test_a_deleted_result_comes_back_for_whomever() -> None:
    world = World()
    world.decide(line_item(A), line_item(B), result(R, A), delete(RESULTS, R))
    assert world.decide(result(R, B, OTHER_STUDENT)) == [NEW]
    assert "status" not in world.body(RESULTS, R)


def test_a_result_without_a_date_is_of_the_day_of_its_command_and_stays_there() -> None:
    world = World()
    sent = result(R, A, scoreDate=None)
    world.decide(line_item(A), replace(sent, received=datetime(2026, 3, 1, 23, 0, tzinfo=UTC)))
    assert world.body(RESULTS, R)["scoreDate"] == "2026-03-01"
    later = result(R, A, scoreDate=None, score=3)
    assert world.decide(replace(later, received=datetime(2026, 4, 1, tzinfo=UTC))) == [REPLACED]
    assert world.body(RESULTS, R)["scoreDate"] == "2026-03-01"
    assert world.decide(patch(RESULTS, R, scoreDate=None, score=4)) == [REPLACED]
    assert world.body(RESULTS, R)["scoreDate"] == "2026-03-01"


def test_a_score_date_is_kept_as_it_was_sent() -> None:
    world = World()
    world.decide(line_item(A), result(R, A, scoreDate="2026-10-05T10:15:00-05:00"))
    assert world.body(RESULTS, R)["scoreDate"] == "2026-10-05T10:15:00-05:00"


@pytest.mark.parametrize("student", ["nobody", TEACHER, "no id at all", ""])
def test_only_students_have_results(student: str) -> None:
    world = World()
    world.decide(line_item(A))
    assert told(world, result(R, A, student)) == f"No student record exists with the GUID {student}"


def test_a_patch_keeps_what_it_does_not_name() -> None:
    world = World()
    world.decide(line_item(A), result(R, A, score=1, comment="so", metadata={"a": 1, "b": 2}))
    outcome = world.decide(patch(RESULTS, R, score=2, comment=None, metadata={"b": None}))
    assert outcome == [REPLACED]
    assert world.body(RESULTS, R) == {
        "sourcedId": R,
        "assessmentLineItem": ref(A),
        "student": ref(STUDENT),
        "scoreDate": "2026-10-05",
        "score": 2,
        "metadata": {"a": 1},
    }
    assert world.decide(patch(RESULTS, R, score=2)) == [SAME]


def test_a_patch_keeps_to_the_alignment_under_both_names() -> None:
    world = World()
    world.decide(line_item(A), line_item(B), result(R, A))
    assert world.decide(patch(RESULTS, R, lineItem=ref(A), score=1)) == [REPLACED]
    assert "wrong assessmentLineItem alignment" in told(world, patch(RESULTS, R, lineItem=ref(B)))
    assert "wrong student alignment" in told(world, patch(RESULTS, R, student=ref(OTHER_STUDENT)))


@pytest.mark.parametrize("entity", [LINE_ITEMS, RESULTS, Entity.CATEGORIES])
def test_what_is_not_there_is_neither_patched_nor_deleted(entity: Entity) -> None:
    world = World()
    text = f"No {entity.single} record exists with the sourcedId {A}"
    assert told(world, patch(entity, A, title="x")) == text
    assert told(world, delete(entity, A)) == text
    assert told(world, put(entity, A, status="tobedeleted")) == text
    world.decide(*chain(A), delete(LINE_ITEMS, A))
    assert world.decide(delete(LINE_ITEMS, A))[0].status == 404
    assert world.decide(patch(LINE_ITEMS, A, title="x"))[0].status == 404


@pytest.mark.parametrize("status", ["tobedeleted", "inactive"])
@pytest.mark.parametrize("operation", [CommandOperation.PUT, CommandOperation.PATCH])
def test_a_status_that_deletes_is_a_deletion(status: str, operation: CommandOperation) -> None:
    world = World()
    world.decide(*chain(A, B))
    going = replace(put(LINE_ITEMS, A, status=status), operation=operation)
    assert told(world, going).endswith(f"filter parentAssessmentLineItem. sourcedId={A}")
    world.decide(delete(LINE_ITEMS, B))
    assert world.decide(going) == [Stored(200, changed=True)]
    buried = world.documents[LINE_ITEMS, A]
    assert buried.is_deleted
    assert buried.body == {"sourcedId": A, "title": "Reading", "status": "tobedeleted"}


def test_a_tree_is_deleted_from_its_leaves_up_in_one_unit_too() -> None:
    world = World()
    world.decide(*chain(A, B), result(R, B))
    blank = world.results()[STUDENT, A, datetime(2026, 10, 5, tzinfo=UTC)]
    lines = [
        delete(RESULTS, R),
        delete(RESULTS, blank),
        delete(LINE_ITEMS, B),
        delete(LINE_ITEMS, A),
    ]
    assert [outcome.status for outcome in world.decide(*lines)] == [204] * 4


def test_a_line_item_with_one_result_left_stays() -> None:
    world = World()
    world.decide(line_item(A), result(R, A), result(S, A, OTHER_STUDENT))
    gone, kept = world.decide(delete(RESULTS, R), delete(LINE_ITEMS, A))
    assert (gone.status, kept.status) == (204, 422)
