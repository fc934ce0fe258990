"""Messages of stream INGEST as they are delivered, and the runs in which they are worked off."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg

from rosterline.ingest.command import Arrival, Command
from rosterline.ingest.entries import MOST_LINES
from rosterline.ingest.intake import Intake

Acknowledge = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and the command that it is; None for what cannot be read.

    `acknowledge` says that it is seen through.
    """

    arrival: Arrival
    command: Command | None
    acknowledge: Acknowledge

    @property
    def sequence(self) -> int:
        """Its place in the stream."""
        return self.arrival.sequence

    @property
    def is_apart(self) -> bool:
        """Whether it is worked off by itself: who knows what it is, or what came before it?"""
        return self.command is None or self.command.letter_id is not None

    @property
    def lines(self) -> int:
        """How many there are."""
        return 1 if self.command is None else len(self.command.lines)


def delivered(message: Msg, intake: Intake) -> Delivery:
    """A message as we know it."""
    metadata = message.metadata
    arrival = Arrival(
        metadata.sequence.stream,
        message.subject,
        message.headers or {},
        message.data,
        metadata.timestamp,
    )
    return _understood(arrival, intake, message.ack)


def read_out(message: RawStreamMsg, intake: Intake, acknowledge: Acknowledge) -> Delivery:
    """A message that was read out of the stream, because it cannot be delivered."""
    arrival = Arrival(
        message.seq or 0,
        message.subject or "",
        message.headers or {},
        message.data or b"",
        message.time or datetime.now(UTC),
    )
    return _understood(arrival, intake, acknowledge)


def _understood(arrival: Arrival, intake: Intake, acknowledge: Acknowledge) -> Delivery:
    try:
        return Delivery(arrival, intake.read(arrival), acknowledge)
    except Exception:  # noqa: BLE001 - read again when it is its turn, and judged there
        return Delivery(arrival, None, acknowledge)


def units(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """The messages in runs of bounded size."""
    unit: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        if unit and (delivery.is_apart or size + delivery.lines > MOST_LINES):
            yield unit
            unit, size = [], 0
        unit.append(delivery)
        size = MOST_LINES if delivery.is_apart else size + delivery.lines
    if unit:
        yield unit
