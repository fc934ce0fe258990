"""What became of a command's lines → its verdict. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rosterline.events.commands import Rejection, State, Verdict
from rosterline.ingest.command import Command, Entry, Malformed, Name
from rosterline.ingest.lines import Key, Outcome, Refused, Stored

Decided = Mapping[int, tuple[Key | None, Outcome]]
"""By the number of a line what it is about, where that is known, and what was decided."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A command as it stands, or is to stand, in the database.

    `number` is its verdict's among those that are told to its connection.
    """

    verdict: Verdict
    is_told: bool
    accepted_at: datetime
    number: int | None = None
    batch_id: str | None = None
    first_line: int = 1

    @property
    def name(self) -> Name:
        """Its connection, and that one's name for it."""
        return self.verdict.app, self.verdict.command


def undecided(command: Command) -> Verdict:
    """A command of which no line is decided yet."""
    return Verdict(
        command=command.command_id,
        app=command.app,
        state=State.WAITING,
        lines=len(command.lines),
        stored=0,
        decided_at="",
    )


def judged(
    before: Verdict, decided: Decided, *, waiting: bool, revision: int | None, now: str
) -> Verdict:
    """How the command stands, now that these lines are decided too; `waiting`: others are not."""
    outcomes = [outcome for _, outcome in decided.values()]
    stored = before.stored + sum(isinstance(outcome, Stored) for outcome in outcomes)
    rejections = [
        rejection_of(number, key, outcome)
        for number, (key, outcome) in decided.items()
        if isinstance(outcome, Refused)
    ]
    has_stored = stored > before.stored
    return before.model_copy(
        update={
            "state": State.WAITING if waiting else state_of(before.lines, stored),
            "stored": stored,
            "rejections": tuple(
                sorted((*before.rejections, *rejections), key=lambda rejection: rejection.line)
            ),
            "status": outcomes[0].status if before.lines == 1 and outcomes else None,
            "revision": revision if has_stored and revision is not None else before.revision,
            "decided_at": "" if waiting else now,
        }
    )


def state_of(lines: int, stored: int) -> State:
    """The state of a command all of whose lines are decided."""
    if stored == lines:
        return State.STORED
    return State.MIXED if stored else State.REJECTED


def rejection_of(number: int, key: Key | None, refused: Refused) -> Rejection:
    """A refused line as its sender reads it."""
    return Rejection(
        line=number,
        collection=key[0].value if key else None,
        sourced_id=key[1] if key else None,
        status=refused.status,
        code_minor=refused.code_minor,
        description=refused.description,
    )


def key_of(line: Entry | Malformed) -> Key | None:
    """The record that a line is about, where that can be understood."""
    return line.key if isinstance(line, Entry) else None


def refuse_all(command: Command, refused: Refused) -> Decided:
    """Every line of the command, refused for the same reason."""
    return {line.number: (key_of(line), refused) for line in command.lines}


def kept_of(command: Command) -> Kept:
    """A command as it is kept first."""
    return Kept(
        undecided(command),
        command.is_told,
        command.received,
        batch_id=command.batch_id,
        first_line=command.first_line,
    )
