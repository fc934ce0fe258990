"""What is stored, what should be → what is to be written, and in which order. Pure but for a spool.

Parents are written before what refers to them, and taken away after it (G2). Writes wait in a spool
that goes to disk when there are many, because the stamp is taken only when all of them are ready.
"""

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import SEEK_END
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from rosterline.events.change import Operation
from rosterline.oneroster.views import own_scopes
from rosterline.oneroster.vocabulary import (
    ACTIVE,
    ALL_COLLECTIONS,
    TO_BE_DELETED,
    Collection,
    Status,
)
from rosterline.projector.draft import Draft
from rosterline.projector.rules.schools import Schools
from rosterline.projector.shown import Shown
from rosterline.projector.wanted import Wanted

MEMORY_WRITES = 20_000
# A written record may be as long as thirty others.
MEMORY_CHARACTERS = 50_000_000
Names = dict[int, str]
# In place of a school: all schools that there are, but for those where the record stands now.
EVERY_SCHOOL: Schools = ("*",)
# How far a record stands below the top of its own collection, by the type that it has there.
GENERATION: dict[str | None, int] = {"school": 1, "term": 1, "gradingPeriod": 2}


@dataclass(frozen=True, slots=True)
class Stored:
    """What the read model holds of a record; `scopes` as `scopes_of` has them."""

    status: Status
    digest: bytes
    scopes: Schools | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A record to be stored and told of; `left` and `entered` are scopes where it stood or comes.

    One that `is_new` enters none: nothing is kept of it in any scope.
    """

    draft: Draft
    operation: Operation
    transaction: int
    was_active: bool
    left: Schools = ()
    entered: Schools = ()
    is_new: bool = False

    @property
    def is_loss(self) -> bool:
        """Whether an active record goes."""
        return self.was_active and self.operation == "deleted"

    @property
    def is_arrival(self) -> bool:
        """Whether a record comes that was not active before."""
        return self.operation == "created"


def decide(wanted: Wanted, stored: Mapping[str, Stored]) -> tuple[list[Write], dict[str, int]]:
    """Writes for what differs; the active records that should be no more, with who touched them."""
    writes: list[Write] = []
    vanished: dict[str, int] = {}
    for sourced_id, (draft, transaction) in wanted.records.items():
        before = stored.get(sourced_id)
        if draft is None:
            if before is not None and before.status == ACTIVE:
                vanished[sourced_id] = transaction
        elif before is None or before.digest != draft.digest:
            writes.append(write_of(draft, before, transaction))
    return writes, vanished


def write_of(draft: Draft, before: Stored | None, transaction: int) -> Write:
    """The write that makes the draft of what is stored."""
    told = operation(draft, before)
    if before is None:
        return Write(draft, told, transaction, was_active=False, is_new=True)
    was_active, old = before.status == ACTIVE, before.scopes
    new = scopes_of(draft.schools, draft.columns.get("places"))
    if old == new:
        return Write(draft, told, transaction, was_active)
    # What stood everywhere leaves all schools but those where it stands now.
    left = EVERY_SCHOOL if old is None else old
    entered = EVERY_SCHOOL if new is None else new
    return Write(
        draft,
        told,
        transaction,
        was_active,
        tuple(scope for scope in left if scope not in entered and new is not None),
        tuple(scope for scope in entered if scope not in left and old is not None),
    )


def scopes_of(schools: Iterable[str] | None, places: Iterable[str] | None) -> Schools | None:
    """The schools where a record stands, and those where a user is more than an agent."""
    return None if schools is None else (*schools, *own_scopes(places or ()))


def operation(draft: Draft, before: Stored | None) -> Operation:
    """How subscribers are told: a record that comes back from its tombstone is created again."""
    if draft.status == TO_BE_DELETED:
        return "deleted"
    return "updated" if before is not None and before.status == ACTIVE else "created"


def written_after(names: Names) -> Names:
    """The name of what is written over OneRoster and follows from the transactions, as one."""
    return {0: f"{names[max(names)]}-written"}


def generation(write: Write) -> int:
    """0 for records whose parents are in other collections only, more for those below them."""
    return GENERATION.get(write.draft.columns.get("type"), 0)


class Spool:
    """Writes in waiting; iterated in the order in which they must be told.

    `names` are those of their transactions for subscribers, by number. What comes after the first
    `MEMORY_WRITES` or `MEMORY_CHARACTERS` waits in a file, and is noted by its place there. `shown`
    is what written records show of them.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.shown = Shown()
        self.waiting: dict[tuple[bool, Collection], list[list[Write] | int]] = {}
        self.file: IO[bytes] | None = None
        self.characters = 0
        self.per_transaction: Counter[int] = Counter()
        self.losses: Counter[Collection] = Counter()
        self.arrivals: Counter[Collection] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.file is not None:
            self.file.close()

    def __len__(self) -> int:
        return self.per_transaction.total()

    @property
    def is_full(self) -> bool:
        """Whether there are too many for memory."""
        return len(self) >= MEMORY_WRITES or self.characters >= MEMORY_CHARACTERS

    def add(self, writes: Iterable[Write]) -> None:
        """Put writes of one collection in waiting."""
        ordered = sorted(writes, key=generation)
        for deletion in (False, True):
            chosen = [write for write in ordered if (write.operation == "deleted") == deletion]
            if chosen:
                run = self.put_away(chosen) if self.is_full else chosen
                self.characters += sum(len(write.draft.template) for write in chosen)
                self.waiting.setdefault((deletion, chosen[0].draft.collection), []).append(run)
                self.per_transaction.update(write.transaction for write in chosen)
                self.count(chosen)

    def count(self, writes: list[Write]) -> None:
        """Note how many records stop and begin to be active, and what others show of them."""
        collection = writes[0].draft.collection
        self.losses[collection] += sum(write.is_loss for write in writes)
        self.arrivals[collection] += sum(write.is_arrival for write in writes)
        for write in writes:
            if write.is_new or write.left or write.entered:
                self.shown.note(write.draft)

    def put_away(self, run: list[Write]) -> int:
        """Write a run to the file; its place there."""
        if self.file is None:
            self.file = TemporaryFile()  # noqa: SIM115 - closed by __exit__
        place = self.file.seek(0, SEEK_END)
        pickle.dump(run, self.file, pickle.HIGHEST_PROTOCOL)
        return place

    def runs(self) -> Iterator[list[Write]]:
        """All writes, in runs of one collection: first what is there, parents before children, then
        what goes, children before parents.
        """
        for collection in ALL_COLLECTIONS:
            yield from self.read(deletion=False, collection=collection)
        for collection in reversed(ALL_COLLECTIONS):
            for run in self.read(deletion=True, collection=collection):
                yield run[::-1]

    def first_numbers(self, used: int) -> dict[int, int]:
        """The number before each transaction's first event: one transaction after the other."""
        found: dict[int, int] = {}
        for transaction in sorted(self.per_transaction):
            found[transaction] = used
            used += self.per_transaction[transaction]
        return found

    def read(self, *, deletion: bool, collection: Collection) -> Iterator[list[Write]]:
        """The runs of a collection; deletions from the last to the first."""
        runs = self.waiting.get((deletion, collection), [])
        for run in reversed(runs) if deletion else runs:
            yield self.fetch(run) if isinstance(run, int) else run

    def fetch(self, place: int) -> list[Write]:
        """A run that was put away."""
        if self.file is None:
            raise ValueError("nothing was put away")
        self.file.seek(place)
        run: list[Write] = pickle.load(self.file)  # noqa: S301 - our own file, unlinked since it was opened
        return run
