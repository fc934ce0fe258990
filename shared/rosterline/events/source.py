"""Messages of the streams SIS and RECORDS: what capture saw in a database, in commit order.

Values are PostgreSQL's text forms, so that capture needs no knowledge of types; null is null. A
column that an update left untouched in TOAST storage is named in `unchanged` and absent from `row`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Values = dict[str, str | None]
Operation = Literal["insert", "update", "delete", "truncate"]


class Message(BaseModel):
    """Frozen; unknown members are ignored, so that an older reader survives a newer writer."""

    model_config = ConfigDict(frozen=True)


class Change(Message):
    """One row's change. `key` is the row's primary key before the change, `row` the row after it.

    An insert's key is its new one; a delete has no row; a truncate has neither.
    """

    table: str
    op: Operation
    key: Values
    row: Values | None = None
    unchanged: tuple[str, ...] = ()


class TransactionPart(Message):
    """A source transaction, or one part of a large one.

    `position` is the commit LSN; `part` counts from 1; `last` says that the transaction is whole.
    """

    kind: Literal["transaction"] = "transaction"
    epoch: int
    position: str
    committed_at: str
    xid: int
    part: int
    last: bool
    changes: tuple[Change, ...]


class SnapshotBegin(Message):
    """From here on rows of `tables` are sent whole; nothing is consistent before `SnapshotEnd`.

    `reason` is what made the snapshot necessary; `rows` is about how many there will be.
    """

    kind: Literal["snapshot_begin"] = "snapshot_begin"
    epoch: int
    position: str
    tables: tuple[str, ...]
    reason: str
    rows: int = 0


class SnapshotRows(Message):
    """All rows of a table whose key is greater than `after` and not greater than the last row's.

    With `done` the table has no further rows: keys beyond the last row do not exist.
    """

    kind: Literal["snapshot_rows"] = "snapshot_rows"
    epoch: int
    position: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    after: tuple[str, ...] | None
    rows: tuple[tuple[str | None, ...], ...]
    done: bool


class SnapshotEnd(Message):
    """The snapshot and all changes up to `position` have been sent: the state is consistent."""

    kind: Literal["snapshot_end"] = "snapshot_end"
    epoch: int
    position: str


class Gap(Message):
    """Changes may be missing here; a new epoch and a new snapshot follow."""

    kind: Literal["gap"] = "gap"
    epoch: int
    position: str
    reason: str


SourceMessage = Annotated[
    TransactionPart | SnapshotBegin | SnapshotRows | SnapshotEnd | Gap,
    Field(discriminator="kind"),
]
SOURCE_MESSAGE: TypeAdapter[TransactionPart | SnapshotBegin | SnapshotRows | SnapshotEnd | Gap] = (
    TypeAdapter(SourceMessage)
)
