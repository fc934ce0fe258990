"""What a rule answers: a record, or the reason why there is none. `explain` shows the latter."""

from dataclasses import dataclass

from rosterline.oneroster.v1p2 import Record


@dataclass(frozen=True, slots=True)
class KeptOut:
    """No record: the rule that decided (a stable word), why, and what to change in the SIS."""

    rule: str
    because: str
    remedy: str


Verdict = Record | KeptOut
