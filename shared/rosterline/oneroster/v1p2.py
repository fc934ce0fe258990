"""Wire models of OneRoster 1.2 rostering, and the models and addresses of all of 1.2's records.

They are what a GET answers and what an event carries; conventions are those of `record`.
"""

from pydantic import Field

from rosterline.oneroster import gradebook, resources
from rosterline.oneroster.record import HREF_BASE as HREF_BASE
from rosterline.oneroster.record import UNSTAMPED as UNSTAMPED
from rosterline.oneroster.record import DateText, Model
from rosterline.oneroster.record import Record as Record
from rosterline.oneroster.record import Reference as Reference
from rosterline.oneroster.vocabulary import (
    ROSTER,
    BooleanText,
    ClassType,
    EnrollmentRole,
    Entity,
    OrgType,
    RoleType,
    SessionType,
    Sex,
    UserRole,
)

ROSTERING_PATH = "/ims/oneroster/rostering/v1p2"
GRADEBOOK_PATH = "/ims/oneroster/gradebook/v1p2"
RESOURCES_PATH = "/ims/oneroster/resources/v1p2"


class Org(Record):
    """A district or a school."""

    name: str
    type: OrgType
    identifier: str
    parent: Reference | None = None
    children: tuple[Reference, ...] | None = None


class AcademicSession(Record):
    """A school year, a term or a grading period."""

    title: str
    start_date: DateText
    end_date: DateText
    type: SessionType
    parent: Reference | None = None
    children: tuple[Reference, ...] | None = None
    school_year: str


class Course(Record):
    """A course of a school."""

    title: str
    school_year: Reference | None = None
    course_code: str
    subjects: tuple[str, ...] | None = None
    org: Reference


class Class(Record):
    """A section: a course as it is taught to a group."""

    title: str
    class_code: str | None = None
    class_type: ClassType
    location: str | None = None
    subjects: tuple[str, ...] | None = None
    course: Reference
    school: Reference
    terms: tuple[Reference, ...]
    periods: tuple[str, ...] | None = None


class UserId(Model):
    """An identifier of a user in another system."""

    type: str
    identifier: str


class Role(Model):
    """What a user is at one org."""

    role_type: RoleType
    role: UserRole
    org: Reference
    begin_date: DateText | None = None
    end_date: DateText | None = None


class User(Record):
    """A person."""

    user_master_identifier: str | None = None
    username: str | None = None
    user_ids: tuple[UserId, ...] | None = None
    enabled_user: BooleanText
    given_name: str
    family_name: str
    middle_name: str | None = None
    preferred_first_name: str | None = None
    pronouns: str | None = None
    roles: tuple[Role, ...]
    primary_org: Reference | None = None
    identifier: str | None = None
    email: str | None = None
    sms: str | None = None
    phone: str | None = None
    agents: tuple[Reference, ...] | None = None
    grades: tuple[str, ...] | None = None


class Demographics(Record):
    """Birth, sex and ethnicity of a user; the sourcedId is the user's."""

    birth_date: DateText | None = None
    sex: Sex | None = None
    american_indian_or_alaska_native: BooleanText | None = None
    asian: BooleanText | None = None
    black_or_african_american: BooleanText | None = None
    native_hawaiian_or_other_pacific_islander: BooleanText | None = None
    white: BooleanText | None = None
    demographic_race_two_or_more_races: BooleanText | None = None
    hispanic_or_latino_ethnicity: BooleanText | None = None
    country_of_birth_code: str | None = None
    state_of_birth_abbreviation: str | None = None
    city_of_birth: str | None = None


class Enrollment(Record):
    """A user's place in a class."""

    user: Reference
    class_: Reference = Field(alias="class")
    school: Reference
    role: EnrollmentRole
    primary: BooleanText | None = None
    begin_date: DateText | None = None
    end_date: DateText | None = None


MODELS: dict[Entity, type[Record]] = {
    Entity.ORGS: Org,
    Entity.ACADEMIC_SESSIONS: AcademicSession,
    Entity.COURSES: Course,
    Entity.CLASSES: Class,
    Entity.USERS: User,
    Entity.DEMOGRAPHICS: Demographics,
    Entity.ENROLLMENTS: Enrollment,
    Entity.CATEGORIES: gradebook.Category,
    Entity.SCORE_SCALES: gradebook.ScoreScale,
    Entity.LINE_ITEMS: gradebook.LineItem,
    Entity.RESULTS: gradebook.Result,
    Entity.ASSESSMENT_LINE_ITEMS: gradebook.AssessmentLineItem,
    Entity.ASSESSMENT_RESULTS: gradebook.AssessmentResult,
    Entity.RESOURCES: resources.Resource,
}


# The service of each entity; those that are not named here are the gradebook's.
SERVICE_PATHS: dict[Entity, str] = {
    **dict.fromkeys(ROSTER, ROSTERING_PATH),
    Entity.RESOURCES: RESOURCES_PATH,
}
ADDRESSES: dict[str, tuple[str, str]] = {
    entity.value: (
        f"{HREF_BASE}{SERVICE_PATHS.get(entity, GRADEBOOK_PATH)}/{entity.value}/",
        entity.single,
    )
    for entity in Entity
}


def reference(entity: Entity, sourced_id: str) -> Reference:
    """A GUIDRef to a record; its address is completed by `with_base`."""
    prefix, kind = ADDRESSES[entity]
    return Reference(href=prefix + sourced_id, sourced_id=sourced_id, type=kind)


def with_base(document: str, base_url: str) -> str:
    """The document with absolute addresses.

    A stored text can hold `"href":"~` only as a member, for quotes inside values are escaped.
    """
    return document.replace(f'"href":"{HREF_BASE}/', f'"href":"{base_url}/')
