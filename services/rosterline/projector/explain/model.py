"""What `explain` answers. Its JSON is a contract: names stay, and rule words are not reworded.

Rows are named by table and key and shown with the columns that rules look at; never by names.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rosterline.oneroster.vocabulary import Collection, Entity, Status, Version

Kind = Literal["person", "section", "school", "course", "enrollment"]
VersionNumber = Literal["1.2", "1.1"]
NUMBERS: dict[Version, VersionNumber] = {Version.V1P2: "1.2", Version.V1P1: "1.1"}


class Part(BaseModel):
    """A piece of an explanation."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Value = int | str | bool | tuple[int | str, ...] | None


class RowName(Part):
    """A row of the SIS."""

    table: str
    key: int | str


class RecordName(Part):
    """A record as vendors know it."""

    version: VersionNumber
    entity: Entity
    sourced_id: str


class ExplainedRecord(RecordName):
    """A record that came of it; `stored` is its status in the API now, None if it is not there.

    `stored` differs from `status` for another day than today's, and while the projector has not
    come so far or a deletion is held.
    """

    status: Status
    rule: str
    because: str
    rows: tuple[RowName, ...]
    stored: Status | None


class KeptOutRecord(RecordName):
    """A record that a rule kept out; `stored` is `tobedeleted` where there was one once."""

    rule: str
    because: str
    remedy: str
    rows: tuple[RowName, ...]
    stored: Status | None


class ExplainedRow(Part):
    """A row that bears on it: whether it counts, and why.

    `status` is the one that the row gives, None for rows that only let others be seen. Dates in
    `columns` are ISO 8601 text.
    """

    table: str
    key: int | str
    columns: dict[str, Value]
    counts: bool
    status: Status | None
    rule: str
    because: str
    remedy: str | None


class PlaceCount(Part):
    """So many class enrollments for one reason; `status` is None where they are kept out."""

    version: VersionNumber
    role: Literal["student", "teacher"]
    status: Status | None
    rule: str
    count: int
    example: str
    because: str
    remedy: str | None


class HiddenRecord(RecordName):
    """A record that exists, but that the connection does not see."""

    rule: str
    because: str
    remedy: str


class AlteredRecord(RecordName):
    """A record that the connection sees otherwise than others do."""

    rule: str
    because: str


class ConnectionView(Part):
    """What a connection makes of the records: its switches, and what follows."""

    app: str
    version: VersionNumber
    schools: tuple[str, ...] | None
    secondary_email: bool
    gradebook_sync: bool
    tombstones: bool
    sees_agents: bool
    not_shown: tuple[HiddenRecord, ...]
    altered: tuple[AlteredRecord, ...]


class Explanation(Part):
    """The whole answer, as of `date`; with a connection only what belongs to its version.

    `is_loading` says that the SIS is being read whole: rows may be missing for a while. `is_held`
    says that a transaction waits for an operator: what it and later ones change is not known yet.
    """

    kind: Kind
    id: str
    found_by: str
    date: date
    is_loading: bool
    is_held: bool
    records: tuple[ExplainedRecord, ...]
    kept_out: tuple[KeptOutRecord, ...]
    rows: tuple[ExplainedRow, ...]
    places: tuple[PlaceCount, ...]
    connection: ConnectionView | None


def record_name(collection: Collection, sourced_id: str) -> RecordName:
    """A record's name."""
    return RecordName(
        version=NUMBERS[collection.version], entity=collection.entity, sourced_id=sourced_id
    )
