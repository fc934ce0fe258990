"""Decides the lines of a unit one after the other, on one ledger. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rosterline.events.commands import NOTHING_STORED
from rosterline.ingest.command import Command, Entry, Malformed, Name
from rosterline.ingest.facts import Found, Needs
from rosterline.ingest.ledger import Ledger
from rosterline.ingest.lines import Key, Line, Outcome, Refused, Sender
from rosterline.ingest.rules.decide import decide
from rosterline.ingest.rules.scopes import may_not
from rosterline.ingest.verdicts import key_of

OVERTAKEN = Refused(422, "invaliddata", "A later command on this record was stored.")


@dataclass(frozen=True, slots=True)
class Task:
    """A line to be decided, or one that is decided already; `until` is how long it may wait."""

    number: int
    key: Key | None
    line: Line | None = None
    refused: Refused | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Lines of one command, to be decided together."""

    name: Name
    tasks: tuple[Task, ...]
    is_atomic: bool = False


@dataclass(slots=True)
class Decisions:
    """What became of a job's lines: those that are decided, and those that wait."""

    decided: dict[int, tuple[Key | None, Outcome]] = field(default_factory=dict)
    waiting: list[Task] = field(default_factory=list)


def job_of(command: Command, sender: Sender, overtaken: frozenset[Key] = frozenset()) -> Job:
    """What a command asks for; `overtaken` records were written since it was put aside."""
    until = command.received + command.wait if command.wait else None
    tasks = (task_of(line, command, sender, overtaken, until=until) for line in command.lines)
    return Job(command.name, tuple(tasks), command.is_atomic)


def task_of(
    line: Entry | Malformed,
    command: Command,
    sender: Sender,
    overtaken: frozenset[Key],
    *,
    until: datetime | None,
) -> Task:
    """One of its lines."""
    key = key_of(line)
    if isinstance(line, Malformed):
        return Task(line.number, key, refused=line.refused)
    if key in overtaken:
        return Task(line.number, key, refused=OVERTAKEN)
    asked = Line(sender, line.operation, line.entity, line.sourced_id, command.received, line.body)
    return Task(line.number, key, asked, until=until)


def lines_of(jobs: Iterable[Job]) -> list[Line]:
    """All lines that the rules must decide."""
    tasks = (task for job in jobs for task in job.tasks)
    return [task.line for task in tasks if task.line is not None and task.refused is None]


def allowed_lines(jobs: Iterable[Job]) -> list[Line]:
    """Those of the lines whose senders have a scope for them, were the records new."""
    lines, blank = lines_of(jobs), Ledger()
    blank.learn(Needs(documents={line.key for line in lines}), Found())
    return [line for line in lines if may_not(line, blank) is None]


def decide_all(
    jobs: Sequence[Job], ledger: Ledger, new_id: Callable[[], str], now: datetime
) -> list[Decisions]:
    """What becomes of each job, in order; the ledger has learned all that the lines need.

    A line may wait only as long as no later one concerns the same record; one of somebody whom no
    scope allows that does not count.
    """
    last: dict[Key, Line] = {line.key: line for line in allowed_lines(jobs)}
    found: list[Decisions] = []
    for job in jobs:
        mark = ledger.mark()
        decisions = Decisions()
        for task in job.tasks:
            outcome = task.refused or decide_one(task, ledger, new_id)
            if may_wait(task, outcome, last, now):
                decisions.waiting.append(task)
            else:
                decisions.decided[task.number] = task.key, outcome
        if job.is_atomic and refuse_together(decisions):
            ledger.rollback(mark)
        found.append(decisions)
    return found


def decide_one(task: Task, ledger: Ledger, new_id: Callable[[], str]) -> Outcome:
    """What the rules say."""
    if task.line is None:
        raise ValueError(f"line {task.number} is neither decided nor to be decided")
    return decide(task.line, ledger, new_id)


def may_wait(task: Task, outcome: Outcome, last: Mapping[Key, Line], now: datetime) -> bool:
    """Whether a refusal is not the last word yet."""
    if not isinstance(outcome, Refused) or not outcome.may_resolve:
        return False
    if task.line is None or task.until is None or task.until <= now:
        return False
    return last.get(task.line.key) is task.line


def refuse_together(decisions: Decisions) -> bool:
    """Refuse all lines of a job that stands or falls as one, if any is refused."""
    refused = [
        number for number, (_, outcome) in decisions.decided.items() if isinstance(outcome, Refused)
    ]
    if not refused:
        return False
    fallen = Refused(422, "invaliddata", NOTHING_STORED.format(line=refused[0]))
    for number, (key, outcome) in decisions.decided.items():
        if not isinstance(outcome, Refused):
            decisions.decided[number] = key, fallen
    return True
