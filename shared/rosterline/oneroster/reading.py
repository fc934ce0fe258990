"""What was written over OneRoster → what is sent, member by member. Pure.

Ingest checks by it, the projector builds by it. Writers are many: references come without address,
booleans as JSON's, numbers as texts, moments in other time zones. What cannot be read is passed on
as it is, for the model to refuse.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.v1p2 import ADDRESSES, MODELS
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity, boolean_text

Body = Mapping[str, Any]
"""A document as JSON."""

REFERENCES: Mapping[str, Entity] = {
    "class": Entity.CLASSES,
    "course": Entity.COURSES,
    "school": Entity.ORGS,
    "student": Entity.USERS,
    "gradingPeriod": Entity.ACADEMIC_SESSIONS,
    "academicSession": Entity.ACADEMIC_SESSIONS,
    "category": Entity.CATEGORIES,
    "scoreScale": Entity.SCORE_SCALES,
    "lineItem": Entity.LINE_ITEMS,
    "assessmentLineItem": Entity.ASSESSMENT_LINE_ITEMS,
    "parentAssessmentLineItem": Entity.ASSESSMENT_LINE_ITEMS,
    "resource": Entity.RESOURCES,
}
KNOWN_SOURCES = frozenset({"case", "unknown"})


def read_members(entity: Entity, body: Body) -> dict[str, Any]:
    """The document's members as they are sent; null is absent, and a stamp is never the writer's.

    DESIGN §5: "Accepted but unsupported fields are kept and returned, not dropped", so members
    that the standard does not know, such as Timeback's `component`, are sent as they were written.
    Those that name a record as the standard's do, such as its `course`, get that record's address.
    A document with the standard's members only stays valid by the standard's closed schemas.
    """
    readers = READERS[entity]
    read = {
        name: readers.get(name, unchanged)(value)
        for name, value in sorted(body.items())
        if name != "dateLastModified"
    }
    return {name: value for name, value in read.items() if value is not None}


def has_character(value: Any, character: str) -> bool:  # noqa: ANN401 - any JSON
    """Whether the character is in a text or a name of the value, however deep that is."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            if character in found:
                return True
        elif isinstance(found, dict):
            waiting.extend((*found.keys(), *found.values()))
        elif isinstance(found, list):
            waiting.extend(found)
    return False


def unchanged(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """What was written."""
    return value


def read_status(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """ONEROSTER §3.1: "`inactive` existed in 1.0; read it as `tobedeleted`"."""
    return TO_BE_DELETED if value == "inactive" else value


def read_boolean(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """ONEROSTER §3.1: "send strings, accept both when reading"."""
    return boolean_text(value) if isinstance(value, bool) else value


def read_number(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A number that was written as a text is the number that JSON would read in it."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def read_moment(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """ONEROSTER §3.1: UTC with milliseconds; "accept other ISO 8601 offsets on input".

    A date, as the CSV binding has it, is its midnight.
    """
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
        return format_stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return value


def read_objectives(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """ONEROSTER §8, row 12: other sources are accepted, "do not emit extensions"."""
    if not isinstance(value, list):
        return value
    return [_read_objective_set(item) if isinstance(item, dict) else item for item in value]


def _read_objective_set(item: dict[str, Any]) -> dict[str, Any]:
    read = dict(item)
    if isinstance(item.get("source"), str):
        read["source"] = item["source"] if item["source"] in KNOWN_SOURCES else "unknown"
    results = item.get("learningObjectiveResults")
    if isinstance(results, list):
        read["learningObjectiveResults"] = [_read_objective_result(result) for result in results]
    return read


def _read_objective_result(result: Any) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(result, dict) or "score" not in result:
        return result
    return {**result, "score": read_number(result["score"])}


def reference_to(entity: Entity, sourced_id: str) -> dict[str, str]:
    """A reference as it is sent in 1.2."""
    prefix, kind = ADDRESSES[entity]
    return {"href": prefix + sourced_id, "sourcedId": sourced_id, "type": kind}


def read_reference(entity: Entity) -> Callable[[Any], Any]:
    """DESIGN §7: "references with only `sourcedId` in a body"; address and kind are ours."""

    def read(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(value, dict) or not isinstance(value.get("sourcedId"), str):
            return value
        return reference_to(entity, value["sourcedId"])

    return read


def named_id(members: Body, name: str) -> str:
    """The id that a reference names; nothing has the empty one."""
    reference = members.get(name)
    sourced_id = reference.get("sourcedId") if isinstance(reference, dict) else None
    return sourced_id if isinstance(sourced_id, str) else ""


MEMBER_READERS: Mapping[str, Callable[[Any], Any]] = {
    "status": read_status,
    **dict.fromkeys(
        ("weight", "score", "scorePercentile", "resultValueMin", "resultValueMax"), read_number
    ),
    **dict.fromkeys(("assignDate", "dueDate"), read_moment),
    **dict.fromkeys(("inProgress", "incomplete", "late", "missing"), read_boolean),
    "learningObjectiveSet": read_objectives,
}


def readers_of(entity: Entity) -> dict[str, Callable[[Any], Any]]:
    """How the members of an entity are read; references also where the standard knows none."""
    known = {field.alias for field in MODELS[entity].model_fields.values()}
    return {
        **{name: read_reference(target) for name, target in REFERENCES.items()},
        **{name: read for name, read in MEMBER_READERS.items() if name in known},
    }


READERS: Mapping[Entity, Mapping[str, Callable[[Any], Any]]] = {
    entity: readers_of(entity) for entity in Entity
}
