"""Takes messages of stream INGEST in, in the stream's order, and sees each through to its end.

What waits is worked off together, told, and then acknowledged. Nothing is acknowledged before what
came of it is committed, and nothing is worked off behind a message that is still on its way.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import asyncpg
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from rosterline.bus.connection import BusUnreachableError
from rosterline.bus.relay import FencedError, PublishError
from rosterline.bus.topology import INGEST
from rosterline.db.pools import LOST_CONNECTION
from rosterline.events.commands import ANSWER_HEADER, FINAL
from rosterline.ingest.cases import Settled
from rosterline.ingest.command import Arrival, Command
from rosterline.ingest.dead_letters import (
    DIED,
    bury,
    bury_again,
    fetch_overtaken,
    find_letter,
    forget_attempts,
    note_attempts,
    reason_of,
    were_begun,
)
from rosterline.ingest.entries import MOST_LINES
from rosterline.ingest.fetching import Fetcher
from rosterline.ingest.intake import Intake, NoCommandError
from rosterline.ingest.lines import Key
from rosterline.ingest.telling import Teller
from rosterline.ingest.verdicts import key_of
from rosterline.ingest.work import Worker
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 3


class LostMessagesError(Exception):
    """A message was lost on its way to us: what comes behind it must come again."""


TRANSIENT: Final = (
    *LOST_CONNECTION,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    NatsError,
    BusUnreachableError,
    FencedError,
    PublishError,
    LostMessagesError,
)
"""What passes by itself: connect again, and go on where the acknowledgements end."""


@dataclass(slots=True)
class Suspects:
    """Messages that a worker may have died of, for the life of this process.

    Those up to `until` were begun by one that is gone. `passed` counts attempts that were broken
    off because a server was away, which says nothing of the message.
    """

    until: int | None = None
    passed: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Delivery:
    """A message, and the command that it is, where that can be said."""

    message: Msg
    arrival: Arrival
    command: Command | None = None


class Reception:
    """Where messages arrive; `turn` lets one unit be worked off at a time."""

    def __init__(
        self,
        worker: Worker,
        teller: Teller,
        intake: Intake,
        fetcher: Fetcher,
        suspects: Suspects,
        *,
        seen: int,
    ) -> None:
        self.worker = worker
        self.teller = teller
        self.intake = intake
        self.fetcher = fetcher
        self.suspects = suspects
        self.seen = seen
        self.turn = asyncio.Lock()
        self.written = asyncio.Event()

    async def receive(self, first: Msg) -> None:
        """See a message through, and all that wait behind it; raises one of TRANSIENT."""
        async with self.turn:
            arrived = [first]
            if first.metadata.num_pending:
                arrived += await self.fetcher.fetch()
            failpoints.reach(failpoints.INGEST_AFTER_FETCH)
            deliveries = [self.deliver(message) for message in sorted(arrived, key=sequence_of)]
            await self.refuse_gaps(deliveries)
            for unit in units(deliveries):
                await self.see_through(unit)

    async def look(self) -> bool:
        """Decide some of what waits again, where that is worth it; whether that got on."""
        async with self.turn:
            if not await self.worker.is_worth_a_look():
                return False
            settled = await self.look_again()
            await self.teller.tell(settled.decided)
            return bool(settled.kept)

    async def look_again(self) -> Settled:
        """One look; what cannot be decided is given up, so that the rest goes on."""
        try:
            return await self.worker.look()
        except TRANSIENT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop all others
            log.error("ingest.failed", waiting=True, reason=reason_of(error))  # noqa: TRY400 - a traceback may show what a line holds
        try:
            return await self.worker.look(1)
        except TRANSIENT:
            raise
        except Exception:  # noqa: BLE001 - as above
            return await self.worker.look(1, given_up=True)

    def deliver(self, message: Msg) -> Delivery:
        """A message as we know it; one that cannot be read has no command."""
        arrival = Arrival(
            sequence_of(message),
            message.subject,
            message.headers or {},
            message.data,
            message.metadata.timestamp,
        )
        try:
            return Delivery(message, arrival, self.intake.read(arrival))
        except Exception:  # noqa: BLE001 - read again when it is its turn, and judged there
            return Delivery(message, arrival)

    async def refuse_gaps(self, deliveries: Sequence[Delivery]) -> None:
        """Raise LostMessagesError if one is missing that the stream still holds."""
        for delivery in deliveries:
            sequence = delivery.arrival.sequence
            if sequence > self.seen + 1:
                following = await self.fetcher.following(self.seen + 1)
                if following is not None and following < sequence:
                    raise LostMessagesError(f"message {following} of stream {INGEST} did not come")
            self.seen = max(self.seen, sequence)

    async def see_through(self, unit: Sequence[Delivery]) -> None:
        """Work messages off together; one by one if they may have killed a worker, or fail."""
        suspects = [one.arrival.sequence for one in unit if self.is_suspect(one)]
        stream = self.intake.stream
        if not suspects or not await were_begun(self.worker.connection, stream, suspects):
            if suspects:
                await self.begin(suspects)
            try:
                await self.work_off(unit)
            except TRANSIENT:
                self.suspects.passed.update(suspects)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop all others
                log.error("ingest.failed", messages=len(unit), reason=reason_of(error))  # noqa: TRY400 - a traceback may show what a message holds
            else:
                await self.end(suspects)
                return
        for delivery in unit:
            await self.see_one_through(delivery)

    async def see_one_through(self, delivery: Delivery) -> None:
        """Work a message off by itself, or put it aside after some attempts."""
        sequence, reason = delivery.arrival.sequence, DIED
        while (await self.begin([sequence]))[sequence] <= MOST_ATTEMPTS:
            try:
                await self.work_off([delivery])
            except TRANSIENT:
                self.suspects.passed[sequence] += 1
                raise
            except Exception as error:  # noqa: BLE001 - counted, and told to the operator
                reason = reason_of(error)
            else:
                break
        else:
            await self.put_aside(delivery, reason)
        await self.end([sequence])

    def is_suspect(self, delivery: Delivery) -> bool:
        """Whether a worker may have died of it."""
        return delivery.command is None or delivery.arrival.sequence <= (self.suspects.until or 0)

    async def begin(self, sequences: Collection[int]) -> dict[int, int]:
        """Note that messages are begun; how often they were, but for what was broken off."""
        noted = await note_attempts(self.worker.connection, self.intake.stream, sequences)
        return {
            sequence: count - self.suspects.passed[sequence] for sequence, count in noted.items()
        }

    async def end(self, sequences: Sequence[int]) -> None:
        """Forget attempts at what is worked off."""
        if sequences:
            stream = self.intake.stream
            await forget_attempts(self.worker.connection, stream, sequences[-1])

    async def work_off(self, unit: Sequence[Delivery]) -> None:
        """Decide what was delivered, tell it, and acknowledge it."""
        commands = [command for one in unit if (command := await self.command_of(one))]
        if commands:
            overtaken = await self.overtaken(commands)
            settled = await self.worker.work(commands, overtaken)
            await self.tell(commands, settled)
            if self.worker.may_have_waiting:
                self.written.set()
        failpoints.reach(failpoints.INGEST_BEFORE_ACK)
        for delivery in unit:
            await delivery.message.ack()

    async def command_of(self, delivery: Delivery) -> Command | None:
        """The command that is to be decided; None for what is none, or no longer to be decided."""
        sequence = delivery.arrival.sequence
        try:
            command = delivery.command or self.intake.read(delivery.arrival)
        except NoCommandError as error:
            log.warning("ingest.no_command", sequence=sequence, reason=str(error))
            return None
        if command.letter_id is None:
            return command
        letter = await find_letter(self.worker.connection, command.letter_id, command.app)
        if letter is None:
            log.info("ingest.letter_gone", sequence=sequence, letter=command.letter_id)
            return None
        return replace(command, command_id=letter.command_id, received=letter.received_at)

    async def overtaken(self, commands: Sequence[Command]) -> frozenset[Key]:
        """Records that were written since a command on them was put aside."""
        found: frozenset[Key] = frozenset()
        for command in commands:
            if command.letter_id is not None:
                keys = {key for line in command.lines if (key := key_of(line))}
                found |= await fetch_overtaken(self.worker.connection, keys, command.letter_id)
        return found

    async def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Keep a message as a dead letter; what comes behind it goes on."""
        arrival, command = delivery.arrival, delivery.command
        connection = self.worker.connection
        letter_id = None if command is None else command.letter_id
        if letter_id is not None:
            await bury_again(connection, letter_id, reason)
        else:
            name = self.intake.app_of(arrival), self.intake.command_id_of(arrival)
            lines = 1 if command is None else len(command.lines)
            is_told = ANSWER_HEADER not in arrival.headers
            await bury(connection, arrival, name, reason, lines=lines, is_told=is_told)
        log.error("ingest.put_aside", sequence=arrival.sequence, reason=reason)
        await delivery.message.ack()

    async def tell(self, commands: Sequence[Command], settled: Settled) -> None:
        """Answer who waits, also a second time, and publish what is decided now."""
        for command in commands:
            kept = settled.kept[command.name]
            if command.answer is not None and kept.verdict.state in FINAL:
                await self.teller.answer(command.answer, kept.verdict)
        await self.teller.tell(settled.decided)


def sequence_of(message: Msg) -> int:
    """A message's place in the stream."""
    return message.metadata.sequence.stream


def units(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """The messages in runs of bounded size; what was sent again by an operator is by itself."""
    unit: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        command = delivery.command
        is_special = command is None or command.letter_id is not None
        lines = 1 if command is None else len(command.lines)
        if unit and (is_special or size + lines > MOST_LINES):
            yield unit
            unit, size = [], 0
        unit.append(delivery)
        size = MOST_LINES if is_special else size + lines
    if unit:
        yield unit
