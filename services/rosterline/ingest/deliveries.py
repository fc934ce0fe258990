"""Messages of stream INGEST as they are delivered, and the runs in which they are worked off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nats.aio.msg import Msg

from rosterline.ingest.command import Arrival, Command
from rosterline.ingest.entries import MOST_LINES
from rosterline.ingest.intake import Intake


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and the command that it is; None for what cannot be read."""

    message: Msg
    arrival: Arrival
    command: Command | None

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
    try:
        return Delivery(message, arrival, intake.read(arrival))
    except Exception:  # noqa: BLE001 - read again when it is its turn, and judged there
        return Delivery(message, arrival, None)


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
