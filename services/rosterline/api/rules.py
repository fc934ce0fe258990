"""What a dialect changes in the query language. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_ALIASES: Mapping[str, str] = MappingProxyType({})


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
