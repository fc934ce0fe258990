"""What a message of stream INGEST asks for, once it is understood. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rosterline.events.commands import CommandOperation
from rosterline.ingest.lines import Key, Refused
from rosterline.oneroster.vocabulary import Entity

Name = tuple[str, str]
"""A connection, and its own name for a command."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it stands in the stream; `received` is when that took it."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    data: bytes
    received: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a command that says what is to be done with which record."""

    number: int
    operation: CommandOperation
    entity: Entity
    sourced_id: str
    body: Mapping[str, Any] | None = None

    @property
    def key(self) -> Key:
        """The record that it is about."""
        return self.entity, self.sourced_id


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that cannot be understood, and the answer to that."""

    number: int
    refused: Refused


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a connection; its lines are numbered from 1.

    `answer` is the token of who waits for the verdict; `is_told` that it is published to the
    connection. `letter_id` is the dead letter that this is, sent again by an operator, or given up
    if it `is_dropped`. `scopes` are
    the short names of those with which it is sent; None is all that the connection has.
    """

    sequence: int
    app: str
    command_id: str
    received: datetime
    lines: tuple[Entry | Malformed, ...]
    wait: timedelta = timedelta(0)
    is_atomic: bool = False
    answer: str | None = None
    is_told: bool = True
    batch_id: str | None = None
    first_line: int = 1
    letter_id: int | None = None
    is_dropped: bool = False
    scopes: frozenset[str] | None = None

    @property
    def name(self) -> Name:
        """By which a second one of that name changes nothing."""
        return self.app, self.command_id
