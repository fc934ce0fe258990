"""What a person is: each row that may be seen claims a role at an org; the claims make the roles.

1.2 has one user with many roles, 1.1 a user for each. The order of the claims decides everything
that must be one: which role is primary, which row names the grade. It depends on nothing but the
rows themselves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from rosterline.oneroster.v1p2 import Role, reference
from rosterline.oneroster.vocabulary import ACTIVE, Entity, Status, UserRole
from rosterline.projector.facts import Assignment, Context, Membership, PersonFacts, Tie
from rosterline.projector.rules import reasons
from rosterline.projector.rules.values import day_text, present
from rosterline.projector.rules.verdict import KeptOut, Standing
from rosterline.projector.rules.visibility import assignment_status, membership_status, tie_status

ORDER: tuple[UserRole, ...] = ("student", "teacher", "aide", "guardian", "relative")
AGENTS: frozenset[str] = frozenset({"guardian", "relative"})
PRIMARY_SERVICE = "P"


@dataclass(frozen=True, slots=True)
class Claim:
    """One row's claim to a role at an org. `grade_level_id` is a student's."""

    role: UserRole
    org_guid: str
    standing: Standing
    row_id: int
    start_date: date | None
    end_date: date | None
    is_secondary: bool = False
    grade_level_id: int | None = None

    @property
    def status(self) -> Status:
        """The status that the row gives."""
        return self.standing.status

    @property
    def rank(self) -> tuple[int, bool, date, int]:
        """DESIGN §4, Students: primary before secondary service, the earliest first; ties by id."""
        start_date = self.start_date or date.min
        return (ORDER.index(self.role), self.is_secondary, start_date, self.row_id)


ClaimsByRole = dict[UserRole, list[Claim | KeptOut]]


def find_claims(
    context: Context, facts: PersonFacts, by_role: ClaimsByRole | None = None
) -> list[Claim] | KeptOut:
    """What a user of 1.2 is, in order: the claims to all roles together."""
    by_role = by_role or claims_by_role(context, facts)
    found = chain.from_iterable(by_role.values())
    claims = settle(found)
    return reasons.no_capacity(facts.person.person_id, "user") if claims is None else claims


def settle(found: Iterable[Claim | KeptOut]) -> list[Claim] | KeptOut | None:
    """The current claims, or else the ended ones of this year, in order; else why there are none.

    None if no row says anything.
    """
    claims: list[Claim] = []
    kept_out: list[KeptOut] = []
    for each in found:
        if isinstance(each, KeptOut):
            kept_out.append(each)
        else:
            claims.append(each)
    if claims:
        current = [claim for claim in claims if claim.status == ACTIVE]
        return sorted(current or claims, key=lambda claim: claim.rank)
    return reasons.several(kept_out) if kept_out else None


def claims_by_role(context: Context, facts: PersonFacts) -> ClaimsByRole:
    """What each of the person's rows says of each role that it could give."""
    found: ClaimsByRole = {role: [] for role in ORDER}
    for membership in facts.memberships:
        found["student"].append(_student_claim(context, membership))
    for assignment in facts.assignments:
        for role, claim in _staff_claims(context, assignment):
            found[role].append(claim)
    for tie in facts.students:
        found[agent_role(tie)].extend(_agent_claims(context, tie))
    return found


def agent_role(tie: Tie) -> UserRole:
    """Seed 000: Guardians are "marked as Guardian and Portal", relatives as Portal."""
    return "guardian" if tie.guardian else "relative"


def _student_claim(context: Context, membership: Membership) -> Claim | KeptOut:
    standing = membership_status(context, membership)
    if isinstance(standing, KeptOut):
        return standing
    return Claim(
        role="student",
        org_guid=context.reference.calendars[membership.calendar_id].school_guid,
        standing=standing,
        row_id=membership.enrollment_id,
        start_date=membership.start_date,
        end_date=membership.end_date,
        is_secondary=membership.service_type != PRIMARY_SERVICE,
        grade_level_id=membership.grade_level_id,
    )


def _staff_claims(
    context: Context, assignment: Assignment
) -> Iterator[tuple[UserRole, Claim | KeptOut]]:
    """Seed 000, Non-Teacher Staff: "a Role other than (or in addition to) Teacher"."""
    roles: list[UserRole] = ["teacher"] if assignment.teacher else []
    if any(present(name) for name in assignment.other_roles):
        roles.append("aide")
    if not roles:
        nothing = reasons.no_role(assignment.assignment_id)
        yield from (("teacher", nothing), ("aide", nothing))
        return
    standing = assignment_status(context, assignment)
    for role in roles:
        if isinstance(standing, KeptOut):
            yield role, standing
            continue
        yield (
            role,
            Claim(
                role=role,
                org_guid=assignment.school_guid,
                standing=standing,
                row_id=assignment.assignment_id,
                start_date=assignment.start_date,
                end_date=assignment.end_date,
            ),
        )


def _agent_claims(context: Context, tie: Tie) -> Iterator[Claim | KeptOut]:
    """DESIGN §4, Guardians: "in 1.2, where a role needs an org, it is the district"."""
    standing = tie_status(context, tie)
    if isinstance(standing, KeptOut):
        yield standing
        return
    for district_guid in _districts_of(context, tie.memberships):
        yield Claim(
            role=agent_role(tie),
            org_guid=district_guid,
            standing=standing,
            row_id=tie.relationship_id,
            start_date=tie.start_date,
            end_date=tie.end_date,
        )


def _districts_of(context: Context, memberships: Iterable[Membership]) -> list[str]:
    calendars, schools = context.reference.calendars, context.reference.schools
    return sorted(
        {
            schools[calendars[row.calendar_id].school_guid].district_guid
            for row in memberships
            if not isinstance(membership_status(context, row), KeptOut)
        }
    )


def build_roles(claims: Iterable[Claim]) -> tuple[Role, ...]:
    """One role per role and org, in order; the first is the user's one primary role.

    Several rows for the same role and org make one role from the first day to the last.
    """
    grouped: dict[tuple[UserRole, str], list[Claim]] = {}
    for claim in claims:
        grouped.setdefault((claim.role, claim.org_guid), []).append(claim)
    return tuple(
        Role(
            role_type="secondary" if position else "primary",
            role=role,
            org=reference(Entity.ORGS, org_guid),
            begin_date=day_text(_first_day(held)),
            end_date=day_text(_last_day(held)),
        )
        for position, ((role, org_guid), held) in enumerate(grouped.items())
    )


def _first_day(claims: list[Claim]) -> date | None:
    days = [claim.start_date for claim in claims]
    known = [day for day in days if day is not None]
    return min(known) if len(known) == len(days) else None


def _last_day(claims: list[Claim]) -> date | None:
    days = [claim.end_date for claim in claims]
    known = [day for day in days if day is not None]
    return max(known) if len(known) == len(days) else None
