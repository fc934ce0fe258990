"""An example of each record, made by the models of its version, in the words of a dialect. Pure."""

from collections.abc import Callable

import orjson

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint
from rosterline.api.openapi import kinds
from rosterline.api.openapi.nodes import Node
from rosterline.api.reading.rendering import render
from rosterline.events.catalogue import MODELS
from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.record import Reference
from rosterline.oneroster.vocabulary import Entity, Version

FIRST_DAY = "2026-08-17"
STAMP = "2026-11-21T08:15:00.000Z"
REFERENCES = {Version.V1P2: v1p2.reference, Version.V1P1: v1p1.reference}
Refer = Callable[[Entity, str], Reference]


def example_record(endpoint: Endpoint, dialect: Dialect, base: str) -> object:
    """A record as this endpoint answers it; `base` stands before the paths of its addresses."""
    kind = collection_of(endpoint)
    model = MODELS[endpoint.version][endpoint.entity]
    known = {field.alias for field in model.model_fields.values()}
    members = _members(kind, endpoint.entity, endpoint.version)
    record = model.model_validate(
        {name: value for name, value in members.items() if name in known}
        | {
            "sourcedId": kinds.KINDS[kind].id_shown(endpoint.version),
            "status": "active",
            "dateLastModified": STAMP,
        }
    )
    text = record.model_dump_json(by_alias=True, exclude_none=True)
    shown = orjson.loads(render(text.encode(), endpoint, dialect, base, None))
    return shown[0] if isinstance(shown, list) else shown


def collection_of(endpoint: Endpoint) -> str:
    """What the address calls the records that it answers with."""
    return [segment for segment in endpoint.pattern if segment is not None][-1]


def _members(kind: str, entity: Entity, version: Version) -> Node:
    """The members that the record has in any version; each model takes its own."""
    refer = REFERENCES[version]
    person = kinds.KINDS["students"].id_shown(version)
    if entity is Entity.USERS:
        return _person("teacher" if kind == "teachers" else "student", refer)
    if entity is Entity.ACADEMIC_SESSIONS:
        return _session(kind, refer)
    return (_roster(person, refer) | _gradebook(person, refer))[entity]


def _person(role: str, refer: Refer) -> Node:
    school = refer(Entity.ORGS, kinds.SCHOOL_ID)
    return {
        "username": "john.smith",
        "userIds": [{"type": "stateId", "identifier": "6580927665"}],
        "enabledUser": "true",
        "givenName": "John",
        "familyName": "Smith",
        "roles": [{"roleType": "primary", "role": role, "org": school, "beginDate": FIRST_DAY}],
        "primaryOrg": school,
        "role": role,
        "orgs": [school],
        "email": "john.smith@exampleschool.edu",
    }


def _session(kind: str, refer: Refer) -> Node:
    is_term = kind != "gradingPeriods"
    return {
        "title": "Q1",
        "startDate": FIRST_DAY,
        "endDate": "2026-10-31",
        "type": "term" if is_term else "gradingPeriod",
        "parent": refer(
            Entity.ACADEMIC_SESSIONS, kinds.SCHOOL_YEAR_ID if is_term else kinds.TERM_ID
        ),
        "schoolYear": "2027",
    }


def _roster(person: str, refer: Refer) -> dict[Entity, Node]:
    school = refer(Entity.ORGS, kinds.SCHOOL_ID)
    return {
        Entity.ORGS: {
            "name": "Plainview High School",
            "type": "school",
            "identifier": "0110",
            "parent": refer(Entity.ORGS, kinds.DISTRICT_ID),
        },
        Entity.DEMOGRAPHICS: {
            "birthDate": "2012-03-04",
            "sex": "male",
            "asian": "false",
            "white": "true",
            "hispanicOrLatinoEthnicity": "false",
            "countryOfBirthCode": "US",
        },
        Entity.COURSES: {
            "title": "AP Chemistry",
            "schoolYear": refer(Entity.ACADEMIC_SESSIONS, kinds.SCHOOL_YEAR_ID),
            "courseCode": "1001",
            "subjects": ["Science"],
            "org": school,
        },
        Entity.CLASSES: {
            "title": "1001 3a",
            "classCode": "Smith, Jane",
            "classType": "scheduled",
            "location": "B12",
            "course": refer(Entity.COURSES, kinds.COURSE_ID),
            "school": school,
            "terms": [refer(Entity.ACADEMIC_SESSIONS, kinds.TERM_ID)],
            "periods": ["3"],
        },
        Entity.ENROLLMENTS: {
            "user": refer(Entity.USERS, person),
            "class": refer(Entity.CLASSES, kinds.CLASS_ID),
            "school": school,
            "role": "student",
            "beginDate": FIRST_DAY,
        },
    }


def _gradebook(person: str, refer: Refer) -> dict[Entity, Node]:
    student = refer(Entity.USERS, person)
    class_ = refer(Entity.CLASSES, kinds.CLASS_ID)
    scored: Node = {
        "student": student,
        "scoreStatus": "fully graded",
        "score": 92.5,
        "scoreDate": "2026-09-09",
        "comment": "Well done",
    }
    shared: dict[Entity, Node] = {
        Entity.CATEGORIES: {"title": "Homework", "weight": 40},
        Entity.LINE_ITEMS: {
            "title": "Fractions",
            "assignDate": "2026-09-01T06:00:00.000Z",
            "dueDate": "2026-09-08T06:00:00.000Z",
            "class": class_,
            "school": refer(Entity.ORGS, kinds.SCHOOL_ID),
            "category": refer(Entity.CATEGORIES, kinds.CATEGORY_ID),
            "gradingPeriod": refer(Entity.ACADEMIC_SESSIONS, kinds.GRADING_PERIOD_ID),
            "resultValueMin": 0,
            "resultValueMax": 100,
        },
        Entity.RESULTS: {
            **scored,
            "lineItem": refer(Entity.LINE_ITEMS, kinds.LINE_ITEM_ID),
        },
        Entity.RESOURCES: {
            "title": "Fractions for all",
            "roles": ["student", "teacher"],
            "importance": "primary",
            "vendorResourceId": "v-7",
        },
    }
    return shared if refer is v1p1.reference else shared | _only_v1p2(scored, refer)


def _only_v1p2(scored: Node, refer: Refer) -> dict[Entity, Node]:
    assessment = refer(Entity.ASSESSMENT_LINE_ITEMS, kinds.ASSESSMENT_ID)
    return {
        Entity.SCORE_SCALES: {
            "title": "Letters",
            "type": "letter",
            "class": refer(Entity.CLASSES, kinds.CLASS_ID),
            "scoreScaleValue": [
                {"itemValueLHS": "A", "itemValueRHS": "90"},
                {"itemValueLHS": "B", "itemValueRHS": "80"},
            ],
        },
        Entity.ASSESSMENT_LINE_ITEMS: {
            "title": "Reading",
            "parentAssessmentLineItem": refer(
                Entity.ASSESSMENT_LINE_ITEMS, kinds.PARENT_ASSESSMENT_ID
            ),
            "resultValueMin": 0,
            "resultValueMax": 60,
        },
        Entity.ASSESSMENT_RESULTS: {
            **scored,
            "assessmentLineItem": assessment,
            "score": 51,
        },
    }
