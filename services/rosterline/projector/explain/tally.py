"""Counts of a district's records and rows by what became of them and why. Pure.

Causes are told in general, with one row or record as an example that `explain` tells all about.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from rosterline.oneroster.vocabulary import ACTIVE, Collection, Entity, Status
from rosterline.projector.explain.findings import Finding, Reason, Visible
from rosterline.projector.explain.model import NUMBERS, Part, RowName, VersionNumber
from rosterline.projector.facts import Context, PersonFacts
from rosterline.projector.rules.roles import Claim, claims_by_role, settle
from rosterline.projector.rules.verdict import KeptOut
from rosterline.projector.rules.visibility import student_status

Group = Literal[
    "students",
    "staff",
    "guardians and relatives",
    "sections",
    "courses",
    "class enrollments",
]
GROUPS: tuple[Group, ...] = (
    "students",
    "staff",
    "guardians and relatives",
    "sections",
    "courses",
    "class enrollments",
)
RowKey = tuple[int, str]
SENTENCE_END = re.compile(r"(?<=\.) ")


class RecordCount(Part):
    """So many records of one kind and fate; `status` is None where they are kept out."""

    version: VersionNumber
    entity: Entity
    status: Status | None
    rule: str
    count: int
    example: str
    remedy: str | None


class Cause(Part):
    """Why so many of a group are kept out, with one row as an example, and what helps."""

    rule: str
    count: int
    example: RowName
    remedy: str


class GroupCount(Part):
    """A group of the district's people or rows, and how many of it may be seen."""

    group: Group
    total: int
    active: int
    to_be_deleted: int
    kept_out: int
    causes: tuple[Cause, ...]


class Report(Part):
    """What became of the whole district, as of `date`."""

    date: date
    is_loading: bool
    is_held: bool
    groups: tuple[GroupCount, ...]
    records: tuple[RecordCount, ...]


class Fate(NamedTuple):
    """What became of a record or row: its status, None if it is kept out, and why."""

    status: Status | None
    rule: str
    remedy: str | None


@dataclass(slots=True)
class Counted:
    """How often, and the example with the lowest key."""

    example: RowKey
    count: int = 0

    def add(self, example: RowKey) -> None:
        """Count one more."""
        self.count += 1
        self.example = min(self.example, example)


@dataclass(slots=True)
class Tally:
    """Counts on; `report` is what came together."""

    records: dict[tuple[Collection, Fate], Counted] = field(default_factory=dict)
    groups: dict[tuple[Group, Fate], Counted] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        """Count records."""
        for finding in findings:
            fate = Fate(finding.status, finding.reason.rule, remedy_of(finding.reason))
            example = (len(finding.sourced_id), finding.sourced_id)
            key = (finding.collection, fate)
            self.records.setdefault(key, Counted(example)).add(example)

    def add_row(self, group: Group, row: tuple[str, int], reason: Reason) -> None:
        """Count a row, or a person, of a group."""
        table, number = row
        fate = Fate(status_of(reason), reason.rule, remedy_of(reason))
        self.groups.setdefault((group, fate), Counted((number, table))).add((number, table))

    def add_person(self, context: Context, facts: PersonFacts) -> None:
        """Count a person in each group to which rows of the person belong."""
        row = ("person", facts.person.person_id)
        if facts.memberships:
            self.add_row("students", row, student_status(context, facts))
        if not facts.assignments and not facts.students:
            return
        claims = claims_by_role(context, facts)
        if facts.assignments:
            self.add_row("staff", row, standing_of([*claims["teacher"], *claims["aide"]]))
        if facts.students:
            found = [*claims["guardian"], *claims["relative"]]
            self.add_row("guardians and relatives", row, standing_of(found))

    def report(self, context: Context, *, is_loading: bool, is_held: bool) -> Report:
        """The counts, the largest cause first."""
        return Report(
            date=context.today,
            is_loading=is_loading,
            is_held=is_held,
            groups=tuple(self._group(group) for group in GROUPS),
            records=tuple(
                RecordCount(
                    version=NUMBERS[collection.version],
                    entity=collection.entity,
                    status=fate.status,
                    rule=fate.rule,
                    count=counted.count,
                    example=counted.example[1],
                    remedy=fate.remedy,
                )
                for (collection, fate), counted in sorted(self.records.items(), key=_in_order)
            ),
        )

    def _group(self, group: Group) -> GroupCount:
        found = {fate: each for (name, fate), each in self.groups.items() if name == group}
        causes = [
            Cause(
                rule=fate.rule,
                count=each.count,
                example=RowName(table=each.example[1], key=each.example[0]),
                remedy=fate.remedy or "",
            )
            for fate, each in found.items()
            if fate.status is None
        ]
        total = sum(each.count for each in found.values())
        kept_out = sum(cause.count for cause in causes)
        active = sum(each.count for fate, each in found.items() if fate.status == ACTIVE)
        return GroupCount(
            group=group,
            total=total,
            active=active,
            to_be_deleted=total - kept_out - active,
            kept_out=kept_out,
            causes=tuple(sorted(causes, key=lambda cause: (-cause.count, cause.remedy))),
        )


def standing_of(claims: list[Claim | KeptOut]) -> Reason:
    """The reason of all claims together; there is at least one row behind them."""
    found = settle(claims)
    if isinstance(found, KeptOut):
        return found
    if found is None:
        raise AssertionError("rows without a claim")
    return found[0].standing


def status_of(reason: Reason) -> Status | None:
    """The status that goes with a reason."""
    if isinstance(reason, KeptOut):
        return None
    return ACTIVE if isinstance(reason, Visible) else reason.status


def remedy_of(reason: Reason) -> str | None:
    """What to do in general: the first remedy, without the keys of rows."""
    if not isinstance(reason, KeptOut):
        return None
    text = SENTENCE_END.split(reason.remedy)[0]
    for table, key in sorted(reason.rows, key=lambda row: -len(str(row[1]))):
        text = text.replace(f"{table} {key}", f"the {table}")
    return text


def _in_order(
    item: tuple[tuple[Collection, Fate], Counted],
) -> tuple[str, int, str, int, str]:
    (collection, fate), counted = item
    place = list(Entity).index(collection.entity)
    remedy = fate.remedy or ""
    return NUMBERS[collection.version], place, fate.status or "~", -counted.count, remedy
