"""Documents that were written over OneRoster → records of OneRoster 1.2 (DESIGN §3, §5).

A document is taken as it stands in `records`: whoever stored it has checked it. A deleted one is a
document with `status` `tobedeleted`, and stays as a tombstone.
"""

from typing import Any

from pydantic import ValidationError

from rosterline.oneroster.v1p2 import MODELS
from rosterline.oneroster.vocabulary import ACTIVE, Entity
from rosterline.projector.rules.verdict import Verdict
from rosterline.projector.rules.written_facts import Body, WrittenFacts
from rosterline.projector.rules.written_reasons import NULL, invalid, null_character
from rosterline.projector.rules.written_values import (
    has_character,
    named_id,
    read_members,
    reference_to,
)

SCORED = frozenset({Entity.RESULTS, Entity.ASSESSMENT_RESULTS})


def build_written(entity: Entity, sourced_id: str, body: Body, facts: WrittenFacts) -> Verdict:
    """The 1.2 record of a document."""
    members = {"status": ACTIVE, **read_members(entity, body), "sourcedId": sourced_id}
    unstorable = [name for name, value in members.items() if has_character([name, value], NULL)]
    if unstorable:
        return null_character(entity, sourced_id, unstorable)
    if entity is Entity.LINE_ITEMS:
        complete_line_item(members, facts)
    if entity is Entity.RESULTS:
        complete_result(members, facts)
    if entity in SCORED:
        members.setdefault("scoreStatus", status_of_score(members))
    try:
        return MODELS[entity].model_validate(members, by_alias=True, by_name=False)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        return invalid(entity, sourced_id, (str(problem["loc"][0]) for problem in problems))


def complete_line_item(members: dict[str, Any], facts: WrittenFacts) -> None:
    """ONEROSTER §3.4: `school` is "new, required"; who writes 1.1 names the class alone."""
    school_id = facts.class_schools.get(named_id(members, "class"))
    if school_id is not None:
        members.setdefault("school", reference_to(Entity.ORGS, school_id))


def complete_result(members: dict[str, Any], facts: WrittenFacts) -> None:
    """`class` is optional: it is the line item's, so that a class shows all of its results."""
    line_item = facts.line_items.get(named_id(members, "lineItem"))
    if line_item is not None:
        members.setdefault("class", reference_to(Entity.CLASSES, line_item.class_id))


def status_of_score(members: Body) -> str:
    """Seed 002 does not require `scoreStatus`, the standard does: what has a score is graded."""
    has_score = "score" in members or "textScore" in members
    return "fully graded" if has_score else "not submitted"
