"""What is stored, what should be → what is to be written, and the order of it. Pure but for a spool.

Parents are written before what refers to them, and taken away after it (G2). Writes wait in a spool
that goes to disk when there are many, because the stamp is taken only when all of them are ready.
"""

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from rosterline.events.change import Operation
from rosterline.oneroster.vocabulary import ACTIVE, TO_BE_DELETED, Entity, Status
from rosterline.projector.build import Wanted
from rosterline.projector.draft import Draft

MEMORY_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """What the read model holds of a record."""

    status: Status
    digest: bytes


@dataclass(frozen=True, slots=True)
class Write:
    """A record to be stored and told of."""

    draft: Draft
    operation: Operation
    transaction: int


def decide(wanted: Wanted, stored: Mapping[str, Stored]) -> tuple[list[Write], dict[str, int]]:
    """Writes for what differs, and the active records that should be no more, with who touched them."""
    writes: list[Write] = []
    vanished: dict[str, int] = {}
    for sourced_id, (draft, transaction) in wanted.records.items():
        before = stored.get(sourced_id)
        if draft is None:
            if before is not None and before.status == ACTIVE:
                vanished[sourced_id] = transaction
        elif before is None or before.digest != draft.digest:
            writes.append(Write(draft, operation(draft, before), transaction))
    return writes, vanished


def operation(draft: Draft, before: Stored | None) -> Operation:
    """How subscribers are told: a record that comes back from its tombstone is created again."""
    if draft.status == TO_BE_DELETED:
        return "deleted"
    return "updated" if before is not None and before.status == ACTIVE else "created"


class Spool:
    """Writes in waiting; iterated in the order in which they must be told."""

    def __init__(self) -> None:
        self.files: dict[tuple[bool, Entity], SpooledTemporaryFile[bytes]] = {}
        self.per_transaction: Counter[int] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self.files.values():
            file.close()

    def __len__(self) -> int:
        return self.per_transaction.total()

    def add(self, writes: Iterable[Write]) -> None:
        """Put writes of one entity in waiting."""
        for deletion in (False, True):
            chosen = [write for write in writes if (write.operation == "deleted") == deletion]
            if chosen:
                key = (deletion, chosen[0].draft.entity)
                file = self.files.setdefault(key, SpooledTemporaryFile(MEMORY_BYTES))  # noqa: SIM115 - closed by __exit__
                pickle.dump(chosen, file, pickle.HIGHEST_PROTOCOL)
                self.per_transaction.update(write.transaction for write in chosen)

    def runs(self) -> Iterator[list[Write]]:
        """All writes, in runs of one entity: what is there parents first, then what goes parents last."""
        entities = list(Entity)
        order = [(False, entity) for entity in entities]
        order += [(True, entity) for entity in reversed(entities)]
        for key in order:
            file = self.files.get(key)
            if file is None:
                continue
            end = file.tell()
            file.seek(0)
            while file.tell() < end:
                yield pickle.load(file)  # noqa: S301 - our own file, unlinked since it was opened
