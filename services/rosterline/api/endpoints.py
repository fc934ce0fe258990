"""The endpoint table: routes, scopes, SQL and the OpenAPI document are made from these rows. Pure.

A new read is a new row. What a row cannot say yet (a relation to a parent, another version or
service) becomes a new member of Endpoint, never a handler of its own.
"""

from dataclasses import dataclass
from enum import Enum

from rosterline.api.scopes import ROSTER, ROSTER_CORE, ROSTER_DEMOGRAPHICS
from rosterline.oneroster.v1p2 import ROSTERING_PATH
from rosterline.oneroster.vocabulary import Collection, Entity, Version

VERSIONS = {"1.2": Version.V1P2, "1.1": Version.V1P1}


class Shape(Enum):
    """What an endpoint answers with."""

    COLLECTION = "collection"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class View:
    """The part of a collection that an endpoint shows: a column that holds `value`, or is true."""

    column: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation; any one of `scopes` suffices."""

    method: str
    path: str
    operation_id: str
    entity: Entity
    shape: Shape
    scopes: tuple[str, ...]
    view: View | None = None
    version: str = "1.2"
    base_path: str = ROSTERING_PATH

    @property
    def full_path(self) -> str:
        """The path from the root of the server."""
        return self.base_path + self.path

    @property
    def collection(self) -> Collection:
        """The records that it reads."""
        return Collection(VERSIONS[self.version], self.entity)

    @property
    def key(self) -> str:
        """The JSON member that holds the answer."""
        return self.entity.value if self.shape is Shape.COLLECTION else self.entity.single


CORE = (ROSTER, ROSTER_CORE)
DEMOGRAPHICS = (ROSTER_DEMOGRAPHICS,)
SCHOOLS = View("type", "school")
TERMS = View("type", "term")
GRADING_PERIODS = View("type", "gradingPeriod")
STUDENTS = View("is_student")
TEACHERS = View("is_teacher")


def _collection(
    path: str,
    operation_id: str,
    entity: Entity,
    *,
    view: View | None = None,
    scopes: tuple[str, ...] = CORE,
) -> Endpoint:
    return Endpoint("GET", path, operation_id, entity, Shape.COLLECTION, scopes, view)


def _single(
    path: str,
    operation_id: str,
    entity: Entity,
    *,
    view: View | None = None,
    scopes: tuple[str, ...] = CORE,
) -> Endpoint:
    return Endpoint(
        "GET", f"{path}/{{sourcedId}}", operation_id, entity, Shape.SINGLE, scopes, view
    )


SESSIONS = Entity.ACADEMIC_SESSIONS

ENDPOINTS: tuple[Endpoint, ...] = (
    _collection("/academicSessions", "getAllAcademicSessions", SESSIONS),
    _single("/academicSessions", "getAcademicSession", SESSIONS),
    _collection("/classes", "getAllClasses", Entity.CLASSES),
    _single("/classes", "getClass", Entity.CLASSES),
    _collection("/courses", "getAllCourses", Entity.COURSES),
    _single("/courses", "getCourse", Entity.COURSES),
    _collection("/demographics", "getAllDemographics", Entity.DEMOGRAPHICS, scopes=DEMOGRAPHICS),
    _single("/demographics", "getDemographics", Entity.DEMOGRAPHICS, scopes=DEMOGRAPHICS),
    _collection("/enrollments", "getAllEnrollments", Entity.ENROLLMENTS),
    _single("/enrollments", "getEnrollment", Entity.ENROLLMENTS),
    _collection("/gradingPeriods", "getAllGradingPeriods", SESSIONS, view=GRADING_PERIODS),
    _single("/gradingPeriods", "getGradingPeriod", SESSIONS, view=GRADING_PERIODS),
    _collection("/orgs", "getAllOrgs", Entity.ORGS),
    _single("/orgs", "getOrg", Entity.ORGS),
    _collection("/schools", "getAllSchools", Entity.ORGS, view=SCHOOLS),
    _single("/schools", "getSchool", Entity.ORGS, view=SCHOOLS),
    _collection("/students", "getAllStudents", Entity.USERS, view=STUDENTS),
    _single("/students", "getStudent", Entity.USERS, view=STUDENTS),
    _collection("/teachers", "getAllTeachers", Entity.USERS, view=TEACHERS),
    _single("/teachers", "getTeacher", Entity.USERS, view=TEACHERS),
    _collection("/terms", "getAllTerms", SESSIONS, view=TERMS),
    _single("/terms", "getTerm", SESSIONS, view=TERMS),
    _collection("/users", "getAllUsers", Entity.USERS),
    _single("/users", "getUser", Entity.USERS),
)
