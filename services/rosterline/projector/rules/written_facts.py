"""What the rules for written documents must know of the records around them. Pure.

All ids are 1.2's. What is not named here does not exist, or not yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rosterline.oneroster.vocabulary import Entity
from rosterline.projector.rules.schools import Schools


@dataclass(frozen=True, slots=True)
class StudentFacts:
    """A user who has results: the schools of the user's record, and the user's id in 1.1."""

    schools: Schools | None
    v1p1_id: str | None


@dataclass(frozen=True, slots=True)
class LineItemFacts:
    """A line item that has results: its class, and whether 1.1 has it too."""

    class_id: str
    in_v1p1: bool


@dataclass(frozen=True, slots=True)
class WrittenFacts:
    """What stands around written documents.

    `grading_periods` holds of each academic session the grading period that stands for it: itself,
    or a term's child. `links` holds of each resource the ids that are linked to it.
    """

    class_schools: Mapping[str, str] = field(default_factory=dict)
    students: Mapping[str, StudentFacts] = field(default_factory=dict)
    line_items: Mapping[str, LineItemFacts] = field(default_factory=dict)
    grading_periods: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[Entity, frozenset[str]]] = field(default_factory=dict)
