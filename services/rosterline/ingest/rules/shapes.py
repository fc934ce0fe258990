"""Whether what was sent is a record of the standard at all: all that is wrong, at once. Pure."""

from collections.abc import Iterator, Mapping
from typing import TypeGuard

import orjson

from rosterline.events.commands import MOST_RECORD_BYTES, CommandOperation
from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Line, Refused
from rosterline.ingest.minutes import minute_of
from rosterline.ingest.rules.refusals import is_too_large, not_valid
from rosterline.ingest.rules.scopes import ASSESSMENTS
from rosterline.ingest.rules.v1p1 import lacking
from rosterline.ingest.rules.writing import Writing
from rosterline.oneroster.reading import Body, has_character, named_id, read_members
from rosterline.oneroster.vocabulary import Entity, Version
from rosterline.oneroster.written import (
    NO_ID,
    NULL,
    InvalidDocumentError,
    Problem,
    read_written,
)

LONGEST_ID = 255
# Seed 002 has texts of its own for these ids, whatever is wrong with them.
LEFT_TO_THE_RULES = frozenset(
    {
        "sourcedId",
        "student.sourcedId",
        "assessmentLineItem.sourcedId",
        "parentAssessmentLineItem.sourcedId",
    }
)
A_SCORE_DATE = (
    "must be a date such as 2026-10-05, or a date and time such as 2026-10-05T09:31:00Z or "
    "2026-10-05T09:31:00.000-05:00"
)
DATED = frozenset({Entity.RESULTS, Entity.ASSESSMENT_RESULTS})
# A line item's school may be its class's, whichever that is.
SOME_SCHOOL: Mapping[str, str] = {"school": "school"}


def grows_too_large(writing: Writing, _ledger: Ledger) -> Refused | None:
    """A stored record is no larger than one that is sent, however often members are added to it."""
    is_merged = writing.line.operation is CommandOperation.PATCH
    if not is_merged or len(orjson.dumps(writing.body)) <= MOST_RECORD_BYTES:
        return None
    return is_too_large(writing.line.entity, MOST_RECORD_BYTES)


def is_no_record(writing: Writing, ledger: Ledger) -> Refused | None:
    """ONEROSTER §4.5: 422 for what is "well-formed but semantically wrong"."""
    body = writing.body
    found: dict[str, Problem] = {}
    for problem in list(unstorable(body)) or problems_of(writing, ledger):
        found.setdefault(problem.member, problem)
    return not_valid(writing.line.entity, found.values()) if found else None


def unstorable(body: Body) -> Iterator[Problem]:
    """No text of the database can hold U+0000, wherever in the body it is."""
    for name, value in body.items():
        if has_character([name, value], NULL):
            yield Problem(name.replace(NULL, "\\u0000"), "holds the character U+0000")


def problems_of(writing: Writing, ledger: Ledger) -> Iterator[Problem]:
    """What is wrong with single members, then what does not go together."""
    line = writing.line
    yield from wrong_members(line, writing.body)
    members = read_members(line.entity, writing.body)
    yield from without_words(line, members)
    if line.entity in DATED and "scoreDate" in members and minute_of(members["scoreDate"]) is None:
        yield Problem("scoreDate", A_SCORE_DATE)
    if line.entity is Entity.ASSESSMENT_RESULTS:
        yield from wrong_names(line.body or {})
    yield from wrong_orders(members)
    if line.sender.version is Version.V1P1:
        yield from lacking(line.entity, members, ledger)


def wrong_members(line: Line, body: Body) -> Iterator[Problem]:
    """What the standard's model has against the members.

    ONEROSTER §3.4: `school` of a line item is "new, required"; who writes 1.1 does not know it, and
    a patch may meet what 1.1 has written.
    """
    demands_all = line.operation is CommandOperation.PUT and line.sender.version is Version.V1P2
    try:
        read_written(line.entity, line.sourced_id, body, {} if demands_all else SOME_SCHOOL)
    except InvalidDocumentError as error:
        for problem in error.problems:
            is_left = problem.message == NO_ID and problem.member in LEFT_TO_THE_RULES
            if line.entity not in ASSESSMENTS or not is_left or is_long(body, problem.member):
                yield problem


def without_words(line: Line, members: Body) -> Iterator[Problem]:
    """Names that nobody can see or reach: clients resolve `.` and `..` in a path (RFC 3986)."""
    if line.entity not in ASSESSMENTS and line.sourced_id in {".", ".."}:
        yield Problem("sourcedId", "must not be . or ..")
    title = members.get("title")
    if line.entity not in DATED and isinstance(title, str) and not title.strip():
        yield Problem("title", "is blank")


def is_long(body: Body, member: str) -> bool:
    """Whether the id of a reference is longer than any can be; who sent it need not hear it all."""
    return len(named_id(body, member.partition(".")[0])) > LONGEST_ID


def wrong_names(sent: Body) -> Iterator[Problem]:
    """Seed 002 calls it `lineItem`, the standard `assessmentLineItem`: two can be no reference."""
    ours, theirs = sent.get("assessmentLineItem"), sent.get("lineItem")
    names = named_id(sent, "assessmentLineItem"), named_id(sent, "lineItem")
    if ours is not None and theirs is not None and names[0] != names[1]:
        yield Problem("lineItem", "names another line item than assessmentLineItem")


def wrong_orders(members: Body) -> Iterator[Problem]:
    """ONEROSTER §3.4: the limits are inclusive; work is due when it is assigned, or later."""
    assigned, due = members.get("assignDate"), members.get("dueDate")
    if isinstance(assigned, str) and isinstance(due, str) and due < assigned:
        yield Problem("dueDate", "is before assignDate")
    lowest, highest = members.get("resultValueMin"), members.get("resultValueMax")
    if is_number(lowest) and is_number(highest) and lowest > highest:
        yield Problem("resultValueMin", "is above resultValueMax")


def is_number(value: object) -> TypeGuard[float]:
    """Whether it can be compared as one."""
    return isinstance(value, int | float) and not isinstance(value, bool)
