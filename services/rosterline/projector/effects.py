"""What changed rows of a stream make of the records, written in the caller's transaction.

Rows of the SIS make the roster, and what written records show of it; documents make written
records. While a snapshot is under way only the mirror is filled.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rosterline.projector.clock import ClockState
from rosterline.projector.facts import Reference
from rosterline.projector.gather import gather_reference
from rosterline.projector.gather_written import Around
from rosterline.projector.guard import TooManyLossesError
from rosterline.projector.holds import Loss
from rosterline.projector.project import project
from rosterline.projector.project_written import project_dependents, project_documents
from rosterline.projector.projection import Projection
from rosterline.projector.scopes import Scope, Touched
from rosterline.projector.spread import spread
from rosterline.projector.store import show_revision
from rosterline.projector.streams import SIS, Followed
from rosterline.projector.writes import Spool

REFERENCE_TABLES = {"district", "school", "school_year", "calendar", "grade_level", "term"}
# Above this, transactions are told of one by one: the events of several are put in order in memory.
MOST_TOGETHER = 20_000


class ConflictError(Exception):
    """Transactions of a batch cannot share a stamp; those before `first` perhaps can."""

    def __init__(self, first: int) -> None:
        super().__init__(f"transaction {first} of the batch concerns what an earlier one did")
        self.first = first


class HeldError(Exception):
    """A transaction takes too much away: it stays behind message `sequence` until released."""

    def __init__(self, sequence: int, name: str, losses: tuple[Loss, ...]) -> None:
        super().__init__(f"transaction {name} is held: {'; '.join(map(str, losses))}")
        self.sequence = sequence
        self.name = name
        self.losses = losses


class Changes(NamedTuple):
    """What transactions have changed in the mirror; `sequence` is that of their last message."""

    touched: Touched
    tables: set[str]
    sequence: int


async def take_effect(
    projection: Projection, followed: Followed, changes: Changes, spools: Sequence[Spool]
) -> tuple[ClockState, Reference]:
    """Write what the changes make of the records; raises ConflictError and HeldError.

    The first of the two spools is named after the transactions, the second after what follows.
    """
    spool, written = spools
    if followed.cursor.loading:
        return projection.clock, projection.reference
    if followed.stream is not SIS:
        return await show_documents(projection, followed, changes, spool), projection.reference
    reference = projection.reference
    if changes.tables & REFERENCE_TABLES:
        reference = await gather_reference(projection.connection)
    await build_roster(projection, reference, changes.touched, spool)
    guids = map(str, changes.touched.rows[Scope.PERSON_GUID])
    await project_dependents(projection, spool.shown, written, guids)
    return await write_guarded(projection, followed, changes.sequence, spools), reference


async def build_roster(
    projection: Projection, reference: Reference, touched: Touched, spool: Spool
) -> None:
    """Put into the spool what the touched rows make of the roster; raises ConflictError."""
    await spread(projection.connection, touched)
    if touched.conflict is not None:
        raise ConflictError(touched.conflict)
    context, size = projection.context(reference), projection.run_size
    await project(projection.connection, context, touched, size, spool)
    refuse_many(spool)


async def write_guarded(
    projection: Projection, followed: Followed, sequence: int, spools: Sequence[Spool]
) -> ClockState:
    """Write what waits unless it takes too much away; raises ConflictError and HeldError."""
    names = spools[0].names
    try:
        return await projection.write(spools, guarded=not followed.is_released(sequence))
    except TooManyLossesError as error:
        # Each transaction is judged by itself: those before one that is held are applied.
        if half := len(names) // 2:
            raise ConflictError(half) from error
        raise HeldError(sequence, names[0], error.losses) from error


async def show_documents(
    projection: Projection, followed: Followed, changes: Changes, spool: Spool
) -> ClockState:
    """Write what the documents make of written records; raises ConflictError.

    Each deletion is a vendor's own command, so that none is held. Before the first load is whole
    nothing is written: it writes the documents that the mirror holds.
    """
    if not projection.clock.ready:
        return projection.clock
    connection, documents = projection.connection, changes.touched.documents
    await project_documents(Around(connection), documents, spool)
    if documents.conflict is not None:
        raise ConflictError(documents.conflict)
    refuse_many(spool)
    clock = await projection.write((spool,))
    if documents.revision:
        await show_revision(connection, followed.stream.name, documents.revision)
    return clock


def refuse_many(spool: Spool) -> None:
    """Raise ConflictError if the events of several transactions are too many for memory."""
    half = len(spool.names) // 2
    if half and len(spool) > MOST_TOGETHER:
        raise ConflictError(half)
