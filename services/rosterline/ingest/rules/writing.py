"""A put or a patch on its way through the rules: what was sent, made into a whole record. Pure.

What is kept is what was sent; only names, a missing date and 1.1's student ids are made ours.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rosterline.events.commands import CommandOperation
from rosterline.ingest.ledger import Document, Ledger
from rosterline.ingest.lines import Line
from rosterline.ingest.minutes import date_of, minute_of
from rosterline.ingest.named import document_of, own_members
from rosterline.ingest.rules.merging import merged
from rosterline.ingest.rules.v1p1 import translated
from rosterline.oneroster.reading import Body, named_id
from rosterline.oneroster.vocabulary import Entity, Version


@dataclass(frozen=True, slots=True)
class Writing:
    """The record as it would be kept, and the live one that it takes the place of.

    `minute` is that of the `scoreDate`. Without `is_student_known` 1.1 has no such student.
    """

    line: Line
    stored: Document | None
    body: Body
    minute: datetime | None = None
    is_student_known: bool = True

    def named(self, member: str) -> str:
        """The id that a member names; nothing has the empty one."""
        return named_id(self.body, member)

    def document(self) -> Document:
        """What would be kept."""
        return document_of(self.line.key, self.body, app=self.line.sender.app, minute=self.minute)


def writing_of(line: Line, stored: Document | None, ledger: Ledger) -> Writing:
    """What the line wants to be kept."""
    members, is_student_known = own_members(line), True
    if line.entity is Entity.RESULTS and line.sender.version is Version.V1P1:
        members, is_student_known = translated(members, ledger)
    if line.operation is CommandOperation.PATCH and stored is not None:
        members = merged(stored.body, members)
    members["sourcedId"] = line.sourced_id
    minute = None
    if line.entity is Entity.ASSESSMENT_RESULTS:
        members = dated(members, line, stored)
        minute = minute_of(members["scoreDate"])
    return Writing(line, stored, members, minute, is_student_known)


def dated(members: dict[str, Any], line: Line, stored: Document | None) -> dict[str, Any]:
    """Seed 002 does not require `scoreDate`: the stored one stays, or else the day of receipt.

    It is a result's place beside those of other days, so it is never without one.
    """
    if members.get("scoreDate") is not None:
        return members
    before = None if stored is None else stored.body.get("scoreDate")
    return {**members, "scoreDate": date_of(line.received) if before is None else before}
