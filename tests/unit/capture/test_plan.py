"""How capture begins: every state of slot, streams and mark that a start can find."""

from dataclasses import replace

import pytest

from rosterline.capture.parts import (
    EPOCH_HEADER,
    KIND_HEADER,
    PENDING_HEADER,
    POSITION_HEADER,
    TABLES_HEADER,
)
from rosterline.capture.plan import Begin, Mark, Plan, Resume, RowsEnd, SlotState, make_plan
from rosterline.capture.position import Position

SLOT = SlotState(confirmed=500, lost=False, active_pid=None)
ROWS = RowsEnd("transaction", 3, Position(480, 7, 2), None)
MARK = Mark("cluster/1/sis", ("made at noon",), (40,), 500)
NOW = replace(MARK, lsn=900)
FRESH = Mark("cluster/1/sis", ("made at noon",), (0,), 900)
RESUME = Resume(3, ROWS.position, MARK)
CREATING = replace(MARK, creating=True)
TABLES = ("person", "term")


def gap_of(plan: Plan) -> str:
    """The gap that a plan begins with."""
    assert isinstance(plan, Begin)
    return plan.gap or ""


def test_the_first_start_makes_a_slot_and_tells_of_no_gap() -> None:
    assert make_plan(None, None, None, FRESH) == Begin(epoch=1, gap=None)


def test_an_ordinary_start_goes_on_where_stream_and_slot_are() -> None:
    assert make_plan(SLOT, ROWS, MARK, NOW) == RESUME


@pytest.mark.parametrize(
    ("slot", "rows", "mark", "now"),
    [
        pytest.param(replace(SLOT, confirmed=300), ROWS, MARK, NOW, id="confirmation never sent"),
        pytest.param(replace(SLOT, active_pid=17), ROWS, MARK, NOW, id="predecessor still dying"),
        pytest.param(SLOT, ROWS, MARK, replace(NOW, sequences=(99,)), id="published since"),
        pytest.param(SLOT, ROWS, MARK, replace(NOW, lsn=500), id="nothing written since"),
        pytest.param(SLOT, replace(ROWS, kind="snapshot_end"), MARK, NOW, id="after a snapshot"),
    ],
)
def test_what_is_no_loss_is_no_gap(slot: SlotState, rows: RowsEnd, mark: Mark, now: Mark) -> None:
    assert make_plan(slot, rows, mark, now) == RESUME


@pytest.mark.parametrize("kind", ["snapshot_begin", "snapshot_rows"])
def test_an_unfinished_snapshot_sends_the_rest_of_its_tables(kind: str) -> None:
    rows = replace(ROWS, kind=kind, pending=0, tables=TABLES)
    assert make_plan(SLOT, rows, MARK, NOW) == replace(RESUME, tables=TABLES)


def test_a_snapshot_whose_rows_are_sent_ends_where_it_is_consistent() -> None:
    rows = replace(ROWS, pending=700)
    assert make_plan(SLOT, rows, MARK, NOW) == replace(RESUME, pending=700)


@pytest.mark.parametrize(
    ("slot", "rows", "mark", "now", "reason"),
    [
        pytest.param(None, ROWS, MARK, NOW, "no longer exists", id="slot dropped"),
        pytest.param(None, None, MARK, NOW, "no longer exists", id="slot and stream lost"),
        pytest.param(None, ROWS, None, NOW, "no longer exists", id="slot and POSITIONS lost"),
        pytest.param(replace(SLOT, lost=True), ROWS, MARK, NOW, "lost WAL", id="WAL removed"),
        pytest.param(replace(SLOT, confirmed=501), ROWS, MARK, NOW, "ahead", id="slot advanced"),
        pytest.param(SLOT, ROWS, None, NOW, "not known", id="POSITIONS lost"),
        pytest.param(SLOT, None, None, FRESH, "not known", id="only the slot is left"),
        pytest.param(
            SLOT, ROWS, MARK, replace(NOW, system="other/1/sis"), "another one", id="other cluster"
        ),
        pytest.param(
            SLOT, ROWS, MARK, replace(NOW, system="cluster/2/sis"), "promoted", id="other timeline"
        ),
        pytest.param(
            SLOT, ROWS, MARK, replace(NOW, streams=("made later",)), "stream", id="stream made anew"
        ),
        pytest.param(SLOT, None, MARK, NOW, "stream is another", id="stream emptied"),
        pytest.param(
            SLOT, ROWS, MARK, replace(NOW, sequences=(39,)), "lost messages", id="stream set back"
        ),
        pytest.param(SLOT, ROWS, MARK, replace(NOW, lsn=499), "set back", id="database set back"),
        pytest.param(
            SLOT,
            replace(ROWS, position=Position(901)),
            MARK,
            NOW,
            "set back",
            id="database behind the stream",
        ),
        pytest.param(
            None, None, None, replace(FRESH, sequences=(5,)), "no longer exists", id="old streams"
        ),
    ],
)
def test_g1_whatever_may_have_lost_changes_is_a_gap_and_a_new_snapshot(
    slot: SlotState | None, rows: RowsEnd | None, mark: Mark | None, now: Mark, reason: str
) -> None:
    plan = make_plan(slot, rows, mark, now)
    assert reason in gap_of(plan)
    assert plan == Begin(epoch=4 if rows else 1, gap=gap_of(plan))


def test_the_outbox_stream_counts_as_the_rows_stream_does() -> None:
    mark = replace(MARK, streams=("rows", "outbox"), sequences=(40, 70))
    now = replace(mark, lsn=900)
    assert make_plan(SLOT, ROWS, mark, now) == replace(RESUME, mark=mark)
    assert "another" in gap_of(make_plan(SLOT, ROWS, mark, replace(now, streams=("rows", "new"))))
    assert "lost" in gap_of(make_plan(SLOT, ROWS, mark, replace(now, sequences=(40, 69))))


@pytest.mark.parametrize("rows", [None, ROWS, replace(ROWS, kind="gap", position=Position(0))])
@pytest.mark.parametrize("gap", [None, "the replication slot no longer exists"])
def test_an_interrupted_beginning_keeps_its_slot_and_its_gap(
    rows: RowsEnd | None, gap: str | None
) -> None:
    mark = replace(CREATING, gap=gap)
    epoch = rows.epoch + 1 if rows else 1
    assert make_plan(SLOT, rows, mark, NOW) == Begin(epoch, gap, keep_slot=True)
    assert make_plan(None, rows, mark, NOW) == Begin(epoch, gap)


@pytest.mark.parametrize(
    ("slot", "now"),
    [
        pytest.param(replace(SLOT, lost=True), NOW, id="slot lost meanwhile"),
        pytest.param(SLOT, replace(NOW, system="other/1/sis"), id="database replaced meanwhile"),
    ],
)
def test_a_new_slot_that_is_no_longer_good_is_a_gap_too(slot: SlotState, now: Mark) -> None:
    plan = make_plan(slot, None, CREATING, now)
    assert gap_of(plan)
    assert plan == Begin(1, gap_of(plan))


def test_a_mark_is_read_as_it_was_written() -> None:
    for mark in (MARK, replace(CREATING, gap="why"), replace(MARK, lsn=0, sequences=(1, 2))):
        assert Mark.from_json(mark.to_json()) == mark


def test_the_last_message_says_by_headers_where_the_stream_ends() -> None:
    headers = {KIND_HEADER: "transaction", EPOCH_HEADER: "3", POSITION_HEADER: "0/1E0:7:2"}
    assert RowsEnd.from_headers(headers) == ROWS
    unfinished = headers | {PENDING_HEADER: "0/0", TABLES_HEADER: "person,term"}
    assert RowsEnd.from_headers(unfinished) == replace(ROWS, pending=0, tables=TABLES)
    assert RowsEnd.from_headers(None) is None
