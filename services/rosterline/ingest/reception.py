"""Takes messages of stream INGEST in, in the stream's order, and sees each through to its end.

What waits is worked off together, told, and then acknowledged. Nothing is acknowledged before what
came of it is committed, and nothing is worked off behind a message that is still on its way.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
from nats.aio.msg import Msg

from rosterline.bus.topology import INGEST
from rosterline.events.commands import ANSWER_HEADER, FINAL
from rosterline.ingest.attempts import Attempts
from rosterline.ingest.cases import Settled
from rosterline.ingest.command import Command
from rosterline.ingest.dead_letters import (
    DIED,
    bury,
    bury_again,
    fetch_overtaken,
    find_letter,
    reason_of,
)
from rosterline.ingest.deliveries import Delivery, delivered, read_out, units
from rosterline.ingest.errors import TRANSIENT, LostMessagesError, SameFaultError
from rosterline.ingest.fetching import Fetcher
from rosterline.ingest.intake import Intake, NoCommandError
from rosterline.ingest.lines import Key
from rosterline.ingest.telling import Teller
from rosterline.ingest.verdicts import key_of
from rosterline.ingest.work import Worker
from rosterline.telemetry import failpoints

log = structlog.get_logger(__name__)

# A message that is lost on its way once may come the next time.
MOST_MISSES: Final = 2
# Behind as many letters of one kind, and nothing else, the next message would be one, too.
MOST_ALIKE: Final = 5


class Reception:
    """Where messages arrive; `turn` lets one unit be worked off at a time."""

    def __init__(
        self,
        worker: Worker,
        teller: Teller,
        intake: Intake,
        fetcher: Fetcher,
        attempts: Attempts,
        *,
        seen: int,
    ) -> None:
        self.worker = worker
        self.teller = teller
        self.intake = intake
        self.fetcher = fetcher
        self.attempts = attempts
        self.seen = seen
        self.turn = asyncio.Lock()
        self.written = asyncio.Event()
        # The reasons of letters since anything went well.
        self.reasons: deque[str] = deque(maxlen=MOST_ALIKE)

    async def receive(self, first: Msg) -> None:
        """See a message through, and all that wait behind it; raises one of TRANSIENT."""
        async with self.turn:
            arrived = [first]
            if first.metadata.num_pending:
                arrived += await self.fetcher.fetch()
            failpoints.reach(failpoints.INGEST_AFTER_FETCH)
            deliveries = [delivered(message, self.intake) for message in arrived]
            deliveries.sort(key=lambda delivery: delivery.sequence)
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

    async def refuse_gaps(self, deliveries: Sequence[Delivery]) -> None:
        """Raise LostMessagesError if one is missing that the stream still holds."""
        for delivery in deliveries:
            if delivery.sequence > self.seen + 1:
                await self.miss(delivery.sequence)
            self.seen = max(self.seen, delivery.sequence)

    async def miss(self, before: int) -> None:
        """Raise LostMessagesError if the stream holds a message between what came and `before`."""
        following = await self.fetcher.following(self.seen + 1)
        if following is None or following.seq is None or following.seq >= before:
            return
        self.attempts.suspects.missed[following.seq] += 1
        raise LostMessagesError(f"message {following.seq} of stream {INGEST} did not come")

    async def take_undelivered(self) -> None:
        """See messages through that do not come, however often the consumer is made anew.

        The client takes one with a header `Status` for the server's own word, and hands it to
        nobody. All before it is acknowledged.
        """
        missed = self.attempts.suspects.missed
        while (found := await self.fetcher.following(self.seen + 1)) is not None:
            sequence = found.seq or 0
            if missed[sequence] < MOST_MISSES:
                return
            log.warning("ingest.undelivered", sequence=sequence)
            acknowledge = partial(self.fetcher.delete, sequence)
            await self.see_through([read_out(found, self.intake, acknowledge)])
            self.seen = sequence
            del missed[sequence]

    async def see_through(self, unit: Sequence[Delivery]) -> None:
        """Work messages off together; one by one if they may have killed a worker, or fail."""
        suspicious = self.attempts.suspicious(unit)
        if await self.attempts.may_be_together(suspicious):
            try:
                commands, settled = await self.decide(unit)
            except TRANSIENT:
                self.attempts.pass_over(suspicious)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop all others
                log.error("ingest.failed", messages=len(unit), reason=reason_of(error))  # noqa: TRY400 - a traceback may show what a message holds
            else:
                await self.end(unit, commands, settled)
                await self.attempts.end(suspicious)
                return
        for delivery in unit:
            await self.see_one_through(delivery)

    async def see_one_through(self, delivery: Delivery) -> None:
        """Work a message off by itself, or put it aside after some attempts."""
        sequence, reason = delivery.sequence, DIED
        while await self.attempts.may_go_on(sequence):
            try:
                commands, settled = await self.decide([delivery])
            except TRANSIENT:
                self.attempts.pass_over([sequence])
                raise
            except Exception as error:  # noqa: BLE001 - counted, and told to the operator
                reason = reason_of(error)
            else:
                await self.end([delivery], commands, settled)
                break
        else:
            await self.put_aside(delivery, reason)
        await self.attempts.end([sequence])

    async def decide(self, unit: Sequence[Delivery]) -> tuple[list[Command], Settled]:
        """Decide what was delivered, and commit it."""
        commands = [command for one in unit if (command := await self.command_of(one))]
        if not commands:
            return [], Settled()
        return commands, await self.worker.work(commands, await self.overtaken(commands))

    async def end(
        self, unit: Sequence[Delivery], commands: Sequence[Command], settled: Settled
    ) -> None:
        """Tell what is committed, and acknowledge it."""
        self.reasons.clear()
        for command in commands:
            kept = settled.kept[command.name]
            if command.answer is not None and kept.verdict.state in FINAL:
                await self.teller.answer(command.answer, kept.verdict)
        await self.teller.tell(settled.decided)
        if self.worker.may_have_waiting:
            self.written.set()
        failpoints.reach(failpoints.INGEST_BEFORE_ACK)
        for delivery in unit:
            await delivery.acknowledge()

    async def command_of(self, delivery: Delivery) -> Command | None:
        """The command that is to be decided; None for what is none."""
        try:
            command = delivery.command or self.intake.read(delivery.arrival)
        except NoCommandError as error:
            log.warning("ingest.no_command", sequence=delivery.sequence, reason=str(error))
            return None
        if command.letter_id is None:
            return command
        letter = await find_letter(self.worker.connection, command.letter_id, command.name)
        if letter is None:
            # It was worked off since, or there never was one.
            return replace(command, letter_id=None, is_dropped=False)
        return replace(command, received=letter.received_at)

    async def overtaken(self, commands: Sequence[Command]) -> frozenset[Key]:
        """Records that were written since a command on them was put aside."""
        found: frozenset[Key] = frozenset()
        for command in commands:
            if command.letter_id is not None:
                keys = {key for line in command.lines if (key := key_of(line))}
                found |= await fetch_overtaken(self.worker.connection, keys, command.letter_id)
        return found

    async def put_aside(self, delivery: Delivery, reason: str) -> None:
        """Keep a message as a dead letter; what comes behind it goes on.

        Raises SameFaultError where that would put the whole stream aside.
        """
        name = self.intake.name_of(delivery.arrival)
        if name[0] and self.reasons.count(reason) == MOST_ALIKE:
            await self.attempts.end([delivery.sequence])
            raise SameFaultError(
                f"{MOST_ALIKE} messages in a row were put aside for one reason, which is no fault "
                f"of theirs: {reason}; mend that, then `rosterline ingest redrive --all`"
            )
        arrival, command = delivery.arrival, delivery.command
        connection = self.worker.connection
        asked = None if command is None else command.letter_id
        if command and (letter := await find_letter(connection, asked, command.name)):
            await bury_again(connection, letter.letter_id, reason)
        else:
            lines = 1 if command is None else len(command.lines)
            is_told = ANSWER_HEADER not in arrival.headers
            await bury(connection, arrival, name, reason, lines=lines, is_told=is_told)
        self.reasons.append(reason)
        log.error("ingest.put_aside", sequence=delivery.sequence, reason=reason)
        await delivery.acknowledge()
