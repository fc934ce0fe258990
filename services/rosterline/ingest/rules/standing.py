"""Where records stand, for senders of some schools: for them there is nothing else. Pure.

The schools are those of the read models (DESIGN §7, "schools (all or a list)"), so that who writes
a record can read it.
"""

from rosterline.ingest.ledger import Document, Ledger, RosterRecord
from rosterline.ingest.lines import Key, Sender
from rosterline.oneroster.reading import Body, named_id
from rosterline.oneroster.vocabulary import ROSTER, Entity, Version

Schools = frozenset[str]
NOWHERE: Schools = frozenset()


def is_known(key: Key, sender: Sender, ledger: Ledger) -> bool:
    """Whether there is such a record for the sender."""
    if key[0] in ROSTER:
        return is_known_in_roster(ledger.roster(key), sender)
    document = ledger.live(key)
    return document is not None and not is_elsewhere(document, sender, ledger)


def is_known_in_roster(record: RosterRecord | None, sender: Sender) -> bool:
    """The same of what the roster has; 1.1 does not have all."""
    if record is None or (sender.version is Version.V1P1 and not record.in_v1p1):
        return False
    return _is_within(record.schools, sender)


def is_student(student_id: str, sender: Sender, ledger: Ledger) -> bool:
    """Whether a user is known as a student, also one who has left: late scores are scores."""
    record = ledger.roster((Entity.USERS, student_id))
    return record is not None and record.is_student and is_known_in_roster(record, sender)


def is_elsewhere(document: Document, sender: Sender, ledger: Ledger) -> bool:
    """Whether a written record stands outside the sender's schools."""
    if sender.schools is None:
        return False
    return not _is_within(schools_of(document, ledger), sender)


def may_change(document: Document, sender: Sender, ledger: Ledger) -> bool:
    """Whether a sender may change or delete a written record.

    What stands everywhere serves every school: who serves some of them changes its own alone.
    """
    if sender.schools is None:
        return True
    schools = schools_of(document, ledger)
    return document.app == sender.app if schools is None else _is_within(schools, sender)


def schools_of(document: Document, ledger: Ledger) -> Schools | None:
    """Where a written record stands: where its class does, or its student; None for everywhere."""
    body = document.body
    match document.entity:
        case Entity.CATEGORIES:
            return None
        case Entity.ASSESSMENT_LINE_ITEMS if body.get("class") is None:
            return None
        case Entity.ASSESSMENT_RESULTS:
            return _schools_in_roster((Entity.USERS, named_id(body, "student")), ledger)
        case Entity.RESULTS:
            return _schools_of_result(body, ledger)
        case _:
            return _schools_in_roster((Entity.CLASSES, named_id(body, "class")), ledger)


def class_of(result: Body, ledger: Ledger) -> str:
    """A result's class: the one that it names, or its line item's."""
    if result.get("class") is not None:
        return named_id(result, "class")
    line_item = ledger.document((Entity.LINE_ITEMS, named_id(result, "lineItem")))
    return "" if line_item is None else named_id(line_item.body, "class")


def _schools_of_result(body: Body, ledger: Ledger) -> Schools | None:
    """The class's, if the student stands there too, as with enrollments."""
    of_class = _schools_in_roster((Entity.CLASSES, class_of(body, ledger)), ledger)
    of_student = _schools_in_roster((Entity.USERS, named_id(body, "student")), ledger)
    if of_class is None or of_student is None or of_class <= of_student:
        return of_class
    return NOWHERE


def _schools_in_roster(key: Key, ledger: Ledger) -> Schools | None:
    record = ledger.roster(key)
    return NOWHERE if record is None else record.schools


def _is_within(schools: Schools | None, sender: Sender) -> bool:
    return sender.schools is None or schools is None or not sender.schools.isdisjoint(schools)
