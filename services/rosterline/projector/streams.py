"""The streams that the projector applies, and what it remembers of how far it has come in each."""

from dataclasses import dataclass
from typing import Final

from asyncpg.transaction import Transaction

from rosterline.bus import topology
from rosterline.db.tables import records, sis
from rosterline.projector.holds import Hold
from rosterline.projector.scopes import Touched
from rosterline.projector.store import Cursor


@dataclass(frozen=True, slots=True)
class SourceStream:
    """A stream of source messages: the source's name in subjects, and its tables in the mirror.

    `prefix` stands before the names of its transactions, `rows` says what a snapshot counts, and
    `remedy` how an operator has everything sent anew.
    """

    name: str
    source: str
    tables: frozenset[str]
    prefix: str
    rows: str
    remedy: str

    def transaction(self, epoch: int, position: str) -> str:
        """What subscribers call a source transaction."""
        return f"{self.prefix}{epoch}-{position}"


SIS: Final = SourceStream(
    topology.SIS,
    "sis",
    frozenset(sis.TABLES),
    "",
    "rows of the SIS",
    "stop capture and send all tables anew: "
    f"rosterline capture sis --snapshot {','.join(sis.TABLES)}",
)
RECORDS: Final = SourceStream(
    topology.RECORDS,
    "records",
    frozenset(records.TABLES),
    "records-",
    "written documents",
    "stop `rosterline capture records`, drop its replication slot and start it: it sends all "
    "documents anew",
)


@dataclass(slots=True)
class LargeTransaction:
    """A source transaction whose parts are still coming, in an open transaction of ours."""

    transaction: Transaction
    touched: Touched
    tables: set[str]


@dataclass(slots=True)
class Followed:
    """A stream and the place up to which it is applied.

    `hold` is what the guard refused last of it and has not been applied yet.
    """

    stream: SourceStream
    cursor: Cursor
    large: LargeTransaction | None = None
    hold: Hold | None = None

    def is_released(self, sequence: int) -> bool:
        """Whether an operator lets the message at this place of the stream take much away."""
        return self.hold is not None and self.hold.sequence == sequence and self.hold.is_released

    def reached(self, cursor: Cursor) -> None:
        """Remember the place that is stored now; what was held before it is no more."""
        self.cursor = cursor
        if self.hold is not None and self.hold.sequence <= cursor.sequence:
            self.hold = None
