"""What a connection makes of records that exist: hides some, alters others. Pure.

Which schools' records a connection with a list of schools has is read simply: users with a role at
one of them (guardians and relatives through their students), what belongs to them, and their
district.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.v1p2 import Class, Course, Demographics, Enrollment, Org, Record
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity
from rosterline.projector.draft import AGENTS, extra_of
from rosterline.projector.explain.findings import Finding
from rosterline.projector.explain.model import (
    AlteredRecord,
    ConnectionView,
    HiddenRecord,
    VersionNumber,
    record_name,
)
from rosterline.projector.facts import Context, Membership, PersonFacts
from rosterline.projector.rules.users import secondary_view
from rosterline.projector.rules.verdict import KeptOut
from rosterline.projector.rules.visibility import membership_status, tie_status

ROSTER_SCOPES = ("roster.readonly", "roster-core.readonly")
AGENTS_HIDDEN = "guardians and relatives hidden"
DEMOGRAPHICS_SCOPES = ("roster-demographics.readonly",)


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A row of `rosterline.connection`, without its credentials."""

    app: str
    version: VersionNumber
    scopes: tuple[str, ...]
    schools: tuple[str, ...] | None
    secondary_email: bool
    gradebook_sync: bool
    tombstones: bool
    sees_agents: bool


@dataclass(frozen=True, slots=True)
class Viewing:
    """A connection that looks at the records of a subject."""

    context: Context
    connection: ConnectionFacts
    person: PersonFacts | None

    def view(self, findings: Iterable[Finding]) -> ConnectionView:
        """What of the records it does not see, and what it sees otherwise."""
        hidden: list[HiddenRecord] = []
        altered: list[AlteredRecord] = []
        for finding in findings:
            if isinstance(finding.verdict, KeptOut):
                continue
            name = record_name(finding.collection, finding.sourced_id).model_dump()
            reason = self._hidden(finding.collection.entity, finding.verdict)
            if reason is not None:
                rule, because, remedy = reason
                hidden.append(HiddenRecord(**name, rule=rule, because=because, remedy=remedy))
                continue
            altered += (
                AlteredRecord(**name, rule=rule, because=because)
                for rule, because in self._altered(finding.verdict)
            )
        row = self.connection
        return ConnectionView(
            app=row.app,
            version=row.version,
            schools=row.schools,
            secondary_email=row.secondary_email,
            gradebook_sync=row.gradebook_sync,
            tombstones=row.tombstones,
            sees_agents=row.sees_agents,
            not_shown=tuple(hidden),
            altered=tuple(altered),
        )

    def _hidden(self, entity: Entity, record: Record) -> tuple[str, str, str] | None:
        row = self.connection
        needed = DEMOGRAPHICS_SCOPES if entity is Entity.DEMOGRAPHICS else ROSTER_SCOPES
        if not any(scope.rpartition("/")[2] in needed for scope in row.scopes):
            because = f"connection {row.app} lacks the scope for {entity.value}"
            return (
                "scope missing",
                because,
                f"Make connection {row.app} anew with scope {needed[0]}.",
            )
        if not row.sees_agents and is_agent_only(record):
            because = f"connection {row.app} has no gradebook sync: it sees no agents"
            remedy = f"Run `rosterline connection set {row.app} --gradebook-sync`."
            return AGENTS_HIDDEN, because, remedy
        if row.schools is None or schools_of(self.context, record, self.person) & {*row.schools}:
            return None
        return (
            "outside the connection's schools",
            f"the record belongs to no school of connection {row.app}",
            f"Make connection {row.app} anew with one of its schools.",
        )

    def _altered(self, record: Record) -> Iterator[tuple[str, str]]:
        row = self.connection
        if record.status == TO_BE_DELETED and not row.tombstones:
            yield "tombstones left out", "lists that filter on neither status nor date leave it out"
        if not row.sees_agents and has_agents(record):
            yield AGENTS_HIDDEN, "such roles and agents are left out of it"
        if (
            row.secondary_email
            and isinstance(record, v1p2.User)
            and self.person is not None
            and secondary_view(record, self.person.person) is not None
        ):
            yield "secondary email", "its email is the secondary address"


def is_agent_only(record: Record) -> bool:
    """Whether the record is a user who is guardian or relative and nothing else."""
    return isinstance(record, v1p1.User | v1p2.User) and extra_of(record)[-1] is True


def has_agents(record: Record) -> bool:
    """Whether guardians or relatives are named in a user's record."""
    if isinstance(record, v1p1.User):
        return record.agents is not None
    return isinstance(record, v1p2.User) and (
        record.agents is not None or any(role.role in AGENTS for role in record.roles)
    )


def schools_of(context: Context, record: Record, person: PersonFacts | None) -> set[str]:
    """The schools to which a record belongs; a district belongs to each of its schools."""
    match record:
        case Org():
            return {record.sourced_id, *(child.sourced_id for child in record.children or ())}
        case Course():
            return {record.org.sourced_id} if record.org else set()
        case Class() | Enrollment():
            return {record.school.sourced_id}
        case Demographics():
            return schools_of_memberships(context, person.memberships) if person else set()
        case v1p1.User():
            orgs = {org.sourced_id for org in record.orgs}
            is_agent = record.role in AGENTS
        case v1p2.User():
            orgs = {role.org.sourced_id for role in record.roles}
            is_agent = any(role.role in AGENTS for role in record.roles)
        case _:
            return set()
    return orgs | (schools_of_students(context, person) if person and is_agent else set())


def schools_of_students(context: Context, person: PersonFacts) -> set[str]:
    """The schools of the students whose guardian or relative a person is."""
    found: set[str] = set()
    for tie in person.students:
        if not isinstance(tie_status(context, tie), KeptOut):
            found |= schools_of_memberships(context, tie.memberships)
    return found


def schools_of_memberships(context: Context, memberships: Iterable[Membership]) -> set[str]:
    """The schools of the enrollments that count."""
    return {
        context.reference.calendars[row.calendar_id].school_guid
        for row in memberships
        if not isinstance(membership_status(context, row), KeptOut)
    }
