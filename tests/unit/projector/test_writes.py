"""What is written and in which order: parents first, deletions last and children first."""

import pytest

from rosterline.events.change import Operation
from rosterline.oneroster.vocabulary import (
    ACTIVE,
    TO_BE_DELETED,
    Collection,
    Entity,
    Status,
    Version,
)
from rosterline.projector import writes as writes_module
from rosterline.projector.draft import Draft
from rosterline.projector.wanted import COURSES, Wanted
from rosterline.projector.writes import Spool, Stored, Write, decide

ALIVE, DEAD = Stored(ACTIVE, b"same"), Stored(TO_BE_DELETED, b"same")


def draft(
    sourced_id: str, entity: Entity = Entity.COURSES, status: Status = ACTIVE, kind: str = ""
) -> Draft:
    """A draft whose look is the stored one's."""
    columns = {"type": kind} if kind else {}
    return Draft(Collection(Version.V1P2, entity), sourced_id, status, "{}", b"same", columns)


def write(
    sourced_id: str, entity: Entity, operation: Operation, kind: str = "", transaction: int = 0
) -> Write:
    """A write."""
    return Write(draft(sourced_id, entity, kind=kind), operation, transaction, was_active=False)


def decided(wanted: Draft | None, stored: Stored | None) -> list[str]:
    """What is done about one record."""
    known = {} if stored is None else {"1": stored}
    found, vanished = decide(Wanted(COURSES, {"1": (wanted, 7)}), known)
    assert all(each.transaction == 7 for each in found)
    return [each.operation for each in found] + [f"vanished by {by}" for by in vanished.values()]


OTHER = Draft(COURSES, "1", ACTIVE, "{}", b"other")
ENDED = Draft(COURSES, "1", TO_BE_DELETED, "{}", b"ended")


@pytest.mark.parametrize(
    ("wanted", "stored", "expected"),
    [
        (draft("1"), None, ["created"]),
        (draft("1"), ALIVE, []),
        (OTHER, ALIVE, ["updated"]),
        (OTHER, DEAD, ["created"]),
        (ENDED, None, ["deleted"]),
        (ENDED, ALIVE, ["deleted"]),
        (ENDED, Stored(TO_BE_DELETED, b"ended"), []),
        (ENDED, DEAD, ["deleted"]),
        (None, None, []),
        (None, DEAD, []),
        (None, ALIVE, ["vanished by 7"]),
    ],
)
def test_what_is_done(wanted: Draft | None, stored: Stored | None, expected: list[str]) -> None:
    assert decided(wanted, stored) == expected


def told(spool: Spool) -> list[str]:
    """The order in which the spool is told."""
    return [each.draft.sourced_id for run in spool.runs() for each in run]


def fill(spool: Spool) -> None:
    """Writes of three entities, added in no good order."""
    sessions = Entity.ACADEMIC_SESSIONS
    spool.add(
        [write("r1", Entity.ENROLLMENTS, "created"), write("r2", Entity.ENROLLMENTS, "deleted")]
    )
    spool.add(
        [
            write("gp1", sessions, "created", "gradingPeriod"),
            write("gp2", sessions, "deleted", "gradingPeriod"),
            write("1", sessions, "created", "term"),
            write("2", sessions, "deleted", "term"),
            write("sy1", sessions, "updated", "schoolYear"),
            write("sy2", sessions, "deleted", "schoolYear"),
        ]
    )
    spool.add([write("school", Entity.ORGS, "created", "school")])
    spool.add(
        [
            write("3", sessions, "deleted", "term"),
            write("gp3", sessions, "deleted", "gradingPeriod"),
        ]
    )


ORDER = ["school", "sy1", "1", "gp1", "r1", "r2", "gp3", "3", "gp2", "2", "sy2"]


def test_parents_come_first_and_go_last() -> None:
    with Spool({0: "a"}) as spool:
        fill(spool)
        assert told(spool) == ORDER
        assert len(spool) == len(ORDER)


@pytest.mark.parametrize("in_memory", [0, 1, 4])
def test_what_waits_in_a_file_is_told_in_the_same_order_again_and_again(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(writes_module, "MEMORY_WRITES", in_memory)
    with Spool({0: "a"}) as spool:
        fill(spool)
        assert spool.file is not None
        assert told(spool) == told(spool) == ORDER


def test_long_records_wait_in_a_file_though_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes_module, "MEMORY_CHARACTERS", 4)
    with Spool({0: "a"}) as spool:
        fill(spool)
        assert spool.file is not None
        assert told(spool) == ORDER


def test_each_transaction_has_a_stretch_of_numbers() -> None:
    with Spool({0: "a"}) as spool:
        for transaction, count in ((2, 3), (0, 2), (5, 1)):
            spool.add(
                write(f"{transaction}-{number}", Entity.USERS, "updated", transaction=transaction)
                for number in range(count)
            )
        assert spool.first_numbers(100) == {0: 100, 2: 102, 5: 105}
        assert spool.per_transaction == {0: 2, 2: 3, 5: 1}


def test_an_empty_spool_has_nothing_to_tell() -> None:
    with Spool({0: "a"}) as spool:
        spool.add([])
        assert len(spool) == 0
        assert told(spool) == []
