"""A rule's verdict → what the read model stores, but for the stamp. Pure.

A draft's text carries `UNSTAMPED` where the stamp will stand, and its digest is taken of that text
and of its reach: two drafts with one digest look the same to every vendor, in whatever scope.
"""

from dataclasses import dataclass, field, replace
from hashlib import blake2b

import orjson
from pydantic import BaseModel

from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.record import UNSTAMPED
from rosterline.oneroster.vocabulary import (
    ACTIVE,
    TO_BE_DELETED,
    Collection,
    Entity,
    Status,
    Version,
)
from rosterline.projector.columns import Columns, columns_of
from rosterline.projector.rules.schools import EVERYWHERE, Reach, Schools
from rosterline.projector.rules.verdict import KeptOut, Verdict

DIGEST_BYTES = 16
STAMP_MEMBER = '"dateLastModified":"'


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that is ready to be stamped; `columns` are those that only its entity has.

    `alternative` is the text for connections that show another email address, where it differs.
    """

    collection: Collection
    sourced_id: str
    status: Status
    template: str
    digest: bytes
    columns: Columns = field(default_factory=dict)
    reach: Reach = EVERYWHERE
    alternative: str | None = None

    @property
    def entity(self) -> Entity:
        """The record's family."""
        return self.collection.entity

    @property
    def schools(self) -> Schools | None:
        """The schools in whose scope it stands; None for every scope."""
        return self.reach.schools

    @property
    def secondary_email(self) -> str | None:
        """The email address of the alternative."""
        if self.alternative is None:
            return None
        email: str = orjson.loads(self.alternative)["email"]
        return email

    def stamped(self, stamp: str) -> str:
        """The document with its `dateLastModified`."""
        return self.template.replace(UNSTAMPED, stamp, 1)

    def alternative_stamped(self, stamp: str) -> str | None:
        """The alternative document with its `dateLastModified`."""
        if self.alternative is None:
            return None
        return self.alternative.replace(UNSTAMPED, stamp, 1)


def to_draft(
    collection: Collection,
    verdict: Verdict,
    reach: Reach = EVERYWHERE,
    alternative: v1p2.User | None = None,
) -> Draft | None:
    """The record's draft; None when a rule keeps it out."""
    if isinstance(verdict, KeptOut):
        return None
    template = text_of(verdict)
    other = None if alternative is None else text_of(alternative)
    digest = digest_of(template, reach, other)
    columns = columns_of(verdict, alternative)
    return Draft(
        collection, verdict.sourced_id, verdict.status, template, digest, columns, reach, other
    )


def text_of(record: BaseModel) -> str:
    """A record as it is sent."""
    return record.model_dump_json(by_alias=True, exclude_none=True)


def in_v1p1(draft: Draft | None) -> Draft | None:
    """The draft of the same org, session, course or class in version 1.1."""
    if draft is None:
        return None
    template = v1p1.in_v1p1(draft.template)
    return replace(
        draft,
        collection=Collection(Version.V1P1, draft.entity),
        template=template,
        digest=digest_of(template, draft.reach),
    )


def digest_of(template: str, reach: Reach, alternative: str | None = None) -> bytes:
    """What tells one visible state of a record from another, in every scope."""
    parts = [template]
    if alternative is not None:
        parts.append(alternative)
    if reach.schools is not None:
        parts += (";", *reach.schools)
    for sourced_id, schools in reach.listed:
        parts += (",", sourced_id, *schools)
    return blake2b(" ".join(parts).encode(), digest_size=DIGEST_BYTES).digest()


def tombstone(
    collection: Collection,
    sourced_id: str,
    documents: tuple[str, str | None],
    columns: Columns,
    reach: Reach,
) -> Draft:
    """The stored record as last seen, but `tobedeleted`; `documents` are it and its alternative."""
    document, alternative = documents
    template = buried(document)
    other = None if alternative is None else buried(alternative)
    digest = digest_of(template, reach, other)
    return Draft(collection, sourced_id, TO_BE_DELETED, template, digest, columns, reach, other)


def buried(document: str) -> str:
    """The template of a document's tombstone."""
    dead = document.replace(f'"status":"{ACTIVE}"', f'"status":"{TO_BE_DELETED}"', 1)
    start = dead.index(STAMP_MEMBER) + len(STAMP_MEMBER)
    return dead[:start] + UNSTAMPED + dead[start + len(UNSTAMPED) :]
