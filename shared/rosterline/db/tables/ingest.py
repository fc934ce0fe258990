"""Of schema `rosterline`: commands on written records, and what became of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from rosterline.db.tables.rosterline import MOMENT, RosterlineTable


class Command(RosterlineTable, table=True):
    """A command of a connection, from the moment at which somebody may ask for it.

    `command_id` is the sender's. `state`, `lines`, `stored`, `rejections`, `status` and `revision`
    are those of its verdict. `is_told` says that this is published to the connection, `number`
    counts those that are. Of a batch over HTTP each message is a command, from `first_line`.
    """

    __tablename__ = "command"
    __table_args__ = (
        Index("command_by_batch", "app", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
        Index(
            "command_by_number",
            "app",
            "number",
            unique=True,
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index("command_by_moment", "decided_at"),
    )

    app: str = Field(sa_type=Text, primary_key=True)
    command_id: str = Field(sa_type=Text, primary_key=True)
    state: str = Field(sa_type=Text)
    lines: int
    stored: int
    rejections: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    status: int | None = None
    revision: int | None = Field(default=None, sa_type=BigInteger)
    batch_id: str | None = Field(default=None, sa_type=Text)
    first_line: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    number: int | None = Field(default=None, sa_type=BigInteger)
    is_told: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    accepted_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )
    decided_at: datetime | None = Field(default=None, sa_type=MOMENT)


class CommandBatch(RosterlineTable, table=True):
    """A batch that came over HTTP, once all of it is in the stream."""

    __tablename__ = "command_batch"

    app: str = Field(sa_type=Text, primary_key=True)
    batch_id: str = Field(sa_type=Text, primary_key=True)
    lines: int
    commands: int
    accepted_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )


class WaitingLine(RosterlineTable, table=True):
    """A line that names what the roster does not know yet, and may wait for it until `until`.

    `line` counts from 1 in its command. `place` is the order in which lines came.
    """

    __tablename__ = "waiting_line"
    __table_args__ = (Index("waiting_line_by_record", "collection", "sourced_id"),)

    app: str = Field(sa_type=Text, primary_key=True)
    command_id: str = Field(sa_type=Text, primary_key=True)
    line: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    place: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    operation: str = Field(sa_type=Text)
    collection: str = Field(sa_type=Text)
    sourced_id: str = Field(sa_type=Text)
    body: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    received_at: datetime = Field(sa_type=MOMENT)
    until: datetime = Field(sa_type=MOMENT)


class DeadLetter(RosterlineTable, table=True):
    """A message of stream INGEST that could not be worked off, until an operator sends it again.

    `reason` names the failure, never what the message holds; `revision` is the last one given when
    it was put aside: what was stored later is newer.
    """

    __tablename__ = "dead_letter"

    letter_id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    app: str = Field(sa_type=Text)
    command_id: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    headers: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = Field(sa_type=MOMENT)
    reason: str = Field(sa_type=Text)
    revision: int = Field(sa_type=BigInteger)
    died_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )
    sent_again_at: datetime | None = Field(default=None, sa_type=MOMENT)


class Attempt(RosterlineTable, table=True):
    """How often a suspicious message of stream INGEST was begun: noted before, gone when done."""

    __tablename__ = "attempt"

    stream: str = Field(sa_type=Text, primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    attempts: int
