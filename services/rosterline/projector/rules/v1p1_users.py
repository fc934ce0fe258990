"""People as OneRoster 1.1 users: one for each role, with a letter and the person id as sourcedId.

Each role stands on its own rows: who has left as a student may still be there as a teacher. 1.2's
users decide nothing here; both versions ask the same claims.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rosterline.oneroster.v1p1 import User, reference
from rosterline.oneroster.v1p1 import UserRole as UserRoleV1p1
from rosterline.oneroster.v1p2 import Reference
from rosterline.oneroster.vocabulary import Entity, UserRole, boolean_text
from rosterline.projector.facts import Context, Person, PersonFacts
from rosterline.projector.rules import reasons
from rosterline.projector.rules.roles import Claim, ClaimsByRole, agent_role, claims_by_role, settle
from rosterline.projector.rules.users import grades_of, is_enabled, user_ids_of, username_of
from rosterline.projector.rules.values import present
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.visibility import tie_kept_out, tie_status


class Kind(NamedTuple):
    """A role of 1.1: the letter of its users' ids and its word."""

    letter: str
    role: UserRoleV1p1


KINDS: dict[UserRole, Kind] = {
    "student": Kind("s", "student"),
    "teacher": Kind("t", "teacher"),
    "aide": Kind("a", "administrator"),
    "guardian": Kind("g", "guardian"),
    "relative": Kind("r", "relative"),
}


def user_sourced_id(role: UserRole, person_id: int) -> str:
    """Seed 001, Users: "the Person ID with a leading letter indicating their role"."""
    return f"{KINDS[role].letter}{person_id}"


def user_sourced_ids(person_id: int) -> tuple[str, ...]:
    """The ids that a person can have in 1.1."""
    return tuple(user_sourced_id(role, person_id) for role in KINDS)


def build_users_v1p1(
    context: Context, person: PersonFacts, by_role: ClaimsByRole | None = None
) -> dict[str, Verdict]:
    """Seed 000, Usernames: "requires that a person record includes a username".

    A disabled account counts ("leave the accounts disabled"). One verdict for each possible id.
    `by_role` are the person's claims where they are known already.
    """
    found = by_role or claims_by_role(context, person)
    return {
        user_sourced_id(role, person.person.person_id): _build_user(
            context, person, role, settle(found[role])
        )
        for role in KINDS
    }


def _build_user(
    context: Context, person: PersonFacts, role: UserRole, claims: list[Claim] | KeptOut | None
) -> Verdict:
    row = person.person
    if claims is None:
        return reasons.no_capacity(row.person_id, KINDS[role].role)
    if isinstance(claims, KeptOut):
        return claims
    username = username_of(person.accounts)
    if username is None:
        return reasons.no_username(row.person_id)
    return User(
        sourced_id=user_sourced_id(role, row.person_id),
        status=claims[0].status,
        username=username,
        user_ids=user_ids_of(row),
        enabled_user=boolean_text(is_enabled(person.accounts)),
        given_name=row.given_name,
        family_name=row.family_name,
        middle_name=present(row.middle_name),
        role=KINDS[role].role,
        identifier=present(row.student_number if role == "student" else row.staff_number),
        email=_email(context, row),
        phone=present(row.other_phone),
        agents=_agents(context, person, role),
        orgs=_orgs(claims),
        grades=grades_of(context, claims[0].grade_level_id, local=False),
    )


def _email(context: Context, row: Person) -> str | None:
    """Seed 000: "mark Use Secondary Email addresses for OneRoster 1.1"; the other one if absent."""
    email = present(row.email)
    if context.switches.secondary_email_v1p1:
        return present(row.secondary_email) or email
    return email


def _orgs(claims: Sequence[Claim]) -> tuple[Reference, ...]:
    """The schools, in the order of the claims; the district of guardians and relatives.

    Seed 001: "Only students and staff are associated with schools"; but 1.1 demands an org.
    """
    guids = dict.fromkeys(claim.org_guid for claim in claims)
    return tuple(reference(Entity.ORGS, guid) for guid in guids)


def _agents(context: Context, person: PersonFacts, role: UserRole) -> tuple[Reference, ...] | None:
    """ONEROSTER §3.3: agents "must be recorded in both directions", so as far as both are users."""
    if role == "student":
        ids = {
            user_sourced_id(agent_role(tie), tie.person_id)
            for tie in person.related
            if tie.has_username and tie_kept_out(context, tie) is None
        }
    else:
        ids = {
            user_sourced_id("student", tie.person_id)
            for tie in person.students
            if agent_role(tie) == role
            and tie.has_username
            and not isinstance(tie_status(context, tie), KeptOut)
        }
    return tuple(reference(Entity.USERS, each) for each in sorted(ids)) or None
