"""Wire models of OneRoster 1.1 rostering, as far as they differ from 1.2's.

Orgs, academic sessions, courses, classes and enrollments have the same members in both versions
and keep 1.2's models; in 1.1 their addresses differ. Conventions are those of `v1p2`.
"""

from typing import Literal

from rosterline.oneroster import v1p2
from rosterline.oneroster.v1p2 import HREF_BASE, Record, Reference, UserId
from rosterline.oneroster.vocabulary import ROSTER, BooleanText, Entity

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


MODELS: dict[Entity, type[Record]] = {
    **v1p2.MODELS,
    Entity.USERS: User,
    Entity.DEMOGRAPHICS: Demographics,
}


ADDRESSES: dict[str, tuple[str, str]] = {
    entity.value: (f"{HREF_BASE}{ROSTERING_PATH}/{entity.value}/", entity.single)
    for entity in ROSTER
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
