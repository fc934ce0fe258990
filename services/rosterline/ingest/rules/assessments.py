"""Assessment line items and results: the sentences of seed 002, each a rule. Pure.

DESIGN §5 orders them: "format of own id, format of referenced ids, existence of student, existence
of line item, alignment, duplicate".
"""

import re
from collections.abc import Callable, Iterator

from rosterline.ingest.ledger import Document, Ledger
from rosterline.ingest.lines import Refused
from rosterline.ingest.named import PARENT, document_of, other_spellings
from rosterline.ingest.rules import texts
from rosterline.ingest.rules.refusals import (
    is_spelled,
    makes_a_circle,
    names_unknown,
    stands_too_deep,
    would_move,
)
from rosterline.ingest.rules.standing import is_known, is_student
from rosterline.ingest.rules.writing import Writing
from rosterline.oneroster.reading import named_id
from rosterline.oneroster.vocabulary import Entity

LINE_ITEMS, RESULTS = Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS
LINE_ITEM = "assessmentLineItem"
# RFC 9562: the version in the first character of the third group, the variant in the fourth's.
UUID_4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
# A battery of tests with sections and items has five or so. Each level gives every result another
# blank one, in the transaction of that result.
MOST_LEVELS = 50
Rule = Callable[[Writing, Ledger], Refused | None]
NewId = Callable[[], str]
"""Makes version 4 UUIDs."""


def own_id_of_line_item(writing: Writing, _ledger: Ledger) -> Refused | None:
    """Seed 002: a `sourcedId` "not in the correct version 4 UUID format"."""
    sourced_id = writing.line.sourced_id
    return None if UUID_4.fullmatch(sourced_id) else texts.line_item_id_is_no_uuid(sourced_id)


def one_spelling(writing: Writing, ledger: Ledger) -> Refused | None:
    """RFC 9562: UUIDs are "case insensitive on input", so that two spellings are one record.

    That holds for spellings in one case, which software makes: what came first in both cases at
    once is not found by the others.
    """
    entity, sourced_id = writing.line.key
    if writing.stored is not None:
        return None
    for other in sorted(other_spellings(sourced_id)):
        if ledger.document((entity, other)) is not None:
            return is_spelled(entity, sourced_id, other)
    return None


def parent_id(writing: Writing, _ledger: Ledger) -> Refused | None:
    """Seed 002: likewise of `parentAssessmentLineItem.sourcedId`."""
    parent = writing.named(PARENT)
    if writing.body.get(PARENT) is None or UUID_4.fullmatch(parent):
        return None
    return texts.parent_id_is_no_uuid(writing.line.sourced_id, parent)


def no_circle(writing: Writing, ledger: Ledger) -> Refused | None:
    """Seed 002: line items are a tree, created "from the root test down"."""
    sourced_id, parent = writing.line.sourced_id, writing.named(PARENT)
    above = (document.sourced_id for document in ledger.ancestors(parent))
    if writing.body.get(PARENT) is None or sourced_id not in {parent, *above}:
        return None
    return makes_a_circle(sourced_id, parent)


def parent_exists(writing: Writing, ledger: Ledger) -> Refused | None:
    """Seed 002: "creating the grandparent line item first, then the parent line item"."""
    parent = writing.named(PARENT)
    if writing.body.get(PARENT) is None:
        return None
    is_there = is_known((LINE_ITEMS, parent), writing.line.sender, ledger)
    return None if is_there else texts.no_line_item(parent)


def stays_below_its_parent(writing: Writing, ledger: Ledger) -> Refused | None:
    """Results below would be without those of the new ancestors, which seed 002 promises."""
    stored = writing.stored
    if stored is None or stored.parent_id == (writing.named(PARENT) or None):
        return None
    referring = ledger.referring(stored.key)
    return would_move(stored.sourced_id, referring) if referring else None


def stands_not_too_deep(writing: Writing, ledger: Ledger) -> Refused | None:
    """Seed 002 says nothing of how deep a tree may be; what is deeper already may stay there."""
    parent, stored = writing.named(PARENT), writing.stored
    if writing.body.get(PARENT) is None or (stored is not None and stored.parent_id == parent):
        return None
    level = 2 + sum(1 for _ in ledger.ancestors(parent))
    return stands_too_deep(writing.line.sourced_id, MOST_LEVELS) if level > MOST_LEVELS else None


def class_is_within(writing: Writing, ledger: Ledger) -> Refused | None:
    """Seed 002 does not support `class`, but a sender who is limited to schools names its own."""
    class_id, sender = writing.named("class"), writing.line.sender
    if sender.schools is None or writing.body.get("class") is None:
        return None
    is_there = is_known((Entity.CLASSES, class_id), sender, ledger)
    return None if is_there else names_unknown(LINE_ITEMS, [("class", class_id)])


def own_id_of_result(writing: Writing, _ledger: Ledger) -> Refused | None:
    """Seed 002: a `sourcedId` "not in the correct version 4 UUID format"."""
    sourced_id = writing.line.sourced_id
    return None if UUID_4.fullmatch(sourced_id) else texts.result_id_is_no_uuid(sourced_id)


def line_item_id(writing: Writing, _ledger: Ledger) -> Refused | None:
    """Seed 002: likewise of `assessmentLineItem.sourcedId`."""
    line_item = writing.named(LINE_ITEM)
    if UUID_4.fullmatch(line_item):
        return None
    return texts.line_item_of_result_is_no_uuid(writing.line.sourced_id, line_item)


def student_exists(writing: Writing, ledger: Ledger) -> Refused | None:
    """Seed 002: "does not match any student currently in the database"."""
    student = writing.named("student")
    is_there = is_student(student, writing.line.sender, ledger)
    return None if is_there else texts.no_student(student)


def line_item_exists(writing: Writing, ledger: Ledger) -> Refused | None:
    """Seed 002: "does not match any line items currently in the database"."""
    line_item = writing.named(LINE_ITEM)
    is_there = is_known((LINE_ITEMS, line_item), writing.line.sender, ledger)
    return None if is_there else texts.no_line_item(line_item)


def alignment(writing: Writing, _ledger: Ledger) -> Refused | None:
    """DESIGN §5: "student and line item of a stored result cannot change"."""
    if writing.stored is None:
        return None
    if writing.named("student") != named_id(writing.stored.body, "student"):
        return texts.wrong_student()
    if writing.named(LINE_ITEM) != named_id(writing.stored.body, LINE_ITEM):
        return texts.wrong_line_item()
    return None


def no_duplicate(writing: Writing, ledger: Ledger) -> Refused | None:
    """DESIGN §5: "One student, line item and minute can have only one result"."""
    key = writing.document().result_key
    other = None if key is None else ledger.result(key)
    if other is None or other == writing.line.sourced_id:
        return None
    return texts.duplicate_result(other)


def blank_results(result: Document, ledger: Ledger, new_id: NewId) -> Iterator[Document]:
    """Those of the ancestors that have none for that student at that minute, the parent's first.

    Seed 002: "Campus auto-creates assessment results for that line items ancestors with blank score
    fields so that the score may be properly displayed".
    """
    if result.line_item_id is None or result.student_id is None or result.minute is None:
        return
    for line_item in ledger.ancestors(result.line_item_id):
        if ledger.result((result.student_id, line_item.sourced_id, result.minute)) is None:
            sourced_id = new_id()
            body = {
                "sourcedId": sourced_id,
                LINE_ITEM: {"sourcedId": line_item.sourced_id},
                "student": {"sourcedId": result.student_id},
                "scoreDate": result.body["scoreDate"],
            }
            yield document_of((RESULTS, sourced_id), body, app=result.app, minute=result.minute)


LINE_ITEM_RULES: tuple[Rule, ...] = (
    own_id_of_line_item,
    one_spelling,
    parent_id,
    class_is_within,
    no_circle,
    parent_exists,
    stays_below_its_parent,
    stands_not_too_deep,
)
RESULT_RULES: tuple[Rule, ...] = (
    own_id_of_result,
    one_spelling,
    line_item_id,
    student_exists,
    line_item_exists,
    alignment,
    no_duplicate,
)
