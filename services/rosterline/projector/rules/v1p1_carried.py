"""OneRoster 1.1 records that take 1.2's verdict and differ in whom they name: decided once, there.

A first load calls the enrollments' rule a million times.
"""

from typing import Any

from rosterline.oneroster import v1p1
from rosterline.oneroster.v1p1 import reference
from rosterline.oneroster.v1p2 import Demographics, Enrollment
from rosterline.oneroster.vocabulary import Entity, UserRole
from rosterline.projector.facts import PersonFacts
from rosterline.projector.rules import reasons
from rosterline.projector.rules.users import username_of
from rosterline.projector.rules.v1p1_users import user_sourced_id
from rosterline.projector.rules.verdict import KeptOut, Verdict

SEXES: dict[str | None, v1p1.Sex] = {"female": "female", "male": "male"}


def roster_in_v1p1(verdict: Verdict, person: PersonFacts) -> Verdict:
    """The 1.1 enrollment of a roster row of the person, of which 1.2 has this verdict."""
    return _enrollment(verdict, person, "student")


def staff_in_v1p1(verdict: Verdict, person: PersonFacts) -> Verdict:
    """The 1.1 enrollment of a section staff row of the person, of which 1.2 has this verdict."""
    return _enrollment(verdict, person, "teacher")


def _enrollment(verdict: Verdict, person: PersonFacts, role: UserRole) -> Verdict:
    if not isinstance(verdict, Enrollment):
        return verdict
    kept_out = _user_kept_out(person)
    if kept_out is not None:
        return kept_out
    user_id = user_sourced_id(role, person.person.person_id)
    changes = {
        "user": reference(Entity.USERS, user_id),
        "class_": reference(Entity.CLASSES, verdict.class_.sourced_id),
        "school": reference(Entity.ORGS, verdict.school.sourced_id),
    }
    return verdict.model_copy(update=changes)


def demographics_in_v1p1(verdict: Verdict, person: PersonFacts) -> Verdict:
    """ONEROSTER §3.2: 1.1 has "only `male` and `female`"; other words are left out."""
    if not isinstance(verdict, Demographics):
        return verdict
    kept_out = _user_kept_out(person)
    if kept_out is not None:
        return kept_out
    values: dict[str, Any] = dict(verdict)
    values["sourced_id"] = user_sourced_id("student", person.person.person_id)
    values["sex"] = SEXES.get(verdict.sex)
    return v1p1.Demographics(**values)


def _user_kept_out(person: PersonFacts) -> KeptOut | None:
    if username_of(person.accounts) is None:
        return reasons.referred("user", reasons.no_username(person.person.person_id))
    return None
