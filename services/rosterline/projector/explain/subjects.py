"""What somebody asks about: an id of one of several forms → the row that is meant. Pure.

A number is what the SIS numbers: of a person the person_id. Only where there is no such person it
is read as a student's number, and then as a staff member's.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import date

from rosterline.projector.explain.model import Kind

# Whatever has so many digits fits PostgreSQL's bigint.
NUMBER = re.compile(r"[0-9]{1,18}")
SOURCED_ID = re.compile(r"[stagrSTAGR]([0-9]{1,18})")
PLACE = re.compile(r"([rtRT])([0-9]{1,18})")
LONGEST = 100
HOW_TO_FIND = {
    "person": "give a person_id, a Person GUID, a 1.1 sourcedId such as s5, or a student or staff "
    "number",
    "section": "give a section_id, which is the sourcedId of the class",
    "school": "give a School GUID, which is the sourcedId of the org, or a state number",
    "course": "give a course_id, which is the sourcedId of the course",
    "enrollment": "give the sourcedId of the class enrollment: r and the roster_id, or t and the "
    "section_staff_id",
}


class ExplainError(Exception):
    """A question that has no answer; the message says why and what to do."""


class InvalidQuestionError(ExplainError):
    """The question itself cannot be right."""


class NothingFoundError(ExplainError):
    """The question is right, but nothing has this id or name."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about which subject, for which connection, as of which day."""

    kind: Kind
    id: str
    app: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Sought:
    """An id that was understood: the column that holds it, and its value there."""

    column: str
    value: int | str


def read_person(text: str) -> list[Sought]:
    """What an id of a person may mean, in the order in which it is looked for."""
    guid = read_guid(text)
    if guid is not None:
        return [Sought("person_guid", guid)]
    numbers = [Sought("student_number", text), Sought("staff_number", text)]
    if NUMBER.fullmatch(text):
        return [Sought("person_id", int(text)), *numbers]
    found = SOURCED_ID.fullmatch(text)
    if found is not None:
        return [Sought("sourced_id", int(found[1])), *numbers]
    return numbers


def read_number(kind: Kind, text: str) -> int:
    """The number of a section or course; raises InvalidQuestionError."""
    if NUMBER.fullmatch(text) is None:
        raise InvalidQuestionError(f"{text[:LONGEST]!r} is no {kind}: {HOW_TO_FIND[kind]}")
    return int(text)


def read_place(text: str) -> tuple[str, int]:
    """`r` or `t` and the number of a class enrollment; raises InvalidQuestionError."""
    found = PLACE.fullmatch(text)
    if found is not None:
        return found[1].lower(), int(found[2])
    if NUMBER.fullmatch(text):
        raise InvalidQuestionError(
            f"{text} may be a roster row or a section_staff row: ask for r{text} or t{text}. "
            "A row of the table `enrollment` is explained with its person"
        )
    raise InvalidQuestionError(f"{text[:LONGEST]!r} is no enrollment: {HOW_TO_FIND['enrollment']}")


def read_guid(text: str) -> str | None:
    """A GUID in its usual form, written in any case; None for anything else."""
    try:
        found = str(uuid.UUID(text))
    except ValueError:
        return None
    return found if found == text.lower() else None


def nothing_found(kind: Kind, text: str) -> NothingFoundError:
    """No such row, now or ever."""
    return NothingFoundError(f"no {kind} {text[:LONGEST]!r} has arrived: {HOW_TO_FIND[kind]}")
