"""What a person is: each row that may be seen claims a role at an org; the claims make the roles.

1.2 has one user with many roles. The order of the claims decides everything that must be one: which
role is primary, which row names the grade. It depends on nothing but the rows themselves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from rosterline.oneroster.v1p2 import Role, reference
from rosterline.oneroster.vocabulary import ACTIVE, Entity, Status, UserRole
from rosterline.projector.facts import Assignment, Context, Membership, PersonFacts, Tie
from rosterline.projector.rules import reasons
from rosterline.projector.rules.values import day_text, present
from rosterline.projector.rules.verdict import KeptOut, Standing
from rosterline.projector.rules.visibility import assignment_status, membership_status, tie_status

ORDER: tuple[UserRole, ...] = ("student", "teacher", "aide", "guardian", "relative")
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


def find_claims(context: Context, facts: PersonFacts) -> list[Claim] | KeptOut:
    """The claims that count, in order: the current ones, or else the ended ones of this year."""
    claims: list[Claim] = []
    kept_out: list[KeptOut] = []
    for found in _all_claims(context, facts):
        if isinstance(found, KeptOut):
            kept_out.append(found)
        else:
            claims.append(found)
    if claims:
        current = [claim for claim in claims if claim.status == ACTIVE]
        return sorted(current or claims, key=lambda claim: claim.rank)
    if kept_out:
        return reasons.several(kept_out)
    return reasons.no_capacity(facts.person.person_id, "user")


def _all_claims(context: Context, facts: PersonFacts) -> Iterator[Claim | KeptOut]:
    for membership in facts.memberships:
        yield _student_claim(context, membership)
    for assignment in facts.assignments:
        yield from _staff_claims(context, assignment)
    for tie in facts.students:
        yield from _agent_claims(context, tie)


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


def _staff_claims(context: Context, assignment: Assignment) -> Iterator[Claim | KeptOut]:
    """Seed 000, Non-Teacher Staff: "a Role other than (or in addition to) Teacher"."""
    roles: list[UserRole] = ["teacher"] if assignment.teacher else []
    if any(present(name) for name in assignment.other_roles):
        roles.append("aide")
    if not roles:
        yield reasons.no_role(assignment.assignment_id)
        return
    standing = assignment_status(context, assignment)
    if isinstance(standing, KeptOut):
        yield standing
        return
    for role in roles:
        yield Claim(
            role=role,
            org_guid=assignment.school_guid,
            standing=standing,
            row_id=assignment.assignment_id,
            start_date=assignment.start_date,
            end_date=assignment.end_date,
        )


def _agent_claims(context: Context, tie: Tie) -> Iterator[Claim | KeptOut]:
    """DESIGN §4, Guardians: "in 1.2, where a role needs an org, it is the district"."""
    standing = tie_status(context, tie)
    if isinstance(standing, KeptOut):
        yield standing
        return
    for district_guid in _districts_of(context, tie.memberships):
        yield Claim(
            role="guardian" if tie.guardian else "relative",
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
