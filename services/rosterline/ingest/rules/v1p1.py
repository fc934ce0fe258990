"""What senders of OneRoster 1.1 must give, and what they mean by their words. Pure.

DESIGN §5: a writer reads what it has written, so what 1.1 could not show is not taken from them.
"""

from collections.abc import Iterator
from typing import Any

from rosterline.ingest.ledger import Ledger
from rosterline.oneroster.reading import Body, named_id
from rosterline.oneroster.vocabulary import Entity
from rosterline.oneroster.written import Problem

EXTENSION = "ext:"
IS_REQUIRED = "is required in OneRoster 1.1"


def translated(members: dict[str, Any], ledger: Ledger) -> tuple[dict[str, Any], bool]:
    """The members with 1.2's id of the student, and whether there is that student.

    DESIGN §2.2: "in 1.1 there is one user per role", so the id of a student is another.
    """
    sourced_id = named_id(members, "student")
    if not sourced_id:
        return members, True
    student_id = ledger.student_of_v1p1(sourced_id)
    if student_id is None:
        return members, False
    return {**members, "student": {"sourcedId": student_id}}, True


def lacking(entity: Entity, members: Body, ledger: Ledger) -> Iterator[Problem]:
    """What 1.1 demands of a record beyond 1.2, of members as they are read."""
    if entity is Entity.LINE_ITEMS:
        yield from _lacking_in_line_item(members, ledger)
    if entity is Entity.RESULTS:
        if "score" not in members:
            yield Problem("score", IS_REQUIRED)
        # ONEROSTER §3.1: "in 1.1 no vocabulary may be extended".
        if str(members.get("scoreStatus", "")).startswith(EXTENSION):
            yield Problem("scoreStatus", "must be a word of OneRoster 1.1")


def has_line_item(members: Body, ledger: Ledger) -> bool:
    """Whether 1.1 shows a line item, so that it can show its results."""
    return not any(_lacking_in_line_item(members, ledger))


def _lacking_in_line_item(members: Body, ledger: Ledger) -> Iterator[Problem]:
    """ONEROSTER §3.4: `gradingPeriod`, `resultValueMin` and `resultValueMax` are 1 in 1.1.

    A term that has a grading period stands for it.
    """
    if "gradingPeriod" not in members:
        session = ledger.roster((Entity.ACADEMIC_SESSIONS, named_id(members, "academicSession")))
        if session is None or session.period_id is None:
            yield Problem("gradingPeriod", IS_REQUIRED)
    for limit in ("resultValueMin", "resultValueMax"):
        if limit not in members:
            yield Problem(limit, IS_REQUIRED)
