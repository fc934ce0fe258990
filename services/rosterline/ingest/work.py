"""Works units of commands off: looks up, decides, stores documents and verdicts in one transaction.

The district's one worker. A command that has its verdict changes nothing a second time; whoever
calls this tells the verdicts, once they are committed.
"""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import asyncpg

from rosterline.events.commands import FINAL
from rosterline.ingest.cases import Case, Settled, decided_before, is_open, new_case, waiting_anew
from rosterline.ingest.command import Command, Name
from rosterline.ingest.connections import Connections, LastTold, narrowed
from rosterline.ingest.dead_letters import end_letters
from rosterline.ingest.gather import gather
from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Key, Refused
from rosterline.ingest.store import (
    fetch_known,
    keep_commands,
    write_documents,
)
from rosterline.ingest.unit import Decisions, Job, Task, allowed_lines, decide_all, lines_of
from rosterline.ingest.verdicts import Kept, judged, kept_of, refuse_all
from rosterline.ingest.waiting import (
    Waiting,
    drop_waiting,
    fetch_concerned,
    fetch_due,
    fetch_moved,
    fetch_next,
    fetch_unfinished,
    has_waiting,
    keep_waiting,
)
from rosterline.oneroster.stamps import format_stamp
from rosterline.telemetry import failpoints

MOST_TRANSACTIONS: Final = 3
# Few enough that all of them are of the largest that are taken, with what is stored of them.
LOOKED_AT: Final = 100
UNKNOWN_APP: Final = Refused(403, "forbidden", "There is no connection of this name.")
GIVEN_UP: Final = Refused(
    500, "internal_server_error", "This could not be decided for a fault of ours: send it again."
)


class Worker:
    """What it takes to decide commands."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        last_told: LastTold,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        revision: int | None = None,
    ) -> None:
        self.connection = connection
        self.connections = Connections(connection, last_told)
        self.now = now
        self.new_id = new_id
        # The last revision that was committed.
        self.revision = revision
        self.may_have_waiting = True
        self.looked_until = 0
        self.looked_at: tuple[datetime | None, int | None] | None = None

    async def work(
        self, commands: Sequence[Command], overtaken: frozenset[Key] = frozenset()
    ) -> Settled:
        """Decide commands, in order; `overtaken` records were written since they came."""
        return await self.transact(lambda carefully: self.settle(commands, overtaken, carefully))

    async def look(self, most: int = LOOKED_AT, *, given_up: bool = False) -> Settled:
        """Decide again lines whose time is over, or the next of the others; who must wait is left.

        What is `given_up` is refused: it cannot be decided, which is no fault of the sender's.
        """
        due = await fetch_due(self.connection, self.now(), most)
        found = due or await fetch_next(self.connection, self.looked_until, most)
        settled = await self.transact(
            lambda carefully: self.settle_waiting(found, carefully, given_up=given_up)
        )
        if not due:
            self.looked_until = found[-1].place if len(found) == most else 0
        return settled

    async def transact(self, settle: Callable[[bool], Awaitable[Settled]]) -> Settled:
        """One transaction, and another if somebody took a result's place meanwhile."""
        numbers, revision, attempt = dict(self.connections.numbers), self.revision, 0
        while True:
            attempt += 1
            try:
                async with self.connection.transaction():
                    settled = await settle(attempt > 1)
                    failpoints.reach(failpoints.INGEST_BEFORE_COMMIT)
            except BaseException as error:
                self.connections.numbers, self.revision = dict(numbers), revision
                is_taken = isinstance(error, asyncpg.UniqueViolationError)
                if attempt == MOST_TRANSACTIONS or not is_taken:
                    raise
            else:
                failpoints.reach(failpoints.INGEST_AFTER_COMMIT)
                return settled

    async def settle(
        self, commands: Sequence[Command], overtaken: frozenset[Key], carefully: bool
    ) -> Settled:
        """Within a transaction: what is not decided yet."""
        known = await fetch_known(self.connection, {command.name for command in commands})
        fresh: dict[Name, Command] = {}
        for command in commands:
            if is_open(command, known):
                fresh.setdefault(command.name, command)
        senders = await self.connections.find(command.app for command in fresh.values())
        cases: list[Case] = []
        strangers: list[Kept] = []
        for command in fresh.values():
            sender = senders[command.app]
            if sender is None:
                strangers.append(self.refuse_stranger(command))
            else:
                own = narrowed(sender, command.scopes)
                case = new_case(command, own, overtaken)
                cases.append(case.refused(GIVEN_UP) if command.is_dropped else case)
        allowed = allowed_lines(case.job for case in cases)
        before = await self.concerned({line.key for line in allowed})
        settled = await self.decide([*before, *cases], carefully=carefully)
        await keep_commands(self.connection, strangers)
        letters = [each.letter_id for each in commands if each.letter_id is not None]
        await end_letters(self.connection, letters)
        settled.kept = known | settled.kept | {kept.name: kept for kept in strangers}
        return settled

    async def settle_waiting(
        self, found: Sequence[Waiting], carefully: bool, *, given_up: bool
    ) -> Settled:
        """Within a transaction: lines that wait."""
        cases = await self.old_cases(found)
        if given_up:
            cases = [case.refused(GIVEN_UP) for case in cases]
        return await self.decide(cases, carefully=carefully)

    async def is_worth_a_look(self) -> bool:
        """Whether lines that wait may go on: something was written, or a time is over."""
        if not self.may_have_waiting:
            return False
        if not await has_waiting(self.connection):
            self.may_have_waiting = False
            return False
        stamp, is_due = await fetch_moved(self.connection, self.now())
        state = stamp, self.revision
        if self.looked_until == 0 and state == self.looked_at and not is_due:
            return False
        if self.looked_until == 0:
            self.looked_at = state
        return True

    async def decide(self, cases: list[Case], *, carefully: bool) -> Settled:
        """Decide the cases' lines, and store what came of it."""
        now = self.now()
        decisions, revision = await self.apply_rules(cases, now, carefully=carefully)
        waiting = waiting_anew(cases, decisions)
        self.may_have_waiting |= await keep_waiting(self.connection, waiting)
        await drop_waiting(self.connection, decided_before(cases, decisions))
        old = [case.job.name for case in cases if not case.is_new]
        unfinished = await fetch_unfinished(self.connection, old)
        unfinished |= {name for name, _ in waiting}
        settled = Settled()
        for case, found in zip(cases, decisions, strict=True):
            if not case.is_new and not found.decided:
                continue
            verdict = judged(
                case.kept.verdict,
                found.decided,
                waiting=case.job.name in unfinished,
                revision=revision or self.revision,
                now=format_stamp(now),
            )
            kept = await self.connections.numbered(replace(case.kept, verdict=verdict))
            settled.kept[kept.name] = kept
            if verdict.state in FINAL:
                settled.decided.append(kept)
        await keep_commands(self.connection, settled.kept.values())
        self.revision = revision or self.revision
        return settled

    async def apply_rules(
        self, cases: Sequence[Case], now: datetime, *, carefully: bool
    ) -> tuple[list[Decisions], int | None]:
        """What becomes of each case, with the revision under which documents were written."""
        jobs = [case.job for case in cases]
        lines, ledger = lines_of(jobs), Ledger()
        while needs := ledger.missing(lines):
            ledger.learn(needs, await gather(self.connection, needs))
        decisions = decide_all(jobs, ledger, self.new_id, now)
        documents = ledger.changes()
        if not documents:
            return decisions, None
        return decisions, await write_documents(self.connection, documents, carefully=carefully)

    async def concerned(self, keys: Collection[Key]) -> list[Case]:
        """Lines that wait and are about these records: they come first, and wait no longer."""
        if not self.may_have_waiting:
            return []
        found = await fetch_concerned(self.connection, keys)
        return await self.old_cases(found, last_chance=True)

    async def old_cases(self, found: Sequence[Waiting], *, last_chance: bool = False) -> list[Case]:
        """The commands of lines that wait; those of a connection that was removed are gone."""
        if not found:
            return []
        known = await fetch_known(self.connection, {each.name for each in found})
        found = [each for each in found if each.name in known]
        senders = await self.connections.find(each.name[0] for each in found)
        tasks: dict[Name, list[Task]] = defaultdict(list)
        for each in found:
            sender = senders[each.name[0]]
            if sender is None:
                tasks[each.name].append(Task(each.number, each.key, refused=UNKNOWN_APP))
            else:
                tasks[each.name].append(each.task(sender, last_chance=last_chance))
        return [
            Case(known[name], Job(name, tuple(own)), is_new=False) for name, own in tasks.items()
        ]

    def refuse_stranger(self, command: Command) -> Kept:
        """The verdict on a command of no connection, which is told to nobody."""
        kept = kept_of(command)
        verdict = judged(
            kept.verdict,
            refuse_all(command, UNKNOWN_APP),
            waiting=False,
            revision=None,
            now=format_stamp(self.now()),
        )
        return replace(kept, verdict=verdict, is_told=False)
