"""Wire models of OneRoster 1.1, as far as they differ from 1.2's.

Orgs, academic sessions, courses, classes and enrollments have the same members in both versions
and keep 1.2's models; in 1.1 their addresses differ. Conventions are those of `record`. Written
records have the standard's members and no others here, and no word list of 1.1 can be extended.
"""

from typing import Any, Literal

from pydantic import Field

from rosterline.oneroster import v1p2
from rosterline.oneroster.gradebook import MomentText, Number, ScoreStatusWord
from rosterline.oneroster.record import HREF_BASE, DateText, Record, Reference
from rosterline.oneroster.resources import Importance, ResourceRoleWord
from rosterline.oneroster.v1p2 import UserId
from rosterline.oneroster.vocabulary import ROSTER, WRITTEN, BooleanText, Entity, Version

ROSTERING_PATH = "/ims/oneroster/v1p1"

UserRole = Literal["student", "teacher", "administrator", "guardian", "relative"]
Sex = Literal["male", "female"]


class User(Record):
    """A person in one role; who has several roles is several users."""

    username: str
    user_ids: tuple[UserId, ...] | None = None
    enabled_user: BooleanText
    given_name: str
    family_name: str
    middle_name: str | None = None
    role: UserRole
    identifier: str | None = None
    email: str | None = None
    sms: str | None = None
    phone: str | None = None
    agents: tuple[Reference, ...] | None = None
    orgs: tuple[Reference, ...]
    grades: tuple[str, ...] | None = None


class Demographics(v1p2.Demographics):
    """Birth, sex and ethnicity of a user; 1.1 has two words for sex."""

    sex: Sex | None = None


class Category(Record):
    """A kind of work; 1.1 knows no weight."""

    metadata: dict[str, Any] | None = None
    title: str


class LineItem(Record):
    """A column of a class's gradebook; in 1.1 it belongs to a grading period and has limits."""

    metadata: dict[str, Any] | None = None
    title: str
    description: str | None = None
    assign_date: MomentText
    due_date: MomentText
    class_: Reference = Field(alias="class")
    category: Reference
    grading_period: Reference
    result_value_min: Number
    result_value_max: Number


class Result(Record):
    """A student's score in a column; in 1.1 there is none without a number."""

    metadata: dict[str, Any] | None = None
    line_item: Reference
    student: Reference
    score_status: ScoreStatusWord
    score: Number
    score_date: DateText
    comment: str | None = None


class Resource(Record):
    """Learning material of a vendor."""

    metadata: dict[str, Any] | None = None
    title: str | None = None
    roles: tuple[ResourceRoleWord, ...] | None = None
    importance: Importance | None = None
    vendor_resource_id: str
    vendor_id: str | None = None
    application_id: str | None = None


MODELS: dict[Entity, type[Record]] = {
    **{entity: v1p2.MODELS[entity] for entity in ROSTER},
    Entity.USERS: User,
    Entity.DEMOGRAPHICS: Demographics,
    Entity.CATEGORIES: Category,
    Entity.LINE_ITEMS: LineItem,
    Entity.RESULTS: Result,
    Entity.RESOURCES: Resource,
}


ADDRESSES: dict[str, tuple[str, str]] = {
    entity.value: (f"{HREF_BASE}{ROSTERING_PATH}/{entity.value}/", entity.single)
    for entity in (*ROSTER, *WRITTEN[Version.V1P1])
}

HREF_V1P2 = f'"href":"{HREF_BASE}{v1p2.ROSTERING_PATH}/'
HREF_V1P1 = f'"href":"{HREF_BASE}{ROSTERING_PATH}/'


def reference(entity: Entity, sourced_id: str) -> Reference:
    """A GUIDRef to a record of 1.1."""
    prefix, kind = ADDRESSES[entity]
    return Reference(href=prefix + sourced_id, sourced_id=sourced_id, type=kind)


def in_v1p1(document: str) -> str:
    """The 1.2 text of an org, academic session, course or class as 1.1 has it.

    Only its own addresses change: quotes inside values are escaped, so that no value can match.
    """
    return document.replace(HREF_V1P2, HREF_V1P1)
