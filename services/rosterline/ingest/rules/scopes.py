"""Which scopes allow a line (ONEROSTER §4.8), also of senders who do not come over HTTP. Pure."""

from collections.abc import Mapping

from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Line, Refused
from rosterline.ingest.named import is_deletion
from rosterline.ingest.rules.refusals import not_allowed, not_writable
from rosterline.oneroster.scopes import (
    ASSESSMENT_DELETE,
    ASSESSMENT_PUT,
    GRADEBOOK_DELETE,
    GRADEBOOK_POST,
    GRADEBOOK_PUT,
    in_v1p1,
)
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version

ASSESSMENTS = frozenset({Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS})
DELETE: Mapping[bool, str] = {True: ASSESSMENT_DELETE, False: GRADEBOOK_DELETE}


def may_not(line: Line, ledger: Ledger) -> Refused | None:
    """ONEROSTER §4.8: "`gradebook.createput` / `gradebook.createpost` / `gradebook.delete`".

    Who may only post creates records and replaces none.
    """
    version = line.sender.version
    if line.entity not in WRITTEN[version]:
        return not_writable(line.entity)
    scopes = scopes_for(line, ledger)
    if version is Version.V1P1:
        scopes = in_v1p1(scopes)
    return not_allowed(scopes) if line.sender.scopes.isdisjoint(scopes) else None


def scopes_for(line: Line, ledger: Ledger) -> tuple[str, ...]:
    """The scopes of 1.2 of which any one allows the line."""
    is_assessment = line.entity in ASSESSMENTS
    if is_deletion(line):
        return (DELETE[is_assessment],)
    if is_assessment:
        return (ASSESSMENT_PUT,)
    if ledger.live(line.key) is None:
        return (GRADEBOOK_PUT, GRADEBOOK_POST)
    return (GRADEBOOK_PUT,)
