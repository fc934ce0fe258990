"""People as OneRoster users: one user per person, whose sourcedId is the Person GUID (seed 001)."""

from collections.abc import Sequence

from rosterline.oneroster.v1p2 import Reference, Role, User, UserId, reference
from rosterline.oneroster.vocabulary import Entity, boolean_text
from rosterline.projector.facts import Account, Context, Person, PersonFacts
from rosterline.projector.rules.roles import ClaimsByRole, build_roles, find_claims
from rosterline.projector.rules.values import present
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.rules.visibility import student_status, tie_kept_out, tie_status


def build_user(
    context: Context, person: PersonFacts, by_role: ClaimsByRole | None = None
) -> Verdict:
    """Seed 001, Users: "students, teachers, non-teacher staff, guardians, and relatives".

    `by_role` are the person's claims where they are known already.
    """
    claims = find_claims(context, person, by_role)
    if isinstance(claims, KeptOut):
        return claims
    row = person.person
    roles = build_roles(claims)
    return User(
        sourced_id=row.person_guid,
        status=claims[0].status,
        username=username_of(person.accounts),
        user_ids=user_ids_of(row),
        enabled_user=boolean_text(is_enabled(person.accounts)),
        given_name=row.given_name,
        family_name=row.family_name,
        middle_name=present(row.middle_name),
        preferred_first_name=present(row.preferred_given_name),
        pronouns=present(row.pronouns),
        roles=roles,
        primary_org=roles[0].org,
        identifier=_identifier(row, roles),
        email=present(row.email),
        sms=present(row.cell_phone),
        phone=present(row.other_phone),
        agents=_agents(context, person),
        grades=grades_of(context, claims[0].grade_level_id, local=context.switches.local_grades),
    )


def secondary_view(user: User, person: Person) -> User | None:
    """Seed 000: "Use Secondary Email", which "only applies to that specific connection".

    None where it makes no difference: without a secondary address the usual one stays.
    """
    address = present(person.secondary_email)
    if address is None or address == user.email:
        return None
    return user.model_copy(update={"email": address})


def is_enabled(accounts: Sequence[Account]) -> bool:
    """Seed 000, Usernames: "If users don't need access [...], leave the accounts disabled"."""
    return not accounts or not all(account.disabled for account in accounts)


def username_of(accounts: Sequence[Account]) -> str | None:
    """Of an enabled account where there is one; the same in both versions.

    Seed 000: "OneRoster 1.2 does not require all person records to have a username".
    """
    named = [account for account in accounts if present(account.username)]
    if not named:
        return None
    return min(named, key=lambda account: (account.disabled, account.user_account_id)).username


def user_ids_of(row: Person) -> tuple[UserId, ...] | None:
    """All numbers by which others know the person; `identifier` has room for one."""
    numbers = (
        ("studentNumber", present(row.student_number)),
        ("stateId", present(row.state_id)),
        ("staffNumber", present(row.staff_number)),
    )
    known = [UserId(type=kind, identifier=number) for kind, number in numbers if number]
    return tuple(known) or None


def _identifier(row: Person, roles: Sequence[Role]) -> str | None:
    is_student = any(role.role == "student" for role in roles)
    return present(row.student_number if is_student else row.staff_number)


def _agents(context: Context, person: PersonFacts) -> tuple[Reference, ...] | None:
    """ONEROSTER §3.3: agents "must be recorded in both directions; teachers are not agents"."""
    guids = {
        tie.person_guid
        for tie in person.students
        if not isinstance(tie_status(context, tie), KeptOut)
    }
    if not isinstance(student_status(context, person), KeptOut):
        guids |= {tie.person_guid for tie in person.related if tie_kept_out(context, tie) is None}
    return tuple(reference(Entity.USERS, guid) for guid in sorted(guids)) or None


def grades_of(
    context: Context, grade_level_id: int | None, *, local: bool
) -> tuple[str, ...] | None:
    """Seed 000, Grade Level Mappings: the NCES grade, or the local one where set for 1.2."""
    if grade_level_id is None:
        return None
    level = context.reference.grade_levels[grade_level_id]
    grade = present(level.name if local else level.nces_grade)
    return None if grade is None else (grade,)
