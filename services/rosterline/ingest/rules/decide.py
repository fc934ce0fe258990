"""One line of a command → its outcome, and in the ledger what is to be kept. Pure.

Order of checks: the sender's scopes; what stands in its schools; the members, all that is wrong at
once; then the collection's own rules, one after the other.
"""

from collections.abc import Mapping

import orjson

from rosterline.events.commands import CommandOperation
from rosterline.ingest.ledger import Document, Ledger
from rosterline.ingest.lines import Line, Outcome, Refused, Stored
from rosterline.ingest.named import MEMBERS, is_deletion
from rosterline.ingest.rules import assessments, gradebook
from rosterline.ingest.rules.assessments import NewId, Rule, blank_results
from rosterline.ingest.rules.deletions import delete
from rosterline.ingest.rules.refusals import no_record, not_writable, stands_elsewhere
from rosterline.ingest.rules.scopes import may_not
from rosterline.ingest.rules.shapes import grows_too_large, is_no_record
from rosterline.ingest.rules.standing import may_change
from rosterline.ingest.rules.writing import Writing, writing_of
from rosterline.oneroster.reading import Body
from rosterline.oneroster.vocabulary import Entity

RULES: Mapping[Entity, tuple[Rule, ...]] = {
    Entity.CATEGORIES: (),
    Entity.SCORE_SCALES: (gradebook.references_resolve,),
    Entity.LINE_ITEMS: gradebook.LINE_ITEM_RULES,
    Entity.RESULTS: gradebook.RESULT_RULES,
    Entity.ASSESSMENT_LINE_ITEMS: assessments.LINE_ITEM_RULES,
    Entity.ASSESSMENT_RESULTS: assessments.RESULT_RULES,
}


def decide(line: Line, ledger: Ledger, new_id: NewId) -> Outcome:
    """The outcome of a line of which the ledger has learned all that was missing.

    `new_id` makes version 4 UUIDs, for the ancestors' results.
    """
    if line.entity not in MEMBERS:
        return not_writable(line.entity)
    refused = may_not(line, ledger)
    if refused is not None:
        return refused
    if is_deletion(line):
        return delete(line, ledger)
    return write(line, ledger, new_id)


def write(line: Line, ledger: Ledger, new_id: NewId) -> Outcome:
    """The outcome of a put or a patch."""
    stored = ledger.live(line.key)
    if stored is None and line.operation is CommandOperation.PATCH:
        return no_record(*line.key)
    if stored is not None and not may_change(stored, line.sender, ledger):
        return stands_elsewhere(*line.key)
    writing = writing_of(line, stored, ledger)
    return refusal_of(writing, ledger) or keep(writing, ledger, new_id)


def refusal_of(writing: Writing, ledger: Ledger) -> Refused | None:
    """The first rule that the record breaks."""
    for rule in (grows_too_large, is_no_record, *RULES[writing.line.entity]):
        refused = rule(writing, ledger)
        if refused is not None:
            return refused
    return None


def keep(writing: Writing, ledger: Ledger, new_id: NewId) -> Stored:
    """ONEROSTER §4.6: a PUT is "201 on create, 200 on replace", and idempotent."""
    stored, document = writing.stored, writing.document()
    mark = ledger.mark()
    if stored is None or differ(stored, document):
        ledger.put(document)
    if document.entity is Entity.ASSESSMENT_RESULTS:
        for blank in blank_results(document, ledger, new_id):
            ledger.put(blank)
    return Stored(201 if stored is None else 200, changed=ledger.mark() > mark)


def differ(stored: Document, document: Document) -> bool:
    """Whether a reader could tell them apart: `1` and `1.0` are written differently."""
    return text_of(stored.body) != text_of(document.body) or (
        stored.result_key != document.result_key
        or list(stored.referred()) != list(document.referred())
    )


def text_of(body: Body) -> bytes:
    """The body as it is stored, whatever the order of its members."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
