"""What the rules are asked: one line of a command, and who sends it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from rosterline.events.commands import CommandOperation
from rosterline.oneroster.reading import Body
from rosterline.oneroster.vocabulary import Entity, Version

Key = tuple[Entity, str]
"""A record: its collection and its id."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A connection that sends commands; `schools` limits what it may refer to, None does not.

    `client_id` tells it from one that is made later under its name.
    """

    app: str
    version: Version
    scopes: frozenset[str]
    schools: frozenset[str] | None = None
    client_id: str = ""

    @property
    def is_limited(self) -> bool:
        """Whether for the sender some records do not exist: 1.1 and a few schools have not all."""
        return self.schools is not None or self.version is Version.V1P1


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be done with one record.

    `body` holds the record's members as they were sent, of a put and a patch. `received` is when
    the command was accepted: the same on every delivery.
    """

    sender: Sender
    operation: CommandOperation
    entity: Entity
    sourced_id: str
    received: datetime
    body: Body | None = None

    @property
    def key(self) -> Key:
        """The record that it is about."""
        return self.entity, self.sourced_id


@dataclass(frozen=True, slots=True)
class Stored:
    """The line was accepted: 201 created, 200 replaced, 204 deleted.

    Without `changed` all was already as the line wants it.
    """

    status: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The line was refused, with the status, code and text of the same request over HTTP.

    With `may_resolve` it names a record that may still come: a sender may ask to wait for it.
    """

    status: int
    code_minor: str
    description: str
    may_resolve: bool = False


Outcome = Stored | Refused
