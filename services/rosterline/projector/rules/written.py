"""Documents that were written over OneRoster → records of OneRoster 1.2 (DESIGN §3, §5).

A document is taken as it stands in `records`: whoever stored it has checked it. A deleted one is a
document with `status` `tobedeleted`, and stays as a tombstone.
"""

from rosterline.oneroster.reading import Body, named_id
from rosterline.oneroster.vocabulary import Entity
from rosterline.oneroster.written import InvalidDocumentError, NullCharacterError, read_written
from rosterline.projector.rules.verdict import Verdict
from rosterline.projector.rules.written_facts import WrittenFacts
from rosterline.projector.rules.written_reasons import invalid, null_character


def build_written(entity: Entity, sourced_id: str, body: Body, facts: WrittenFacts) -> Verdict:
    """The 1.2 record of a document."""
    try:
        return read_written(entity, sourced_id, body, completed_by(entity, body, facts))
    except NullCharacterError as error:
        return null_character(entity, sourced_id, (member for member, _ in error.problems))
    except InvalidDocumentError as error:
        members = (member.partition(".")[0] for member, _ in error.problems)
        return invalid(entity, sourced_id, members)


def completed_by(entity: Entity, body: Body, facts: WrittenFacts) -> dict[str, str]:
    """The ids of references that a writer may leave out, where the facts know them."""
    if entity is Entity.LINE_ITEMS:
        school_id = facts.class_schools.get(named_id(body, "class"))
        return {} if school_id is None else {"school": school_id}
    if entity is Entity.RESULTS:
        line_item = facts.line_items.get(named_id(body, "lineItem"))
        return {} if line_item is None else {"class": line_item.class_id}
    return {}
