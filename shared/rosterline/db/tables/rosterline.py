"""Schema `rosterline`: the product's own state: clock, cursors, connections, signing keys."""

from datetime import date, datetime

from sqlalchemy import ARRAY, BigInteger, Column, MetaData, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

ROSTERLINE = MetaData(schema="rosterline")
MOMENT = TIMESTAMP(timezone=True, precision=3)


class RosterlineTable(SQLModel):
    """Base of the tables of schema `rosterline`."""

    metadata = ROSTERLINE


class Clock(RosterlineTable, table=True):
    """The one clock of `dateLastModified` and of event sequences, in a single row.

    `epoch` names one history of sequences. `server` is the database that counted them: one restored
    from a backup counts again from where the backup was, and needs another epoch.
    `ready` says that a first load has been whole: from then on the API answers.
    `evaluated_on` is the day for which date-driven statuses hold.
    """

    __tablename__ = "clock"

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    epoch: str = Field(sa_type=Text)
    last_stamp: datetime = Field(sa_type=MOMENT)
    last_sequence: int = Field(sa_type=BigInteger)
    ready: bool
    evaluated_on: date | None = None
    server: str | None = Field(default=None, sa_type=Text)


class Cursor(RosterlineTable, table=True):
    """How far the projector has applied a stream; `created` tells one stream from its successor.

    `epoch` is that of the last message: a later history of the source begins with a snapshot.
    `loading` says that a snapshot has begun and not ended: the mirror is not consistent.
    `applied_at` is when the last message was applied, `committed_at` when its source committed it.
    """

    __tablename__ = "cursor"

    stream: str = Field(sa_type=Text, primary_key=True)
    created: str = Field(sa_type=Text)
    sequence: int = Field(sa_type=BigInteger)
    position: str = Field(sa_type=Text)
    loading: bool
    applied_at: datetime = Field(sa_type=MOMENT)
    committed_at: datetime | None = Field(default=None, sa_type=MOMENT)
    epoch: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class Progress(RosterlineTable, table=True):
    """How far a long task of the projector is; its row goes when the task is done."""

    __tablename__ = "progress"

    task: str = Field(sa_type=Text, primary_key=True)
    done: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)


class Connection(RosterlineTable, table=True):
    """A vendor's connection; of its secret only an Argon2 hash is kept."""

    __tablename__ = "connection"

    app: str = Field(sa_type=Text, primary_key=True)
    client_id: str = Field(sa_type=Text, unique=True)
    secret_hash: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    schools: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    created_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )


class SigningKey(RosterlineTable, table=True):
    """Keys that sign access tokens; the newest signs, all verify."""

    __tablename__ = "signing_key"

    key_id: str = Field(sa_type=Text, primary_key=True)
    secret: str = Field(sa_type=Text)
    created_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )
