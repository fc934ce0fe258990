"""Schema `rosterline`: the product's own state: clock, cursors, connections, signing keys."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlmodel import Field, SQLModel

from rosterline.db.tables.read_model import CODE_POINT

ROSTERLINE = MetaData(schema="rosterline")
MOMENT = TIMESTAMP(timezone=True, precision=3)


class RosterlineTable(SQLModel):
    """Base of the tables of schema `rosterline`."""

    metadata = ROSTERLINE


def switch(*, on: bool) -> bool:
    """A switch of a connection, as it is unless somebody turns it."""
    default = text("true" if on else "false")
    return Field(default=on, sa_column_kwargs={"server_default": default})  # type: ignore[no-any-return]


class Clock(RosterlineTable, table=True):
    """The one clock of `dateLastModified` and of event sequences, in a single row.

    `epoch` names one history of sequences. `server` is the database that counted them: one restored
    from a backup counts again from where the backup was, and needs another epoch.
    `ready` says that a first load has been whole: from then on the API answers.
    `evaluated_on` is the day for which date-driven statuses hold, `switches` are the installation's
    settings with which the records were made, as JSON.
    """

    __tablename__ = "clock"

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    epoch: str = Field(sa_type=Text)
    last_stamp: datetime = Field(sa_type=MOMENT)
    last_sequence: int = Field(sa_type=BigInteger)
    ready: bool
    evaluated_on: date | None = None
    switches: dict[str, bool] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    server: str | None = Field(default=None, sa_type=Text)


class Cursor(RosterlineTable, table=True):
    """How far the projector has applied a stream; `created` tells one stream from its successor.

    `epoch` is that of the last message: a later history of the source begins with a snapshot.
    `loading` says that a snapshot has begun and not ended: the mirror is not consistent.
    `applied_at` is when the last message was applied, `committed_at` when its source committed it.
    `revision` is up to which written documents are shown, of stream RECORDS.
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
    revision: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )


class Progress(RosterlineTable, table=True):
    """How far a long task of the projector is; its row goes when the task is done."""

    __tablename__ = "progress"

    task: str = Field(sa_type=Text, primary_key=True)
    done: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)


class Hold(RosterlineTable, table=True):
    """A source transaction that would delete too much (G10): it waits for an operator's release.

    `sequence` is its message's in stream `stream`, whose `created` tells one stream from the next.
    `losses` lists for each collection how many records would go and how many are active.
    """

    __tablename__ = "hold"

    hold_id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    stream: str = Field(sa_type=Text)
    created: str = Field(sa_type=Text)
    sequence: int = Field(sa_type=BigInteger)
    transaction: str = Field(sa_type=Text)
    losses: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    held_at: datetime = Field(sa_type=MOMENT)
    released_at: datetime | None = Field(default=None, sa_type=MOMENT)
    ended_at: datetime | None = Field(default=None, sa_type=MOMENT)


class Request(RosterlineTable, table=True):
    """Work that an operator asks the projector for, the one writer.

    `kind` is `rebuild`, or `rebuild-released` for one that the guard does not stop.
    """

    __tablename__ = "request"

    request_id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str = Field(sa_type=Text)
    asked_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )
    ended_at: datetime | None = Field(default=None, sa_type=MOMENT)
    outcome: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))


class Connection(RosterlineTable, table=True):
    """A vendor's connection; of its secret only an Argon2 hash is kept.

    `sees_agents` is what follows of `gradebook_sync` and the installation's settings. `switched_at`
    is the stamp of the last change of a switch: to this connection no user is older. Who had no
    token before `first_token_at` has seen nothing. With `signing_salt` and the signing key of
    `signing_key_id` the secret of one that signs its requests (OAuth 1.0a) is derived anew.
    """

    __tablename__ = "connection"

    app: str = Field(sa_type=Text, primary_key=True)
    client_id: str = Field(sa_type=Text, unique=True)
    secret_hash: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    schools: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    secondary_email: bool = switch(on=False)
    gradebook_sync: bool = switch(on=False)
    tombstones: bool = switch(on=False)
    sees_agents: bool = switch(on=True)
    switched_at: datetime | None = Field(default=None, sa_type=MOMENT)
    first_token_at: datetime | None = Field(default=None, sa_type=MOMENT)
    signing_key_id: str | None = Field(default=None, sa_type=Text)
    signing_salt: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )


class Withdrawn(RosterlineTable, table=True):
    """A record that a connection no longer sees, as it last saw it, but `tobedeleted`."""

    __tablename__ = "withdrawn"

    app: str = Field(sa_type=Text, primary_key=True)
    collection: str = Field(sa_type=Text, primary_key=True)
    sourced_id: str = Field(sa_type=CODE_POINT, primary_key=True)
    date_last_modified: datetime = Field(sa_type=MOMENT)
    document: str = Field(sa_type=Text)


class Departed(RosterlineTable, table=True):
    """A record that left a school's scope, as it stood there last, but `tobedeleted`.

    It is gone for the connections that are limited to schools in none of which it stands now. With
    `own@` before the school: for those of them that see no agents.
    """

    __tablename__ = "departed"
    __table_args__ = (
        Index("departed_by_stamp", "collection", "school", "date_last_modified", "sourced_id"),
    )

    collection: str = Field(sa_type=Text, primary_key=True)
    school: str = Field(sa_type=CODE_POINT, primary_key=True)
    sourced_id: str = Field(sa_type=CODE_POINT, primary_key=True)
    date_last_modified: datetime = Field(sa_type=MOMENT)
    document: str = Field(sa_type=Text)
    alternative: str | None = Field(default=None, sa_type=Text)


class Nonce(RosterlineTable, table=True):
    """A signed request that was answered (OAuth 1.0a): it is answered once."""

    __tablename__ = "nonce"
    __table_args__ = (Index("nonce_by_moment", "moment"),)

    client_id: str = Field(sa_type=Text, primary_key=True)
    moment: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    nonce: str = Field(sa_type=Text, primary_key=True)


class SigningKey(RosterlineTable, table=True):
    """Keys that sign access tokens; the newest signs, all verify."""

    __tablename__ = "signing_key"

    key_id: str = Field(sa_type=Text, primary_key=True)
    secret: str = Field(sa_type=Text)
    created_at: datetime = Field(
        sa_column=Column(MOMENT, nullable=False, server_default=text("now()"))
    )
