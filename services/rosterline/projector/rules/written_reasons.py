"""Why a written document has no record: one maker for each reason, as in `reasons`.

The texts name members and ids, never what was written there.
"""

from collections.abc import Iterable

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.rules.verdict import KeptOut


def invalid(entity: Entity, sourced_id: str, members: Iterable[str]) -> KeptOut:
    """The document is none that the standard's model can hold."""
    named = ", ".join(sorted(set(members)))
    return KeptOut(
        rule="invalid document",
        because=f"{entity.single} {sourced_id} lacks these members, or has wrong ones: {named}",
        remedy=f"Write {entity.single} {sourced_id} again with correct values of {named}.",
        rows=((entity.value, sourced_id),),
    )


def null_character(entity: Entity, sourced_id: str, members: Iterable[str]) -> KeptOut:
    """The document holds U+0000, which no text of the database can hold."""
    named = ", ".join(sorted(members))
    return KeptOut(
        rule="null character",
        because=f"{entity.single} {sourced_id} has the character U+0000 in {named}",
        remedy=f"Write {entity.single} {sourced_id} again without U+0000 in {named}.",
        rows=((entity.value, sourced_id),),
    )


def not_in_v1p1(entity: Entity, sourced_id: str, because: str, member: str) -> KeptOut:
    """1.2 has the record; 1.1 demands something of it that is not there."""
    return KeptOut(
        rule="not in 1.1",
        because=f"OneRoster 1.1 has no {entity.single} {because}",
        remedy=f"Write {entity.single} {sourced_id} again with {member}, or read it in 1.2.",
        rows=((entity.value, sourced_id),),
    )
