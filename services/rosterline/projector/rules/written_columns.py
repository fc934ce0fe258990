"""Of a written record: the columns that queries ask by, and the schools in whose scope it stands.

Both follow from 1.2's record, in either version. A record whose class or student is unknown stands
in no school's scope, so that only connections to all schools see it.
"""

import re
from collections.abc import Mapping

from rosterline.oneroster.gradebook import (
    AssessmentLineItem,
    AssessmentResult,
    LineItem,
    Result,
    ScoreScale,
)
from rosterline.oneroster.reading import Body, named_id, read_status
from rosterline.oneroster.record import Record, Reference
from rosterline.oneroster.resources import LINKS, Resource
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity
from rosterline.projector.rules.schools import EVERYWHERE, NOWHERE, Reach
from rosterline.projector.rules.written_facts import WrittenFacts

ID = re.compile(r"[0-9A-Za-z./@_-]{1,255}")
Keys = dict[str, str | tuple[str, ...] | None]


# The references that stand in columns: the column, and the member that names the record.
REFERENCES: Mapping[type[Record], Mapping[str, str]] = {
    ScoreScale: {"class_id": "class_"},
    LineItem: {"class_id": "class_", "category_id": "category"},
    Result: {"line_item_id": "line_item", "student_id": "student", "class_id": "class_"},
    AssessmentLineItem: {"parent_id": "parent_assessment_line_item", "class_id": "class_"},
    AssessmentResult: {"line_item_id": "assessment_line_item", "student_id": "student"},
}


def keys_of(record: Record, facts: WrittenFacts) -> Keys:
    """The values of the entity's own columns in 1.2."""
    if isinstance(record, Resource):
        return resource_keys(record, facts)
    members = REFERENCES.get(type(record), {})
    return {column: id_of(getattr(record, member)) for column, member in members.items()}


def keys_in_v1p1(keys: Keys, facts: WrittenFacts) -> Keys:
    """The same in 1.1, where users have other ids and no resources."""
    found = dict(keys)
    if "student_id" in found:
        student = facts.students.get(str(found["student_id"]))
        found["student_id"] = None if student is None else student.v1p1_id
    if "user_ids" in found:
        found["user_ids"] = ()
    return found


def resource_keys(resource: Resource, facts: WrittenFacts) -> Keys:
    """The classes, courses and users that have the resource."""
    links = facts.links.get(resource.sourced_id, {})
    return {
        name: tuple(sorted(links.get(entity, ())))
        for name, entity in (
            ("class_ids", Entity.CLASSES),
            ("course_ids", Entity.COURSES),
            ("user_ids", Entity.USERS),
        )
    }


def reach_of_written(record: Record, facts: WrittenFacts) -> Reach:
    """Where the record can be seen: where its class is, or its student; else everywhere."""
    match record:
        case ScoreScale() | LineItem():
            return reach_of_class(record.class_, facts)
        case Result():
            return reach_of_result(record, facts)
        case AssessmentLineItem():
            return EVERYWHERE if record.class_ is None else reach_of_class(record.class_, facts)
        case AssessmentResult():
            student = facts.students.get(record.student.sourced_id)
            return NOWHERE if student is None else Reach(student.schools)
        case _:
            return EVERYWHERE


def reach_of_class(class_: Reference, facts: WrittenFacts) -> Reach:
    """The school of a class."""
    school_id = facts.class_schools.get(class_.sourced_id)
    return NOWHERE if school_id is None else Reach((school_id,))


def reach_of_result(result: Result, facts: WrittenFacts) -> Reach:
    """The class's school, if the student stands there too, as with enrollments.

    Who comes to the class from another school is no business of a vendor of this one.
    """
    student = facts.students.get(result.student.sourced_id)
    if result.class_ is None or student is None:
        return NOWHERE
    of_class = reach_of_class(result.class_, facts)
    if student.schools is None or set(of_class.schools or ()) <= set(student.schools):
        return of_class
    return NOWHERE


def id_of(reference: Reference | None) -> str | None:
    """The id that a reference names."""
    return None if reference is None else reference.sourced_id


def link_of(collection: str, body: Body) -> tuple[str, Entity, str] | None:
    """Of a link document: the resource, and the kind and id of what has it; None once deleted.

    A user's link may name a class as well: the one for which the user has the resource.
    """
    target = LINKS[collection]
    resource_id, linked_id = named_id(body, "resource"), named_id(body, target.single)
    is_deleted = read_status(body.get("status")) == TO_BE_DELETED
    if is_deleted or not all(ID.fullmatch(name) for name in (resource_id, linked_id)):
        return None
    return resource_id, target, linked_id


def links_by_resource(
    links: list[tuple[str, Entity, str]],
) -> Mapping[str, Mapping[Entity, frozenset[str]]]:
    """All links, as the facts hold them."""
    found: dict[str, dict[Entity, frozenset[str]]] = {}
    for resource_id, entity, sourced_id in links:
        of_resource = found.setdefault(resource_id, {})
        of_resource[entity] = of_resource.get(entity, frozenset()) | {sourced_id}
    return found
