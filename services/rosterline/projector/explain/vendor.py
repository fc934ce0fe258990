"""What a connection makes of records that exist: hides some, alters others. Pure.

A connection with a list of schools sees the records that stand in the scope of one of them, which
is what the read model has of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rosterline.oneroster import v1p1, v1p2
from rosterline.oneroster.record import Record
from rosterline.oneroster.views import OWN_SCOPE, own_scopes
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Entity
from rosterline.projector.columns import columns_of
from rosterline.projector.explain.findings import Finding
from rosterline.projector.explain.model import (
    AlteredRecord,
    ConnectionView,
    HiddenRecord,
    VersionNumber,
    record_name,
)
from rosterline.projector.facts import PersonFacts
from rosterline.projector.rules.roles import AGENTS
from rosterline.projector.rules.users import secondary_view
from rosterline.projector.rules.verdict import KeptOut

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
            reason = self._hidden(finding, finding.verdict)
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

    def _hidden(self, finding: Finding, record: Record) -> tuple[str, str, str] | None:
        row, entity = self.connection, finding.collection.entity
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
        if row.schools is None or not {*row.schools}.isdisjoint(self._schools(finding, record)):
            return None
        return (
            "outside the connection's schools",
            f"the record belongs to no school of connection {row.app}",
            f"Make connection {row.app} anew with one of its schools.",
        )

    def _schools(self, finding: Finding, record: Record) -> Iterable[str]:
        """Where it stands to the connection: one without agents sees users where they are more."""
        is_user = isinstance(record, v1p1.User | v1p2.User)
        if self.connection.sees_agents or not is_user:
            return finding.schools
        scopes = own_scopes(columns_of(record)["places"])
        return [scope.removeprefix(OWN_SCOPE) for scope in scopes]

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
    return isinstance(record, v1p1.User | v1p2.User) and bool(columns_of(record)["is_agent"])


def has_agents(record: Record) -> bool:
    """Whether guardians or relatives are named in a user's record."""
    if isinstance(record, v1p1.User):
        return record.agents is not None
    return isinstance(record, v1p2.User) and (
        record.agents is not None or any(role.role in AGENTS for role in record.roles)
    )
