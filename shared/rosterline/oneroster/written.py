"""A document that was written over OneRoster → the record of OneRoster 1.2 that it is. Pure.

Ingest refuses what is none, naming all that is wrong with it; the projector shows what is one.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rosterline.oneroster.reading import Body, has_character, read_members, reference_to
from rosterline.oneroster.record import Record
from rosterline.oneroster.v1p2 import MODELS
from rosterline.oneroster.vocabulary import ACTIVE, Entity

NULL = "\0"
SCORED = frozenset({Entity.RESULTS, Entity.ASSESSMENT_RESULTS})


class Problem(NamedTuple):
    """What is wrong with a member, which may be named by its path; never what stands in it."""

    member: str
    message: str


class InvalidDocumentError(Exception):
    """The document is no record of the standard."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{member}: {message}" for member, message in problems))
        self.problems = problems


class NullCharacterError(InvalidDocumentError):
    """It holds U+0000, which no text of the database can hold."""


def read_written(
    entity: Entity, sourced_id: str, body: Body, completed: Mapping[str, str]
) -> Record:
    """The document's record; raises InvalidDocumentError.

    `completed` names the ids of references that the writer may leave out: a line item's `school`, a
    result's `class`.
    """
    members = {"status": ACTIVE, **read_members(entity, body), "sourcedId": sourced_id}
    unstorable = [name for name, value in members.items() if has_character([name, value], NULL)]
    if unstorable:
        told = (Problem(name.replace(NULL, "\\u0000"), "holds U+0000") for name in unstorable)
        raise NullCharacterError(tuple(told))
    for name, target in COMPLETED.get(entity, {}).items():
        if name in completed:
            members.setdefault(name, reference_to(target, completed[name]))
    if entity in SCORED:
        members.setdefault("scoreStatus", status_of_score(members))
    try:
        return MODELS[entity].model_validate(members, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidDocumentError(tuple(problems_of(error))) from None


# ONEROSTER §3.4: `school` of a line item is "new, required", and who writes 1.1 names the class
# alone; `class` of a result is optional, and completed so that a class shows all of its results.
COMPLETED: Mapping[Entity, Mapping[str, Entity]] = {
    Entity.LINE_ITEMS: {"school": Entity.ORGS},
    Entity.RESULTS: {"class": Entity.CLASSES},
}


def status_of_score(members: Mapping[str, Any]) -> str:
    """Seed 002 does not require `scoreStatus`, the standard does: what has a score is graded."""
    has_score = "score" in members or "textScore" in members
    return "fully graded" if has_score else "not submitted"


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """What the model has against a document, each member once."""
    told: set[str] = set()
    for found in error.errors(include_url=False, include_input=False):
        # Of a choice the model names each alternative behind the member.
        path = [str(part) for part in found["loc"] if part not in ALTERNATIVES]
        path = [part for part in path if part.isalnum()]
        # Address and kind of a reference are ours: without its id it has neither.
        is_ours = len(path) > 1 and path[-1] in {"href", "type"}
        member = ".".join(path)
        if member not in told and not is_ours:
            told.add(member)
            yield Problem(member, message_of(path[-1], found))


def message_of(member: str, found: ErrorDetails) -> str:
    """What the member must be, in plain words, and never what it is."""
    kind = found["type"]
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(member, found["msg"])
    if kind == "literal_error":
        return f"must be {found['ctx']['expected']}"
    return MESSAGES.get(kind, found["msg"])


ALTERNATIVES = frozenset({"int", "float"})
NO_ID = "must be 1 to 255 characters of 0-9 A-Z a-z . - _ / @"
A_MOMENT = "must be a date and time such as 2026-09-01T06:00:00.000Z"
PATTERNS: Mapping[str, str] = {
    "sourcedId": NO_ID,
    "assignDate": A_MOMENT,
    "dueDate": A_MOMENT,
}
MESSAGES: Mapping[str, str] = {
    "missing": "is required",
    "string_type": "must be a text",
    "int_type": "must be a number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "tuple_type": "must be a list",
    "too_short": "must hold one item or more",
}
