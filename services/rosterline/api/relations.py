"""Relationship endpoints: what an address says of a record's parents, as conditions in SQL. Pure.

A parent that a viewer does not see is unknown to it (404); a parent that it sees and that has no
members is answered with an empty list (ONEROSTER §2.1). Members are found by the key columns of the
read model; who has left a class, by an enrollment that is `tobedeleted`, is no member any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rosterline.oneroster.vocabulary import ACTIVE, Entity


class Parameters(Protocol):
    """What makes parameters of a statement."""

    def add(self, value: object, type_name: str) -> str:
        """A new parameter, as it stands in the text."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of a collection: a column that holds `value`, or is true."""

    column: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """A record that the address names: where it must be found.

    `condition` is asked of it beside its id; `{0}` is the id of the first parent.
    """

    entity: Entity
    condition: str = "true"
    view: View | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """The parents in the order of the address, and what its members fulfil.

    In `condition` `{0}` and `{1}` are the parents' ids, `{schema}` is the version's schema, and
    `{scope}` is what enrollments that the viewer sees fulfil.
    """

    parents: tuple[Parent, ...]
    condition: str


SCHOOLS = View("type", "school")
TERMS = View("type", "term")
GRADING_PERIODS = View("type", "gradingPeriod")
STUDENTS = View("is_student")
TEACHERS = View("is_teacher")

CLASS = Parent(Entity.CLASSES)
COURSE = Parent(Entity.COURSES)
SCHOOL = Parent(Entity.ORGS, view=SCHOOLS)
TERM = Parent(Entity.ACADEMIC_SESSIONS, view=TERMS)
STUDENT = Parent(Entity.USERS, view=STUDENTS)
TEACHER = Parent(Entity.USERS, view=TEACHERS)
USER = Parent(Entity.USERS)
LINE_ITEM_OF_CLASS = Parent(Entity.LINE_ITEMS, "class_id = {0}")
CLASS_OF_SCHOOL = Parent(Entity.CLASSES, "school_id = {0}")

ENROLLED = (
    "sourced_id IN (SELECT user_id FROM {{schema}}.enrollments "
    f"WHERE class_id = {{parent}} AND role = '{{role}}' AND status = '{ACTIVE}'{{{{scope}}}})"
)
ATTENDED = (
    "sourced_id IN (SELECT class_id FROM {{schema}}.enrollments "
    f"WHERE user_id = {{{{0}}}} AND status = '{ACTIVE}'{{role}}{{{{scope}}}})"
)


def enrolled(role: str, *parents: Parent) -> Relation:
    """Users with an enrollment of this role in the class, the last parent."""
    place = f"{{{len(parents) - 1}}}"
    return Relation(parents, ENROLLED.format(parent=place, role=role))


def attended(parent: Parent, role: str | None = None) -> Relation:
    """Classes in which the user has an enrollment, of this role or of any."""
    condition = f" AND role = '{role}'" if role else ""
    return Relation((parent,), ATTENDED.format(role=condition))


def holding(role: str) -> Relation:
    """Users with this role at the school."""
    return Relation((SCHOOL,), f"places @> ARRAY['{role}@' || {{0}}] COLLATE \"C\"")


STUDENTS_OF_CLASS = enrolled("student", CLASS)
TEACHERS_OF_CLASS = enrolled("teacher", CLASS)
STUDENTS_OF_CLASS_IN_SCHOOL = enrolled("student", SCHOOL, CLASS_OF_SCHOOL)
TEACHERS_OF_CLASS_IN_SCHOOL = enrolled("teacher", SCHOOL, CLASS_OF_SCHOOL)
STUDENTS_OF_SCHOOL = holding("student")
TEACHERS_OF_SCHOOL = holding("teacher")
CLASSES_OF_STUDENT = attended(STUDENT, "student")
CLASSES_OF_TEACHER = attended(TEACHER, "teacher")
CLASSES_OF_USER = attended(USER)
CLASSES_OF_COURSE = Relation((COURSE,), "course_id = {0}")
CLASSES_OF_SCHOOL = Relation((SCHOOL,), "school_id = {0}")
CLASSES_OF_TERM = Relation((TERM,), 'term_ids @> ARRAY[{0}] COLLATE "C"')
COURSES_OF_SCHOOL = Relation((SCHOOL,), "org_id = {0}")
ENROLLMENTS_OF_SCHOOL = Relation((SCHOOL,), "school_id = {0}")
ENROLLMENTS_OF_CLASS_IN_SCHOOL = Relation((SCHOOL, CLASS_OF_SCHOOL), "class_id = {1}")
# Sessions know no org: a school's terms are those of its classes.
TERMS_OF_SCHOOL = Relation(
    (SCHOOL,),
    "type = 'term' AND sourced_id IN (SELECT unnest(term_ids) FROM {schema}.classes "
    f"WHERE school_id = {{0}} AND status = '{ACTIVE}')",
)
GRADING_PERIODS_OF_TERM = Relation((TERM,), "type = 'gradingPeriod' AND parent_id = {0}")

# Categories know no class: a class has those of its line items, and those that no line item has.
CATEGORIES_OF_CLASS = Relation(
    (CLASS,),
    "(sourced_id IN (SELECT category_id FROM {schema}.line_items WHERE class_id = {0} "
    f"AND status = '{ACTIVE}') OR sourced_id NOT IN (SELECT category_id FROM {{schema}}.line_items "
    f"WHERE category_id IS NOT NULL AND status = '{ACTIVE}'))",
)
LINE_ITEMS_OF_CLASS = Relation((CLASS,), "class_id = {0}")
SCORE_SCALES_OF_CLASS = Relation((CLASS,), "class_id = {0}")
SCORE_SCALES_OF_SCHOOL = Relation(
    (SCHOOL,), "class_id IN (SELECT sourced_id FROM {schema}.classes WHERE school_id = {0})"
)
OF_LINE_ITEMS = "line_item_id IN (SELECT sourced_id FROM {schema}.line_items WHERE class_id = {0})"
RESULTS_OF_CLASS = Relation((CLASS,), OF_LINE_ITEMS)
RESULTS_OF_LINE_ITEM = Relation((CLASS, LINE_ITEM_OF_CLASS), "line_item_id = {1}")
RESULTS_OF_STUDENT = Relation((CLASS, STUDENT), f"student_id = {{1}} AND {OF_LINE_ITEMS}")

RESOURCES_OF_CLASS = Relation((CLASS,), 'class_ids @> ARRAY[{0}] COLLATE "C"')
RESOURCES_OF_COURSE = Relation((COURSE,), 'course_ids @> ARRAY[{0}] COLLATE "C"')
RESOURCES_OF_USER = Relation((USER,), 'user_ids @> ARRAY[{0}] COLLATE "C"')

# Below what new records are written.
IN_CLASS = Relation((CLASS,), "true")
IN_CLASS_AND_SESSION = Relation((CLASS, Parent(Entity.ACADEMIC_SESSIONS)), "true")
IN_LINE_ITEM = Relation((Parent(Entity.LINE_ITEMS),), "true")
IN_SCHOOL = Relation((SCHOOL,), "true")


def relation_condition(
    relation: Relation,
    parents: Sequence[str],
    parameters: Parameters,
    *,
    schema: str,
    scope: str | None,
) -> str:
    """What the members of these parents fulfil; `scope` is that of enrollments, None for all."""
    # A parameter that no text uses has no type.
    places = [
        parameters.add(parent, "text") if f"{{{number}}}" in relation.condition else ""
        for number, parent in enumerate(parents)
    ]
    limit = "" if scope is None else f" AND {scope}"
    return relation.condition.format(*places, schema=schema, scope=limit)
