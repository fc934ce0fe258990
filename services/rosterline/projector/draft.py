"""A rule's verdict → what the read model stores, but for the stamp. Pure.

A draft's text carries `UNSTAMPED` where the stamp will stand, and its digest is taken of that text:
two drafts with one digest look the same to every vendor.
"""

from dataclasses import dataclass
from hashlib import blake2b

from rosterline.oneroster.v1p2 import UNSTAMPED, AcademicSession, Org, User
from rosterline.oneroster.vocabulary import ACTIVE, TO_BE_DELETED, Entity, Status
from rosterline.projector.rules.verdict import KeptOut, Verdict

DIGEST_BYTES = 16
STAMP_MEMBER = '"dateLastModified":"'
Extra = tuple[str | bool, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that is ready to be stamped; `extra` are the entity's own columns."""

    entity: Entity
    sourced_id: str
    status: Status
    template: str
    digest: bytes
    extra: Extra

    def stamped(self, stamp: str) -> str:
        """The document with its `dateLastModified`."""
        return self.template.replace(UNSTAMPED, stamp, 1)


EXTRA_COLUMNS: dict[Entity, tuple[str, ...]] = {
    Entity.ORGS: ("type",),
    Entity.ACADEMIC_SESSIONS: ("type",),
    Entity.USERS: ("is_student", "is_teacher"),
}


def to_draft(entity: Entity, verdict: Verdict) -> Draft | None:
    """The record's draft; None when a rule keeps it out."""
    if isinstance(verdict, KeptOut):
        return None
    template = verdict.model_dump_json(by_alias=True, exclude_none=True)
    extra: Extra = ()
    if isinstance(verdict, Org | AcademicSession):
        extra = (verdict.type,)
    elif isinstance(verdict, User):
        roles = {role.role for role in verdict.roles}
        extra = ("student" in roles, "teacher" in roles)
    return Draft(entity, verdict.sourced_id, verdict.status, template, digest_of(template), extra)


def digest_of(template: str) -> bytes:
    """What tells one visible state of a record from another."""
    return blake2b(template.encode(), digest_size=DIGEST_BYTES).digest()


def tombstone(entity: Entity, sourced_id: str, document: str, extra: Extra) -> Draft:
    """The stored record as last seen, but `tobedeleted`."""
    dead = document.replace(f'"status":"{ACTIVE}"', f'"status":"{TO_BE_DELETED}"', 1)
    start = dead.index(STAMP_MEMBER) + len(STAMP_MEMBER)
    template = dead[:start] + UNSTAMPED + dead[start + len(UNSTAMPED) :]
    return Draft(entity, sourced_id, TO_BE_DELETED, template, digest_of(template), extra)
