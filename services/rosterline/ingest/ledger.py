"""What the rules know while they decide a unit of lines, and what they have decided so far. Pure.

A unit is decided in memory, line after line, on what the database held when it began: `missing`
says what is to be looked up, `learn` takes it in, and `changes` is what is to be written at the
end. What one line has decided, the lines after it find.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from rosterline.events.commands import CommandOperation
from rosterline.ingest.facts import Document as Document
from rosterline.ingest.facts import Found as Found
from rosterline.ingest.facts import Needs as Needs
from rosterline.ingest.facts import ResultKey as ResultKey
from rosterline.ingest.facts import RosterRecord as RosterRecord
from rosterline.ingest.lines import Key, Line
from rosterline.ingest.named import (
    MEMBERS,
    SOURCED_ID,
    is_deletion,
    other_spellings,
    own_members,
    parents_of,
    places_of,
    references_in,
)
from rosterline.oneroster.vocabulary import ROSTER, Entity, Version

PATCH = CommandOperation.PATCH
LINE_ITEMS, RESULTS = Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS
# What other written records may name: it is not deleted while one of them does.
REFERABLE = frozenset({Entity.CATEGORIES, Entity.SCORE_SCALES, Entity.LINE_ITEMS, LINE_ITEMS})
# Seed 002 names them by UUIDs, which are the same in upper and in lower case.
UUID_NAMED = frozenset({LINE_ITEMS, RESULTS})
ORDER = {entity: place for place, entity in enumerate(Entity)}


class Ledger:
    """Of one unit: what stands in the database, and the changes above it.

    Whatever a rule asks must have been looked up; what was not is a mistake of ours (KeyError).
    """

    def __init__(self) -> None:
        self._stored: dict[Key, Document | None] = {}
        self._roster: dict[Key, RosterRecord | None] = {}
        self._students: dict[str, str | None] = {}
        self._results: dict[ResultKey, str | None] = {}
        self._referred: dict[Key, frozenset[Entity]] = {}
        self._changed: dict[Key, Document] = {}
        self._taken: dict[ResultKey, str] = {}
        self._referring: dict[Key, set[Key]] = {}
        self._journal: list[tuple[Key, Document | None]] = []

    def missing(self, lines: Sequence[Line]) -> Needs:
        """What must be looked up next for the lines; ask again once that is learned."""
        known = [line for line in lines if line.entity in MEMBERS]
        needs = Needs()
        # Where what they name stands, and whether 1.1 has it, matters to some senders only.
        is_deep = any(line.sender.is_limited for line in known)
        for line in known:
            self._want_line(needs, line, is_deep=is_deep)
        needs.partial = partial_of(needs, known)
        if not needs:
            self._want_results(needs, known)
            self._want_referring(needs, known)
        return needs

    def learn(self, needs: Needs, found: Found) -> None:
        """Take in what was looked up; what was not found does not exist."""
        asked = {*needs.documents, *((LINE_ITEMS, sourced_id) for sourced_id in needs.chains)}
        for document in found.documents.values():
            self._learn_document(document)
            # A parent that its chain does not hold is none.
            if document.parent_id is not None:
                asked.add((LINE_ITEMS, document.parent_id))
        for key in asked:
            self._stored.setdefault(key, None)
        self._roster.update({key: found.roster.get(key) for key in needs.roster})
        self._students.update({key: found.students_v1p1.get(key) for key in needs.students_v1p1})
        self._results.update({key: found.results.get(key) for key in needs.results})
        self._referred.update({key: found.referred.get(key, frozenset()) for key in needs.referred})

    def put(self, document: Document) -> None:
        """Note what a rule has decided about a record."""
        self._journal.append((document.key, self._changed.get(document.key)))
        self._set(document.key, document)

    def changes(self) -> list[Document]:
        """What is to be written: each document once, in its last state, parents before children."""
        depths: dict[str, int] = {}
        return sorted(
            self._changed.values(), key=lambda each: (ORDER[each.entity], self._depth(each, depths))
        )

    def mark(self) -> int:
        """Where the ledger stands, for `rollback`."""
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Forget what was decided since the mark."""
        while len(self._journal) > mark:
            self._set(*self._journal.pop())

    def document(self, key: Key) -> Document | None:
        """A record as the lines before have left it, also a deleted one."""
        if key in self._changed:
            return self._changed[key]
        return self._stored[key] if SOURCED_ID.fullmatch(key[1]) else None

    def live(self, key: Key) -> Document | None:
        """The same, if it is not deleted."""
        document = self.document(key)
        return None if document is None or document.is_deleted else document

    def roster(self, key: Key) -> RosterRecord | None:
        """A record of the roster, by 1.2's id."""
        return self._roster[key] if SOURCED_ID.fullmatch(key[1]) else None

    def student_of_v1p1(self, sourced_id: str) -> str | None:
        """The id in 1.2 of a student of 1.1."""
        return self._students[sourced_id] if SOURCED_ID.fullmatch(sourced_id) else None

    def ancestors(self, line_item_id: str) -> Iterator[Document]:
        """The assessment line items above one, its parent first."""
        passed = {line_item_id}
        found = self.live((LINE_ITEMS, line_item_id))
        while found is not None and found.parent_id is not None and found.parent_id not in passed:
            passed.add(found.parent_id)
            found = self.live((LINE_ITEMS, found.parent_id))
            if found is not None:
                yield found

    def result(self, key: ResultKey) -> str | None:
        """The id of the live assessment result of a student, line item and minute."""
        if key in self._taken:
            return self._taken[key]
        sourced_id = self._results[key]
        # One that a line has changed would be among the taken places if it still stood here.
        if sourced_id is None or (RESULTS, sourced_id) in self._changed:
            return None
        return sourced_id

    def referring(self, key: Key) -> frozenset[Entity]:
        """The collections in which a live record refers to this one."""
        return self._referred[key] | {entity for entity, _ in self._referring.get(key, ())}

    def _learn_document(self, document: Document) -> None:
        if self._stored.get(document.key) is not None:
            return
        self._stored[document.key] = document
        if document.key not in self._changed:
            self._note(document)
        # What was answered about those to which it refers has counted it: it is asked anew.
        for key in document.referred():
            self._referred.pop(key, None)

    def _set(self, key: Key, document: Document | None) -> None:
        before = self._changed.pop(key, self._stored.get(key))
        if before is not None:
            self._strike(before)
        if document is not None:
            self._changed[key] = document
        after = document or self._stored.get(key)
        if after is not None:
            self._note(after)

    def _note(self, document: Document) -> None:
        if not document.is_deleted:
            for key in document.referred():
                self._referring.setdefault(key, set()).add(document.key)
        if document.result_key is not None and document.key in self._changed:
            self._taken[document.result_key] = document.sourced_id

    def _strike(self, document: Document) -> None:
        for key in document.referred():
            self._referring.get(key, set()).discard(document.key)
        if document.result_key is not None:
            self._taken.pop(document.result_key, None)

    def _depth(self, document: Document, depths: dict[str, int]) -> int:
        line_item_id = document.sourced_id if document.entity is LINE_ITEMS else None
        if document.result_key is not None:
            line_item_id = document.line_item_id
        if line_item_id is None:
            return 0
        depth, passed = -1, []
        above = (each.sourced_id for each in self.ancestors(line_item_id))
        for sourced_id in chain([line_item_id], above):
            if sourced_id in depths:
                depth = depths[sourced_id]
                break
            passed.append(sourced_id)
        depths |= {each: depth + place for place, each in enumerate(reversed(passed), start=1)}
        return depths[line_item_id]

    def _want_line(self, needs: Needs, line: Line, *, is_deep: bool) -> None:
        self._want(needs, line.key)
        if line.entity in UUID_NAMED and line.operation is CommandOperation.PUT:
            for spelling in other_spellings(line.sourced_id):
                self._want(needs, (line.entity, spelling))
        for key in self._named_by(needs, line):
            self._want(needs, key)
            document = self._stored.get(key)
            if is_deep and document is not None:
                for _, around in references_in(document.entity, document.body):
                    if around[0] in ROSTER:
                        self._want(needs, around)

    def _named_by(self, needs: Needs, line: Line) -> Iterator[Key]:
        for member, key in references_in(line.entity, own_members(line)):
            if member == "student" and line.sender.version is Version.V1P1:
                yield from self._want_student_of_v1p1(needs, key[1])
            else:
                yield key
        stored = self._stored.get(line.key)
        if stored is not None and (line.operation is PATCH or line.sender.is_limited):
            for _, key in references_in(line.entity, stored.body):
                yield key

    def _want_student_of_v1p1(self, needs: Needs, sourced_id: str) -> Iterator[Key]:
        if sourced_id not in self._students:
            needs.students_v1p1.add(sourced_id)
        student_id = self._students.get(sourced_id)
        if student_id is not None:
            yield Entity.USERS, student_id

    def _want(self, needs: Needs, key: Key) -> None:
        entity, sourced_id = key
        if not SOURCED_ID.fullmatch(sourced_id):
            return
        if entity in ROSTER:
            if key not in self._roster:
                needs.roster.add(key)
        elif key not in self._stored:
            if entity is LINE_ITEMS:
                needs.chains.add(sourced_id)
            else:
                needs.documents.add(key)

    def _want_results(self, needs: Needs, lines: Sequence[Line]) -> None:
        parents = self._possible_parents(lines)
        reached: dict[str, frozenset[str]] = {}
        for record, own in by_record(lines, RESULTS).items():
            for student_id, line_item_id, minute in places_of(self._stored.get(record), own):
                if line_item_id not in reached:
                    reached[line_item_id] = reachable(line_item_id, parents)
                places = ((student_id, name, minute) for name in reached[line_item_id])
                needs.results.update(key for key in places if key not in self._results)

    def _possible_parents(self, lines: Sequence[Line]) -> Mapping[str, set[str]]:
        parents: dict[str, set[str]] = {}
        for (entity, sourced_id), document in self._stored.items():
            if entity is LINE_ITEMS and document is not None and document.parent_id is not None:
                parents.setdefault(sourced_id, set()).add(document.parent_id)
        for line in lines:
            if line.entity is LINE_ITEMS:
                for _, (entity, sourced_id) in references_in(line.entity, own_members(line)):
                    if entity is LINE_ITEMS:
                        parents.setdefault(line.sourced_id, set()).add(sourced_id)
        return parents

    def _possibly_moved(self, lines: Sequence[Line]) -> set[Key]:
        return {
            record
            for record, own in by_record(lines, LINE_ITEMS).items()
            if len(parents_of(self._stored.get(record), own)) > 1
        }

    def _want_referring(self, needs: Needs, lines: Sequence[Line]) -> None:
        going = {line.key for line in lines if line.entity in REFERABLE and is_deletion(line)}
        for key in going | self._possibly_moved(lines):
            if key not in self._referred and SOURCED_ID.fullmatch(key[1]):
                needs.referred.add(key)
        if needs.referred:
            for document in self._stored.values():
                if document is not None and not needs.referred.isdisjoint(document.referred()):
                    needs.passed_over.add(document.key)


def partial_of(needs: Needs, lines: Sequence[Line]) -> set[Key]:
    """What is wanted of which the whole body is not: no line is compared or merged with it."""
    asked = {*needs.documents, *((LINE_ITEMS, sourced_id) for sourced_id in needs.chains)}
    if any(line.sender.version is Version.V1P1 for line in lines):
        # What 1.1 demands of a line item, one that is named must have.
        asked = {key for key in asked if key[0] is not Entity.LINE_ITEMS}
    return asked - {line.key for line in lines if not is_deletion(line)}


def by_record(lines: Iterable[Line], entity: Entity) -> dict[Key, list[Line]]:
    """The lines that write records of a collection."""
    found: dict[Key, list[Line]] = {}
    for line in lines:
        if line.entity is entity and not is_deletion(line):
            found.setdefault(line.key, []).append(line)
    return found


def reachable(line_item_id: str, parents: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The line item and all that may stand above it while a unit is decided."""
    found = {line_item_id}
    waiting = [line_item_id]
    while waiting:
        above = set(parents.get(waiting.pop(), ())) - found
        found |= above
        waiting.extend(above)
    return frozenset(found)
