"""Deletions: of what is there, is the sender's, and is not referred to. Pure.

Nothing is deleted along with what it refers to: a score is nobody's by-catch.
"""

from dataclasses import replace

from rosterline.events.commands import CommandOperation
from rosterline.ingest.ledger import REFERABLE, Ledger
from rosterline.ingest.lines import Key, Line, Outcome, Refused, Stored
from rosterline.ingest.rules import texts
from rosterline.ingest.rules.refusals import is_referred_to, no_record, stands_elsewhere
from rosterline.ingest.rules.standing import may_change
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity


def delete(line: Line, ledger: Ledger) -> Outcome:
    """Bury a record: it stays as a tombstone (ONEROSTER §6.3).

    ONEROSTER §4.6: a DELETE answers 204; what writes the `status` is answered as a write.
    """
    stored = ledger.live(line.key)
    if stored is None:
        return no_record(*line.key)
    if not may_change(stored, line.sender, ledger):
        return stands_elsewhere(*line.key)
    refused = may_not_go(line.key, ledger) if line.entity in REFERABLE else None
    if refused is not None:
        return refused
    body = {**stored.body, "status": TO_BE_DELETED}
    ledger.put(replace(stored, body=body, is_deleted=True, app=line.sender.app))
    return Stored(204 if line.operation is CommandOperation.DELETE else 200, changed=True)


def may_not_go(key: Key, ledger: Ledger) -> Refused | None:
    """Seed 002: "cannot be deleted if a separate entity has a reference to it"."""
    entity, sourced_id = key
    referring = ledger.referring(key)
    if not referring:
        return None
    if entity is not Entity.ASSESSMENT_LINE_ITEMS:
        return is_referred_to(entity, sourced_id, referring)
    if Entity.ASSESSMENT_LINE_ITEMS in referring:
        return texts.line_item_has_children(sourced_id)
    return texts.line_item_has_results(sourced_id)
