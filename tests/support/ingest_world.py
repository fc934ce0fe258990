"""A database of dictionaries for the rules of ingest, and commands as senders write them.

It answers what a unit's ledger asks for, decides the unit, and keeps what comes of it: what the
worker does with PostgreSQL.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from rosterline.events.commands import CommandOperation
from rosterline.ingest.facts import SHOWN, Document, Found, Needs, ResultKey, RosterRecord
from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Key, Line, Outcome, Refused, Sender
from rosterline.ingest.rules.decide import decide
from rosterline.oneroster.reading import named_id
from rosterline.oneroster.scopes import KNOWN
from rosterline.oneroster.vocabulary import Entity, Version

RECEIVED = datetime(2026, 11, 21, 8, 15, tzinfo=UTC)
ASSESSOR = Sender("assessor", Version.V1P2, frozenset(KNOWN["1.2"]))
OLDER = Sender("older", Version.V1P1, frozenset(KNOWN["1.1"]))
SCHOOL, OTHER_SCHOOL = "school-1", "school-2"
LOCAL = replace(ASSESSOR, app="local", schools=frozenset({SCHOOL}))
CLASS, OTHER_CLASS, TERM, PERIOD, COURSE = "class-1", "class-2", "term-1", "period-1", "course-1"
STUDENT, OTHER_STUDENT, TEACHER = "student-1", "student-2", "teacher-1"
LINE_ITEMS, RESULTS = Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS
Members = Mapping[str, Any]


def uuid(number: int) -> str:
    """A version 4 UUID, the same for the same number."""
    return str(UUID(int=number, version=4))


def uuids(first: int = 10**6) -> Callable[[], str]:
    """Makes one after the other."""
    numbers = count(first)
    return lambda: uuid(next(numbers))


def ref(sourced_id: str) -> dict[str, str]:
    """A reference as clients write it."""
    return {"sourcedId": sourced_id}


def put(entity: Entity, sourced_id: str, *, sender: Sender = ASSESSOR, **members: Any) -> Line:
    """A put of a record with these members; `class` is written `class_`."""
    body = {"sourcedId": sourced_id, **plain(members)}
    return Line(sender, CommandOperation.PUT, entity, sourced_id, RECEIVED, body)


def patch(entity: Entity, sourced_id: str, *, sender: Sender = ASSESSOR, **members: Any) -> Line:
    """A patch of these members."""
    body = {"sourcedId": sourced_id, **plain(members)}
    return Line(sender, CommandOperation.PATCH, entity, sourced_id, RECEIVED, body)


def delete(entity: Entity, sourced_id: str, *, sender: Sender = ASSESSOR) -> Line:
    """A deletion."""
    return Line(sender, CommandOperation.DELETE, entity, sourced_id, RECEIVED)


def plain(members: Members) -> dict[str, Any]:
    """The members under their JSON names."""
    return {name.removesuffix("_"): value for name, value in members.items()}


def line_item(sourced_id: str, parent: str | None = None, **members: Any) -> Line:
    """A put of an assessment line item."""
    if parent is not None:
        members["parentAssessmentLineItem"] = ref(parent)
    return put(LINE_ITEMS, sourced_id, **{"title": "Reading", **members})


def result(sourced_id: str, line_item_id: str, student: str = STUDENT, **members: Any) -> Line:
    """A put of an assessment result."""
    named = {"assessmentLineItem": ref(line_item_id), "student": ref(student)}
    return put(RESULTS, sourced_id, **{**named, "scoreDate": "2026-10-05", **members})


def whole_roster() -> dict[Key, RosterRecord]:
    """Two schools, each with a class and a student; a term, its grading period, a teacher."""
    here, there = frozenset({SCHOOL}), frozenset({OTHER_SCHOOL})
    return {
        (Entity.ORGS, SCHOOL): RosterRecord(here),
        (Entity.ORGS, OTHER_SCHOOL): RosterRecord(there),
        (Entity.COURSES, COURSE): RosterRecord(here),
        (Entity.CLASSES, CLASS): RosterRecord(here, school_id=SCHOOL),
        (Entity.CLASSES, OTHER_CLASS): RosterRecord(there, school_id=OTHER_SCHOOL),
        (Entity.ACADEMIC_SESSIONS, TERM): RosterRecord(here, period_id=PERIOD),
        (Entity.ACADEMIC_SESSIONS, PERIOD): RosterRecord(here, period_id=PERIOD),
        (Entity.USERS, STUDENT): RosterRecord(here, is_student=True),
        (Entity.USERS, OTHER_STUDENT): RosterRecord(there, is_student=True),
        (Entity.USERS, TEACHER): RosterRecord(here),
    }


@dataclass
class World:
    """What stands in the database; `rounds` counts how often it was asked."""

    documents: dict[Key, Document] = field(default_factory=dict)
    roster: dict[Key, RosterRecord] = field(default_factory=whole_roster)
    students_v1p1: dict[str, str] = field(default_factory=lambda: {"s1": STUDENT})
    new_id: Callable[[], str] = field(default_factory=uuids)
    rounds: int = 0

    def ledger_for(self, lines: Sequence[Line]) -> Ledger:
        """A ledger that has learned all that the lines need."""
        ledger = Ledger()
        while needs := ledger.missing(lines):
            self.rounds += 1
            ledger.learn(needs, self.find(needs))
        return ledger

    def decide(self, *lines: Line) -> list[Outcome]:
        """The outcomes of the lines of a unit; what it changes is kept."""
        ledger = self.ledger_for(lines)
        outcomes = [decide(line, ledger, self.new_id) for line in lines]
        self.keep(ledger.changes())
        return outcomes

    def decide_together(self, *lines: Line) -> list[Outcome]:
        """The same, but if one line is refused nothing is kept."""
        ledger = self.ledger_for(lines)
        mark = ledger.mark()
        outcomes = [decide(line, ledger, self.new_id) for line in lines]
        if any(isinstance(outcome, Refused) for outcome in outcomes):
            ledger.rollback(mark)
        self.keep(ledger.changes())
        return outcomes

    def keep(self, documents: Iterable[Document]) -> None:
        """Store documents, and hold what the database's constraint holds."""
        for document in documents:
            body = document.body
            if document.is_partial:
                body = {**self.documents[document.key].body, "status": body["status"]}
            self.documents[document.key] = replace(document, body=body, is_partial=False)
        taken = [key for document in self.documents.values() if (key := document.result_key)]
        assert len(taken) == len(set(taken)), "two results of one minute"

    def body(self, entity: Entity, sourced_id: str) -> Mapping[str, Any]:
        """What is kept of a record."""
        return self.documents[entity, sourced_id].body

    def live(self, entity: Entity) -> Iterator[Document]:
        """The records of a collection that are not deleted."""
        for document in self.documents.values():
            if document.entity is entity and not document.is_deleted:
                yield document

    def results(self) -> dict[ResultKey, str]:
        """The live assessment results by student, line item and minute."""
        return {
            key: document.sourced_id
            for document in self.live(RESULTS)
            if (key := document.result_key) is not None
        }

    def find(self, needs: Needs) -> Found:
        """What a database would answer."""
        keys = set(needs.documents)
        for sourced_id in needs.chains:
            keys.update(self._chain(sourced_id))
        results = self.results()
        return Found(
            documents={key: self._shown(key, needs) for key in keys & self.documents.keys()},
            roster={key: self.roster[key] for key in needs.roster & self.roster.keys()},
            students_v1p1={
                name: self.students_v1p1[name]
                for name in needs.students_v1p1 & self.students_v1p1.keys()
            },
            results={key: results[key] for key in needs.results & results.keys()},
            referred={key: found for key in needs.referred if (found := self._naming(key, needs))},
        )

    def _shown(self, key: Key, needs: Needs) -> Document:
        document = self.documents[key]
        is_named = key in needs.documents or (key[0] is LINE_ITEMS and key[1] in needs.chains)
        if is_named and key not in needs.partial:
            return document
        body = {
            member: {"sourcedId": named_id(document.body, member)}
            for member in SHOWN
            if document.body.get(member) is not None
        }
        return replace(document, body=body, is_partial=True)

    def _chain(self, sourced_id: str) -> Iterator[Key]:
        named: str | None = sourced_id
        while named is not None:
            yield LINE_ITEMS, named
            document = self.documents.get((LINE_ITEMS, named))
            named = None if document is None else document.parent_id

    def _naming(self, key: Key, needs: Needs) -> frozenset[Entity]:
        return frozenset(
            document.entity
            for document in self.documents.values()
            if not document.is_deleted
            and document.key not in needs.passed_over
            and key in document.referred()
        )
