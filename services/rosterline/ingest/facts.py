"""What the rules are told of the records around a line, and how it is asked for. Pure.

Who reads the database takes `Needs` and answers `Found`; nothing here knows how.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rosterline.ingest.lines import Key
from rosterline.oneroster.reading import Body
from rosterline.oneroster.vocabulary import Entity

# By these members a record stands somewhere, for senders of some schools.
SHOWN = ("class", "student", "lineItem")
ResultKey = tuple[str, str, datetime]
"""A student, an assessment line item and a minute: one result."""


@dataclass(frozen=True, slots=True)
class Document:
    """A written record as it stands in schema `records`, with the columns that name others.

    `app` is the connection that wrote it last; `minute` is of an assessment result. Of a body that
    `is_partial` only `SHOWN` members are known, and the `status` to which it goes.
    """

    entity: Entity
    sourced_id: str
    body: Body
    app: str
    is_deleted: bool = False
    line_item_id: str | None = None
    parent_id: str | None = None
    student_id: str | None = None
    class_id: str | None = None
    category_id: str | None = None
    score_scale_id: str | None = None
    session_id: str | None = None
    minute: datetime | None = None
    is_partial: bool = False

    @property
    def key(self) -> Key:
        """Its collection and id."""
        return self.entity, self.sourced_id

    @property
    def result_key(self) -> ResultKey | None:
        """The student, line item and minute that a live assessment result takes."""
        if self.entity is not Entity.ASSESSMENT_RESULTS or self.is_deleted:
            return None
        if self.student_id is None or self.line_item_id is None or self.minute is None:
            return None
        return self.student_id, self.line_item_id, self.minute

    def referred(self) -> Iterator[Key]:
        """The written records that it names, and that cannot be deleted while it is live."""
        if self.line_item_id is not None:
            is_assessment = self.entity is Entity.ASSESSMENT_RESULTS
            yield (
                Entity.ASSESSMENT_LINE_ITEMS if is_assessment else Entity.LINE_ITEMS,
                self.line_item_id,
            )
        if self.parent_id is not None:
            yield Entity.ASSESSMENT_LINE_ITEMS, self.parent_id
        if self.category_id is not None:
            yield Entity.CATEGORIES, self.category_id
        if self.score_scale_id is not None:
            yield Entity.SCORE_SCALES, self.score_scale_id


@dataclass(frozen=True, slots=True)
class RosterRecord:
    """A record of the roster (read model 1.2), also one that is `tobedeleted`.

    `schools` are those in whose scope it stands, None for all; `school_id` is a class's.
    `is_student` is a user's; `period_id` of an academic session is the grading period that stands
    for it: itself, or a term's child. `in_v1p1` says whether 1.1 has it: a user as a student.
    """

    schools: frozenset[str] | None
    school_id: str | None = None
    is_student: bool = False
    period_id: str | None = None
    in_v1p1: bool = True


@dataclass(slots=True)
class Needs:
    """What is to be looked up before a unit can be decided; empty when nothing is.

    `chains` are assessment line items that are wanted with all their ancestors. Of the
    bodies of those that are `partial`, and of ancestors, `SHOWN` members are enough.
    `students_v1p1` are ids of students in 1.1. `referred` are documents of which it must be known
    whether a live one refers to them; those of `passed_over` do not count, for the ledger knows
    them.
    """

    documents: set[Key] = field(default_factory=set)
    chains: set[str] = field(default_factory=set)
    partial: set[Key] = field(default_factory=set)
    roster: set[Key] = field(default_factory=set)
    students_v1p1: set[str] = field(default_factory=set)
    results: set[ResultKey] = field(default_factory=set)
    referred: set[Key] = field(default_factory=set)
    passed_over: set[Key] = field(default_factory=set)

    def __bool__(self) -> bool:
        return any(
            (
                self.documents,
                self.chains,
                self.roster,
                self.students_v1p1,
                self.results,
                self.referred,
            )
        )


@dataclass(slots=True)
class Found:
    """What was looked up: what is not named does not exist.

    `documents` hold those of `chains` too. `students_v1p1` gives 1.2's ids, `results` the ids of
    live assessment results (their documents are not among `documents`), `referred` of each document
    that is referred to the entities that do.
    """

    documents: dict[Key, Document] = field(default_factory=dict)
    roster: dict[Key, RosterRecord] = field(default_factory=dict)
    students_v1p1: dict[str, str] = field(default_factory=dict)
    results: dict[ResultKey, str] = field(default_factory=dict)
    referred: dict[Key, frozenset[Entity]] = field(default_factory=dict)
