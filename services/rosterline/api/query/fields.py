"""Every field of the standard's records, by the dotted name that clients write. Pure.

The fields that can be filtered and sorted on are the leaves of the standard's shapes. What stands
in or below a list is itself a list; `metadata` is open: any path leads somewhere in it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from rosterline.api.query.shapes import (
    DATE_LAST_MODIFIED,
    METADATA,
    RECORD,
    SHAPES,
    SOURCED_ID,
    STATUS,
    Kind,
    Shape,
)
from rosterline.oneroster.vocabulary import Collection, Entity

# A name below `metadata`: a vendor's own words, each with a letter or digit in front.
OPEN_NAME = re.compile(rf"{METADATA}(?:\.\w[\w:-]*)+")
COMMON_COLUMNS: Mapping[str, str] = {
    SOURCED_ID: "sourced_id",
    STATUS: "status",
    DATE_LAST_MODIFIED: "date_last_modified",
}
CLASS, STUDENT = {"class.sourcedId": "class_id"}, {"student.sourcedId": "student_id"}
SCHOOL = {"school.sourcedId": "school_id"}
# The key columns of the read model that say what a field says.
COLUMNS: Mapping[Entity, Mapping[str, str]] = {
    Entity.ORGS: {"type": "type"},
    Entity.ACADEMIC_SESSIONS: {"type": "type", "parent.sourcedId": "parent_id"},
    Entity.COURSES: {"org.sourcedId": "org_id"},
    Entity.CLASSES: {
        "course.sourcedId": "course_id",
        "terms.sourcedId": "term_ids",
        **SCHOOL,
    },
    Entity.USERS: {
        "username": "username",
        "email": "email",
        "identifier": "identifier",
        "familyName": "family_name",
    },
    Entity.ENROLLMENTS: {"user.sourcedId": "user_id", "role": "role", **CLASS, **SCHOOL},
    Entity.SCORE_SCALES: CLASS,
    Entity.LINE_ITEMS: {"category.sourcedId": "category_id", **CLASS},
    Entity.RESULTS: {"lineItem.sourcedId": "line_item_id", **STUDENT, **CLASS},
    Entity.ASSESSMENT_LINE_ITEMS: {"parentAssessmentLineItem.sourcedId": "parent_id", **CLASS},
    Entity.ASSESSMENT_RESULTS: {"assessmentLineItem.sourcedId": "line_item_id", **STUDENT},
}

# Columns that are true where a role is held, by the fields of both versions that name it.
HELD: Mapping[str, str] = {"student": "is_student", "teacher": "is_teacher"}
FLAGS: Mapping[str, Mapping[str, str]] = {"roles.role": HELD, "role": HELD}


@dataclass(frozen=True, slots=True)
class Field:
    """A leaf of a record; `column` is the read model's for it, where it has one."""

    name: str
    kind: Kind
    is_list: bool = False
    column: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The members on the way to it."""
        return tuple(self.name.split("."))

    @property
    def is_stamp(self) -> bool:
        """Whether it is `dateLastModified`, which each viewer sees in its own way."""
        return self.name == DATE_LAST_MODIFIED


@cache
def fields_of(collection: Collection) -> Mapping[str, Field]:
    """All fields of a collection's records by name, but for what is open."""
    columns = {**COMMON_COLUMNS, **COLUMNS.get(collection.entity, {})}
    return {
        name: Field(name, kind, is_list, columns.get(name))
        for name, kind, is_list in _leaves(_shape(collection), "", is_list=False)
    }


def find_field(collection: Collection, name: str) -> Field | None:
    """The field of this name, to filter or sort on."""
    if OPEN_NAME.fullmatch(name):
        return Field(name, Kind.OPEN)
    return fields_of(collection).get(name)


@cache
def members(collection: Collection) -> frozenset[str]:
    """The names of a record's own members."""
    return frozenset(_shape(collection))


@cache
def parts(collection: Collection) -> frozenset[str]:
    """The names that stand before a dot in the names of fields: references, objects and lists."""
    names = (field.path for field in fields_of(collection).values())
    return frozenset(
        ".".join(path[:length]) for path in names for length in range(1, len(path))
    ) | {METADATA}


def is_selectable(collection: Collection, name: str) -> bool:
    """Whether `fields` can name it: a field, or what fields stand in."""
    return find_field(collection, name) is not None or name in parts(collection)


def _shape(collection: Collection) -> Mapping[str, Shape]:
    return {**RECORD, **SHAPES[collection.version][collection.entity]}


def _leaves(
    shape: Mapping[str, Shape], prefix: str, *, is_list: bool
) -> Iterator[tuple[str, Kind, bool]]:
    for name, found in shape.items():
        element = found[0] if isinstance(found, tuple) else found
        is_part = is_list or isinstance(found, tuple)
        if isinstance(element, Mapping):
            yield from _leaves(element, f"{prefix}{name}.", is_list=is_part)
        elif isinstance(element, Kind) and element is not Kind.OPEN:
            yield prefix + name, element, is_part
