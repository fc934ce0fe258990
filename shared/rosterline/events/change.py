"""Change events of stream ONEROSTER: CloudEvents 1.0 in binary mode, carried by the outbox.

The projector writes an event into PostgreSQL's WAL as `outbox_text`; capture reads it back with
`parse_outbox` and publishes subject, headers and data as they are.
"""

import json
from dataclasses import dataclass
from typing import Literal

import orjson

from rosterline.oneroster.vocabulary import Entity, Version

OUTBOX_PREFIX = "rosterline"
SECONDARY_EMAIL = "Rosterline-Secondary-Email"
Operation = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """One record's change. `data` is the JSON that a GET of the record answered at `time`.

    `sequence` counts a district's events without gaps; `transaction` names the source transaction,
    `index` the event's place in it, and `last` marks its end. `secondary_email` is the user's where
    it differs from the email shown: some connections show it instead.
    """

    epoch: str
    sequence: int
    district: str
    version: Version
    entity: Entity
    operation: Operation
    sourced_id: str
    time: str
    transaction: str
    index: int
    last: bool
    data: str
    secondary_email: str | None = None

    @property
    def id(self) -> str:
        """Stable for ever: the same on every retry and at every door."""
        return f"{self.epoch}-{self.sequence}"

    @property
    def subject(self) -> str:
        """The NATS subject."""
        entity, operation = self.entity.value, self.operation
        return f"oneroster.{self.district}.{self.version}.{entity}.{operation}"

    def headers(self) -> dict[str, str]:
        """CloudEvents attributes as NATS headers (binary mode)."""
        attributes = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-type": f"rosterline.{self.version}.{self.entity.value}.{self.operation}",
            "ce-source": f"urn:rosterline:{self.district}",
            "ce-subject": self.sourced_id,
            "ce-time": self.time,
            "ce-sequence": f"{self.sequence:020d}",
            "ce-partitionkey": self.sourced_id,
            "ce-transactionid": self.transaction,
            "ce-transactionindex": str(self.index),
            "ce-transactionlast": "true" if self.last else "false",
            "ce-dataschema": f"urn:rosterline:schema:{self.version}:{self.entity.single}:1",
            "content-type": "application/json",
        }
        if self.secondary_email is not None:
            # Headers are ASCII only; JSON can be.
            attributes[SECONDARY_EMAIL] = json.dumps(self.secondary_email)
        return attributes

    def outbox_text(self) -> str:
        """The event as one logical message: a JSON line of subject and headers, then the data."""
        head = orjson.dumps([self.subject, self.headers()]).decode()
        return f"{head}\n{self.data}"


def parse_outbox(content: bytes) -> tuple[str, dict[str, str], bytes]:
    """Subject, headers and data of a logical message.

    Raises ValueError when the message was not written by `outbox_text`.
    """
    head, newline, data = content.partition(b"\n")
    if not newline:
        raise ValueError("an outbox message without data")
    subject, headers = orjson.loads(head)
    return subject, headers, data
