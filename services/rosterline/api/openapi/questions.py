"""What people ask of each kind of record: examples of filters, sorts and fields. Pure.

They are those of seed 001, Accessing Specific Data, and find the records that answers show.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint
from rosterline.api.openapi.examples import STAMP, collection_of
from rosterline.api.openapi.kinds import CLASS_ID, KINDS, SCHOOL_ID
from rosterline.oneroster.vocabulary import Entity, Version


@dataclass(frozen=True, slots=True)
class Questions:
    """Examples: of filters, of the field to sort by, and of the fields to choose."""

    filters: tuple[str, ...]
    sort: str
    fields: tuple[str, ...]


TITLE = ("sourcedId", "title")
SCORE = ("student.sourcedId", "score", "scoreDate")
OF_STUDENT = "student.sourcedId='{person}' AND score>='60'"
OF_CLASS = f"class.sourcedId='{CLASS_ID}'"

# `{person}` stands for the id of a student.
QUESTIONS: Mapping[Entity, Questions] = {
    Entity.ORGS: Questions(("name~'Plainview High School'",), "name", ("sourcedId", "name")),
    Entity.ACADEMIC_SESSIONS: Questions(
        ("title~'Q1'", "schoolYear='2027' AND type='term'"), "startDate", (*TITLE, "startDate")
    ),
    Entity.COURSES: Questions(("title~'AP Chemistry'", "courseCode='1001'"), "title", TITLE),
    Entity.CLASSES: Questions(
        ("title~'1001 3a'", "classCode~'Smith, Jane'", f"school.sourcedId='{SCHOOL_ID}'"),
        "title",
        (*TITLE, "course.sourcedId", "terms.sourcedId"),
    ),
    Entity.USERS: Questions(
        (
            "givenName='John' AND familyName~'Smi'",
            "email='john.smith@exampleschool.edu'",
            "username='john.smith' OR username='jane.smith'",
        ),
        "familyName",
        ("username", "givenName", "familyName"),
    ),
    Entity.DEMOGRAPHICS: Questions(("birthDate>='2012-01-01'",), "birthDate", ("birthDate", "sex")),
    Entity.ENROLLMENTS: Questions(
        (
            f"user.sourcedId='{{person}}' AND {OF_CLASS}",
            f"{OF_CLASS} AND role='student'",
            f"{OF_CLASS} AND (role='teacher' OR beginDate>'2026-08-17')",
        ),
        "beginDate",
        ("user.sourcedId", "class.sourcedId", "role"),
    ),
    Entity.CATEGORIES: Questions(("title='Homework'",), "title", TITLE),
    Entity.SCORE_SCALES: Questions((OF_CLASS,), "title", TITLE),
    Entity.LINE_ITEMS: Questions(
        (f"{OF_CLASS} AND dueDate>='2026-09-01'",), "dueDate", (*TITLE, "dueDate")
    ),
    Entity.RESULTS: Questions((OF_STUDENT,), "scoreDate", SCORE),
    Entity.ASSESSMENT_LINE_ITEMS: Questions(("title~'Reading'",), "title", TITLE),
    Entity.ASSESSMENT_RESULTS: Questions((OF_STUDENT,), "scoreDate", SCORE),
    Entity.RESOURCES: Questions(("roles~'student,teacher'",), "title", TITLE),
}


def filters_of(endpoint: Endpoint, dialect: Dialect) -> tuple[str, ...]:
    """Filters that a dialect's users write, the plain ones first."""
    kind = collection_of(endpoint)
    person = KINDS["students"].id_shown(endpoint.version)
    asked = [each.format(person=person) for each in QUESTIONS[endpoint.entity].filters]
    if kind == "users":
        role = "roles.role" if endpoint.version is Version.V1P2 else "role"
        asked.append(f"{role}='student'")
    if dialect.rules.lower_operators:
        asked = [each.replace(" AND ", " and ").replace(" OR ", " or ") for each in asked]
    for alias, name in dialect.rules.aliases.items():
        asked = [each.replace(f"{name}=", f"{alias}=") for each in asked]
    return (
        "status='active'",
        f"dateLastModified>'{STAMP}'",
        f"dateLastModified>='{STAMP[:10]}' AND status='tobedeleted'",
        f"sourcedId='{KINDS[kind].id_shown(endpoint.version)}'",
        *asked,
    )
