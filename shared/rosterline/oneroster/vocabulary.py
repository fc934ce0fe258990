"""Closed word lists of OneRoster that Rosterline emits; the versions and entities of its paths."""

from enum import StrEnum
from typing import Literal, NamedTuple

Status = Literal["active", "tobedeleted"]
ACTIVE: Status = "active"
TO_BE_DELETED: Status = "tobedeleted"

BooleanText = Literal["true", "false"]
OrgType = Literal["district", "school"]
SessionType = Literal["schoolYear", "term", "gradingPeriod"]
ClassType = Literal["homeroom", "scheduled"]
EnrollmentRole = Literal["student", "teacher"]
UserRole = Literal["student", "teacher", "aide", "guardian", "relative"]
RoleType = Literal["primary", "secondary"]
Sex = Literal["male", "female", "unspecified", "other"]


class Entity(StrEnum):
    """The record families, named as in the REST path; parents stand before what refers to them."""

    ORGS = "orgs"
    ACADEMIC_SESSIONS = "academicSessions"
    COURSES = "courses"
    CLASSES = "classes"
    USERS = "users"
    DEMOGRAPHICS = "demographics"
    ENROLLMENTS = "enrollments"
    CATEGORIES = "categories"
    SCORE_SCALES = "scoreScales"
    LINE_ITEMS = "lineItems"
    RESULTS = "results"
    ASSESSMENT_LINE_ITEMS = "assessmentLineItems"
    ASSESSMENT_RESULTS = "assessmentResults"
    RESOURCES = "resources"

    @property
    def single(self) -> str:
        """The JSON key of one record."""
        return SINGLE[self]


SINGLE: dict[Entity, str] = {
    Entity.ORGS: "org",
    Entity.ACADEMIC_SESSIONS: "academicSession",
    Entity.COURSES: "course",
    Entity.CLASSES: "class",
    Entity.USERS: "user",
    Entity.DEMOGRAPHICS: "demographics",
    Entity.ENROLLMENTS: "enrollment",
    Entity.CATEGORIES: "category",
    Entity.SCORE_SCALES: "scoreScale",
    Entity.LINE_ITEMS: "lineItem",
    Entity.RESULTS: "result",
    Entity.ASSESSMENT_LINE_ITEMS: "assessmentLineItem",
    Entity.ASSESSMENT_RESULTS: "assessmentResult",
    Entity.RESOURCES: "resource",
}


class Version(StrEnum):
    """The versions of OneRoster, named as in the REST path and in event subjects."""

    V1P2 = "v1p2"
    V1P1 = "v1p1"


class Collection(NamedTuple):
    """All records of an entity in one version: a table of the read model."""

    version: Version
    entity: Entity


# What comes from the SIS, and what is written over OneRoster.
ROSTER: tuple[Entity, ...] = (
    Entity.ORGS,
    Entity.ACADEMIC_SESSIONS,
    Entity.COURSES,
    Entity.CLASSES,
    Entity.USERS,
    Entity.DEMOGRAPHICS,
    Entity.ENROLLMENTS,
)
WRITTEN: dict[Version, tuple[Entity, ...]] = {
    Version.V1P2: tuple(entity for entity in Entity if entity not in ROSTER),
    Version.V1P1: (Entity.CATEGORIES, Entity.LINE_ITEMS, Entity.RESULTS, Entity.RESOURCES),
}
COLLECTIONS: tuple[Collection, ...] = tuple(
    Collection(version, entity) for version in Version for entity in ROSTER
)
WRITTEN_COLLECTIONS: tuple[Collection, ...] = tuple(
    Collection(version, entity) for version in Version for entity in WRITTEN[version]
)
# Parents stand before what refers to them: a written record names records of the roster.
ALL_COLLECTIONS: tuple[Collection, ...] = (*COLLECTIONS, *WRITTEN_COLLECTIONS)


def boolean_text(value: object) -> BooleanText:
    """OneRoster 1.2 writes booleans as the strings "true" and "false"."""
    return "true" if value else "false"
