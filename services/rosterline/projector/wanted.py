"""What records should be: drafts by collection and id, as the builders answer them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from rosterline.oneroster.vocabulary import Collection, Entity, Version
from rosterline.projector.draft import Draft, in_v1p1
from rosterline.projector.scopes import Key, Scope

T = TypeVar("T")

ORGS = Collection(Version.V1P2, Entity.ORGS)
SESSIONS = Collection(Version.V1P2, Entity.ACADEMIC_SESSIONS)
COURSES = Collection(Version.V1P2, Entity.COURSES)
CLASSES = Collection(Version.V1P2, Entity.CLASSES)
USERS = Collection(Version.V1P2, Entity.USERS)
DEMOGRAPHICS = Collection(Version.V1P2, Entity.DEMOGRAPHICS)
ENROLLMENTS = Collection(Version.V1P2, Entity.ENROLLMENTS)
OLDER_USERS = Collection(Version.V1P1, Entity.USERS)
OLDER_DEMOGRAPHICS = Collection(Version.V1P1, Entity.DEMOGRAPHICS)
OLDER_ENROLLMENTS = Collection(Version.V1P1, Entity.ENROLLMENTS)


Records = dict[str, tuple[Draft | None, int]]
Rows = Mapping[Scope, Mapping[Key, int]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What records of a collection should be: a draft, or None for none, and who touched it."""

    collection: Collection
    records: Records


def in_both(entity: Entity, records: Records) -> Iterator[Wanted]:
    """Records that the two versions write alike, but for their addresses."""
    yield Wanted(Collection(Version.V1P2, entity), records)
    older = {
        sourced_id: (in_v1p1(draft), number) for sourced_id, (draft, number) in records.items()
    }
    yield Wanted(Collection(Version.V1P1, entity), older)


def runs(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while run := list(islice(iterator, size)):
        yield run


def integers(keys: Iterable[Key]) -> list[int]:
    """Row ids as numbers."""
    return [int(key) for key in keys]
