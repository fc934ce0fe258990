"""Who reads, as far as it changes what is read: a connection's switches and schools. Pure.

To a connection whose switch was turned at stamp F, every user has changed at F: nothing is stored
anew, but its users' effective stamp is the greater one of the record's own and F. So its pollers
learn of the switch as of any other change, and `reading.walks` holds for it as it stands.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from rosterline.api.query.filters import Filter, Predicate
from rosterline.oneroster.vocabulary import Entity

ALWAYS_AFTER = frozenset({Predicate.GREATER, Predicate.GREATER_OR_EQUAL, Predicate.NOT_EQUAL})
# At X = F: what is asked of the effective stamp, as it is asked of the record's own.
AT_THE_SWITCH: dict[Predicate, Predicate | bool] = {
    Predicate.GREATER: Predicate.GREATER,
    Predicate.GREATER_OR_EQUAL: True,
    Predicate.EQUAL: Predicate.LESS_OR_EQUAL,
    Predicate.NOT_EQUAL: Predicate.GREATER,
    Predicate.LESS_OR_EQUAL: Predicate.LESS_OR_EQUAL,
    Predicate.LESS: False,
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """A connection's switches; the defaults are those of one that sees records as they stand.

    `switched_at` is the stamp of the last turn of a switch that changes users; `schools` are those
    that it is limited to, None for all.
    """

    app: str
    secondary_email: bool = False
    sees_agents: bool = True
    tombstones: bool = False
    switched_at: datetime | None = None
    schools: tuple[str, ...] | None = None

    def towards(self, entity: Entity) -> "Viewer":
        """The viewer as far as it matters for an entity: two that are equal see the same."""
        if entity is not Entity.USERS:
            return Viewer(app="", tombstones=self.tombstones, schools=self.schools)
        has_own_tombstones = not self.sees_agents and self.switched_at is not None
        return self if has_own_tombstones else replace(self, app="")


def compare_stamp(
    predicate: Predicate, value: datetime, switched_at: datetime | None
) -> Predicate | bool:
    """How a record's own stamp compares with `value` where the effective one shall: by a predicate,
    always, or never. So the indexes on the stored stamp serve.
    """
    if switched_at is None or value > switched_at:
        return predicate
    if value == switched_at:
        return AT_THE_SWITCH[predicate]
    return predicate in ALWAYS_AFTER


def is_after_switch(filtered: Filter | None, switched_at: datetime) -> bool:
    """Whether a filter asks only for what is later than the switch: the usual delta."""
    return filtered is not None and filtered.implies_after(switched_at)
