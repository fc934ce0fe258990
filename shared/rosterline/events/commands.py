"""Stream INGEST and what comes of it: commands on written records, and the verdicts on them.

A command's subject names the connection that sends it, the collection and the operation. Its data
is what the same request would hold over HTTP: `{"assessmentResult": {…}}` for a put, and with the
members to be merged for a patch; `{"sourcedId": …}` for a deletion. A batch is many commands, each
on a line: the body of a put, or `{"delete": "assessmentResults/<sourcedId>"}`.
"""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

# The sender's name for a command, by which a second one of that name changes nothing. `Nats-Msg-Id`
# will not do: JetStream takes one sender's id for another's.
COMMAND_HEADER: Final = "Rosterline-Command"
# Seconds in which what a command names may still appear, before it is refused.
WAIT_HEADER: Final = "Rosterline-Wait"
# `true`: all lines of a batch are stored, or none.
ATOMIC_HEADER: Final = "Rosterline-Atomic"
# Of a batch that came over HTTP in several messages: its id, and the first line of this one.
BATCH_HEADER: Final = "Rosterline-Batch"
FIRST_LINE_HEADER: Final = "Rosterline-First-Line"
# The token of the process that waits for the verdict. Whoever gives one asks for the verdict there
# or over HTTP, and none is published to the connection's own stream.
ANSWER_HEADER: Final = "Rosterline-Answer"
NO_ANSWER: Final = "none"
# The short names of the scopes with which it is sent, separated by blanks: those of the connection
# that are not among them do not count. Nobody gains one by it.
SCOPES_HEADER: Final = "Rosterline-Scopes"
# A command that could not be worked off, sent again by an operator: the dead letter's number.
REDRIVEN_HEADER: Final = "Rosterline-Redriven"
# With it, `true`: the operator has given it up, and its sender is to be told so.
DROPPED_HEADER: Final = "Rosterline-Dropped"
# The number of a verdict among those of its connection, without gaps.
NUMBER_HEADER: Final = "Rosterline-Verdict"
# Of a put, a patch and a line of a batch, and of what a patch makes of a stored record. Hundreds of
# records are held at a time, and one that is read takes ten times as many bytes of memory and more;
# a comment of ten thousand words fits.
MOST_RECORD_BYTES: Final = 64_000


class CommandOperation(StrEnum):
    """What is to be done with a record, as the last token of a subject."""

    PUT = "put"
    PATCH = "patch"
    DELETE = "delete"


class State(StrEnum):
    """How a command stands. Those of `FINAL` are verdicts.

    `mixed`: of a batch, some lines were stored and others refused. `waiting`: the roster does not
    know yet what is named. `held`: it could not be worked off, and an operator is to look at it.
    """

    QUEUED = "queued"
    WAITING = "waiting"
    HELD = "held"
    STORED = "stored"
    REJECTED = "rejected"
    MIXED = "mixed"


# Why lines of an atomic batch were refused that are right themselves; `{line}` is one that is not.
NOTHING_STORED: Final = "Nothing of this batch was stored, because line {line} is refused."

FINAL = frozenset({State.STORED, State.REJECTED, State.MIXED})


class CommandMessage(BaseModel):
    """Frozen, camelCase on the wire; unknown members are ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Rejection(CommandMessage):
    """Why a line was refused, as the same request over HTTP would have been told.

    `line` counts from 1. What is malformed names no collection or record.
    """

    line: int = 1
    collection: str | None = None
    sourced_id: str | None = None
    status: int
    code_minor: str
    description: str


class Verdict(CommandMessage):
    """What became of a command: how many lines were stored, and the rejections of all others.

    `status` is that of HTTP, of a command of one line. `revision` is what the read model must have
    reached to show it; None when it shows all there is to it already. `decided_at` is a stamp.
    """

    command: str
    app: str
    state: State
    lines: int
    stored: int
    rejections: tuple[Rejection, ...] = ()
    status: int | None = None
    revision: int | None = None
    decided_at: str
