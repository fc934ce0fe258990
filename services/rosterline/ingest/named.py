"""What a line or a document names: other records, and the results whose places it may take. Pure.

The rules read lines by it, and the ledger knows by it what is to be looked up before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rosterline.events.commands import CommandOperation
from rosterline.ingest.facts import Document, ResultKey
from rosterline.ingest.lines import Key, Line
from rosterline.ingest.minutes import midnight_of, minute_of
from rosterline.oneroster.reading import REFERENCES, Body, named_id, read_status
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity

# ONEROSTER §3.1: "regex `^[0-9A-Za-z./@_-]{1,255}$` passes the official CSV test set". What is
# written otherwise names nothing, and is not even looked for.
SOURCED_ID = re.compile(r"[0-9A-Za-z./@_-]{1,255}")

PARENT = "parentAssessmentLineItem"
MEMBERS: Mapping[Entity, tuple[str, ...]] = {
    Entity.CATEGORIES: (),
    Entity.SCORE_SCALES: ("class", "course"),
    Entity.LINE_ITEMS: (
        "class",
        "school",
        "category",
        "gradingPeriod",
        "academicSession",
        "scoreScale",
    ),
    Entity.RESULTS: ("lineItem", "student", "class", "scoreScale"),
    Entity.ASSESSMENT_LINE_ITEMS: (PARENT, "class", "scoreScale"),
    Entity.ASSESSMENT_RESULTS: ("assessmentLineItem", "student", "scoreScale"),
}
"""Of each collection that takes commands, the members of the standard that name other records."""


def is_deletion(line: Line) -> bool:
    """Whether the line deletes: a `status` of `tobedeleted`, once `inactive`, says so as well."""
    if line.operation is CommandOperation.DELETE:
        return True
    return bool(read_status((line.body or {}).get("status")) == TO_BE_DELETED)


def own_members(line: Line) -> dict[str, Any]:
    """What was sent, under our names.

    Seed 002 requires `lineItem.sourcedId` of assessment results, the standard calls it
    `assessmentLineItem`. A stamp is never the writer's.
    """
    members = dict(line.body or {})
    members.pop("dateLastModified", None)
    if line.entity is Entity.ASSESSMENT_RESULTS and "lineItem" in members:
        line_item = members.pop("lineItem")
        if members.get("assessmentLineItem") is None:
            members["assessmentLineItem"] = line_item
    return members


def references_in(entity: Entity, body: Body) -> Iterator[tuple[str, Key]]:
    """The members that name a record, with what they name."""
    for member in MEMBERS[entity]:
        sourced_id = named_id(body, member)
        if SOURCED_ID.fullmatch(sourced_id):
            yield member, (REFERENCES[member], sourced_id)


def other_spellings(sourced_id: str) -> frozenset[str]:
    """The same UUID as others may write it: in lower and in upper case."""
    return frozenset({sourced_id.lower(), sourced_id.upper()} - {sourced_id})


def document_of(key: Key, body: Body, *, app: str, minute: datetime | None = None) -> Document:
    """The document of a body, with its columns.

    Of a line item's sessions the grading period counts, by which 1.1 shows it.
    """
    entity, sourced_id = key
    named = {member: target_id for member, (_, target_id) in references_in(entity, body)}
    return Document(
        entity=entity,
        sourced_id=sourced_id,
        body=body,
        app=app,
        line_item_id=named.get("assessmentLineItem", named.get("lineItem")),
        parent_id=named.get(PARENT),
        student_id=named.get("student"),
        class_id=named.get("class"),
        category_id=named.get("category"),
        score_scale_id=named.get("scoreScale"),
        session_id=named.get("gradingPeriod", named.get("academicSession")),
        minute=minute,
    )


def places_of(stored: Document | None, lines: Sequence[Line]) -> Iterator[ResultKey]:
    """Every student, line item and minute that an assessment result may take by its lines.

    What a patch leaves out, and the `scoreDate` that a put leaves out, are those of an earlier
    line, or of what is stored; who knows which of the lines will be refused?
    """
    pairs: set[tuple[str, str]] = set()
    minutes: set[datetime] = set()
    if stored is not None:
        minutes.update(_minutes_of(stored.body))
    if stored is not None and any(line.operation is CommandOperation.PATCH for line in lines):
        pairs.update(_pair_of(stored.body))
    yield from ((*pair, minute) for pair in pairs for minute in minutes)
    for line in lines:
        members = own_members(line)
        named = _minutes_of(members)
        if line.operation is CommandOperation.PATCH:
            yield from ((*pair, minute) for pair in pairs for minute in named)
        else:
            pair = _pair_of(members)
            pairs.update(pair)
            named = named or minutes | {midnight_of(line.received)}
            yield from ((*one, minute) for one in pair for minute in named)
        minutes |= named


def parents_of(stored: Document | None, lines: Sequence[Line]) -> set[str | None]:
    """Every parent that an assessment line item may have by its lines, and has; None for none."""
    parents = set() if stored is None else {stored.parent_id}
    for line in lines:
        members = own_members(line)
        if line.operation is not CommandOperation.PATCH or PARENT in members:
            _, parent_id = dict(references_in(line.entity, members)).get(PARENT, (None, None))
            parents.add(parent_id)
    return parents


def _pair_of(body: Body) -> set[tuple[str, str]]:
    pair = named_id(body, "student"), named_id(body, "assessmentLineItem")
    return {pair} if all(SOURCED_ID.fullmatch(sourced_id) for sourced_id in pair) else set()


def _minutes_of(body: Body) -> set[datetime]:
    minute = minute_of(body.get("scoreDate"))
    return set() if minute is None else {minute}
