"""Wire models of OneRoster 1.2 rostering: what a GET answers and what an event carries.

Members are in the order in which they are sent. Absent values are left out, never null. A record's
`dateLastModified` is written by the projector when it stores the record; until then it holds
`UNSTAMPED`. Every `href` starts with `HREF_BASE`, for which the sender puts its public address.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

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
    Status,
    UserRole,
)

UNSTAMPED = "0000-00-00T00:00:00.000Z"
HREF_BASE = "~"
ROSTERING_PATH = "/ims/oneroster/rostering/v1p2"

SourcedId = Annotated[str, Field(pattern=r"^[0-9A-Za-z./@_-]{1,255}$")]
DateText = Annotated[str, Field(json_schema_extra={"format": "date"})]
DateTimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Model(BaseModel):
    """Closed and frozen, camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Reference(Model):
    """A GUIDRef: the address, id and kind of another record."""

    href: str
    sourced_id: SourcedId
    type: str


class Record(Model):
    """The attributes that every record has."""

    sourced_id: SourcedId
    status: Status
    date_last_modified: DateTimeText = UNSTAMPED


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
}


ADDRESSES: dict[str, tuple[str, str]] = {
    entity.value: (f"{HREF_BASE}{ROSTERING_PATH}/{entity.value}/", entity.single)
    for entity in ROSTER
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
