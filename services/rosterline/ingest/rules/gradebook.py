"""Categories, score scales, line items and results: what they name is there, and fits. Pure.

Scores outside a line item's limits are kept (ONEROSTER §3.4: "do not reject").
"""

from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Key, Refused
from rosterline.ingest.named import MEMBERS
from rosterline.ingest.rules.refusals import (
    names_unknown,
    not_valid,
    of_another_class,
    of_another_school,
)
from rosterline.ingest.rules.standing import is_elsewhere, is_known, is_student
from rosterline.ingest.rules.v1p1 import has_line_item
from rosterline.ingest.rules.writing import Writing
from rosterline.oneroster.reading import REFERENCES, named_id, read_members
from rosterline.oneroster.vocabulary import Entity, Version
from rosterline.oneroster.written import Problem


def references_resolve(writing: Writing, ledger: Ledger) -> Refused | None:
    """ONEROSTER §4.6: "References in a body that do not resolve: 422 `invaliddata`"."""
    entity = writing.line.entity
    unknown = [
        (member, writing.named(member))
        for member in MEMBERS[entity]
        if writing.body.get(member) is not None and not resolves(member, writing, ledger)
    ]
    return names_unknown(entity, unknown) if unknown else None


def resolves(member: str, writing: Writing, ledger: Ledger) -> bool:
    """Whether what the member names is there, for the sender and in the sender's version."""
    sender, sourced_id = writing.line.sender, writing.named(member)
    if member == "student":
        return writing.is_student_known and is_student(sourced_id, sender, ledger)
    key = REFERENCES[member], sourced_id
    if not is_known(key, sender, ledger):
        return False
    return sender.version is Version.V1P2 or is_in_v1p1(key, ledger)


def is_in_v1p1(key: Key, ledger: Ledger) -> bool:
    """Whether 1.1 shows a record that is there: of a line item it demands more."""
    line_item = ledger.live(key) if key[0] is Entity.LINE_ITEMS else None
    if line_item is None:
        return True
    return has_line_item(read_members(Entity.LINE_ITEMS, line_item.body), ledger)


def school_of_class(writing: Writing, ledger: Ledger) -> Refused | None:
    """ONEROSTER §3.4: a line item's class has one school, and `school` can be no other."""
    class_id, school_id = writing.named("class"), writing.named("school")
    record = ledger.roster((Entity.CLASSES, class_id))
    if writing.body.get("school") is None or record is None or record.school_id is None:
        return None
    return None if school_id == record.school_id else of_another_school(school_id, class_id)


def class_of_line_item(writing: Writing, ledger: Ledger) -> Refused | None:
    """ONEROSTER §3.4: `class` of a result is its line item's, where it is given."""
    line_item_id, class_id = writing.named("lineItem"), writing.named("class")
    line_item = ledger.live((Entity.LINE_ITEMS, line_item_id))
    if writing.body.get("class") is None or line_item is None:
        return None
    is_its = class_id == named_id(line_item.body, "class")
    return None if is_its else of_another_class(class_id, line_item_id)


def student_is_at_school(writing: Writing, ledger: Ledger) -> Refused | None:
    """DESIGN §7, "a PUT is readable at once by the sender": it stands in the sender's schools."""
    if not is_elsewhere(writing.document(), writing.line.sender, ledger):
        return None
    return not_valid(
        Entity.RESULTS,
        [Problem("student", f"names {writing.named('student')}, who is not at the class's school")],
    )


LINE_ITEM_RULES = (references_resolve, school_of_class)
RESULT_RULES = (references_resolve, class_of_line_item, student_is_at_school)
