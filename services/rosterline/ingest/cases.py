"""Commands with lines to be decided, and how they stand afterwards. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rosterline.events.commands import State
from rosterline.ingest.command import Command, Name
from rosterline.ingest.lines import Key, Refused, Sender
from rosterline.ingest.unit import Decisions, Job, Task, job_of
from rosterline.ingest.verdicts import Kept, kept_of


@dataclass(frozen=True, slots=True)
class Case:
    """A command that has lines to be decided, and how it stood before."""

    kept: Kept
    job: Job
    is_new: bool

    def refused(self, refused: Refused) -> "Case":
        """The case with all its lines refused."""
        tasks = tuple(replace(task, refused=refused) for task in self.job.tasks)
        return replace(self, job=replace(self.job, tasks=tasks))


@dataclass(slots=True)
class Settled:
    """How commands stand; `decided` are those that have their verdict only now, in order."""

    kept: dict[Name, Kept] = field(default_factory=dict)
    decided: list[Kept] = field(default_factory=list)


def is_open(command: Command, known: Mapping[Name, Kept]) -> bool:
    """Whether the command is still to be decided."""
    kept = known.get(command.name)
    if kept is None or kept.verdict.state is State.QUEUED:
        return True
    return kept.verdict.state is State.HELD and command.letter_id is not None


def new_case(command: Command, sender: Sender, overtaken: frozenset[Key]) -> Case:
    """A command none of whose lines is decided."""
    job = job_of(command, sender, overtaken)
    return Case(kept_of(command), job, is_new=True)


def decided_before(
    cases: Sequence[Case], decisions: Sequence[Decisions]
) -> Iterator[tuple[Name, int]]:
    """Lines that had been waiting, and are decided now."""
    for case, found in zip(cases, decisions, strict=True):
        if not case.is_new:
            yield from ((case.job.name, number) for number in found.decided)


def waiting_anew(cases: Sequence[Case], decisions: Sequence[Decisions]) -> list[tuple[Name, Task]]:
    """Lines that wait from now on."""
    return [
        (case.job.name, task)
        for case, found in zip(cases, decisions, strict=True)
        for task in found.waiting
        if case.is_new
    ]
