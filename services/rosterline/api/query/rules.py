"""What a dialect changes in the query language. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rosterline.oneroster.vocabulary import Collection, Entity

NO_ALIASES: Mapping[str, str] = MappingProxyType({})
# Seed 002 has `lineItem.sourcedId` in assessment results, "records with filter
# lineItem.sourcedId=…": what is written under that name is found under it, and shown under the
# standard's.
ALSO: Mapping[Entity, Mapping[str, str]] = {
    Entity.ASSESSMENT_RESULTS: {
        f"lineItem{part}": f"assessmentLineItem{part}"
        for part in ("", ".sourcedId", ".href", ".type")
    }
}


@dataclass(frozen=True, slots=True)
class QueryRules:
    """The defaults are OneRoster 1.2's.

    `warns`: unknown names in `fields` and `sort` are told beside all data in the default order, as
    1.1 does. `aliases` are other names of fields, wherever a query names one. `folds_case`: no
    value is case sensitive. `strict_offset`: the offset is a multiple of the limit, and faults of
    both are 422. `lower_operators`: `and` and `or` are operators too. `blank_fields_are_all`: a
    blank `fields` chooses all of them. `searches`: there is a parameter `search`.
    """

    warns: bool = False
    aliases: Mapping[str, str] = field(default_factory=lambda: NO_ALIASES)
    folds_case: bool = False
    strict_offset: bool = False
    lower_operators: bool = False
    blank_fields_are_all: bool = False
    searches: bool = False

    def standard_name(self, name: str, collection: Collection) -> str:
        """The name of a field by any of its names; what is none stays as it is."""
        return self.aliases.get(name) or ALSO.get(collection.entity, NO_ALIASES).get(name, name)
