"""The query language: the parameters of a request → a checked Query. Pure.

All faults of a query are raised here, as ApiError with OneRoster 1.2's codes. Blank `filter` and
`sort` count as absent; an unknown `sort` gives the default order, as the standard has no error for
it; a parameter that no collection knows is left alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rosterline.api.errors import CodeMinor, bad_request
from rosterline.api.filters import ATTRIBUTES, Attribute, Filter, parse_filter

DEFAULT_LIMIT = 100
MAX_LIMIT = 50_000
MAX_OFFSET_DIGITS = 15


class Parameter(StrEnum):
    """The parameters that a collection understands."""

    LIMIT = "limit"
    OFFSET = "offset"
    SORT = "sort"
    ORDER_BY = "orderBy"
    FILTER = "filter"
    FIELDS = "fields"
    CURSOR = "cursor"


PARAMETERS = {parameter.value: parameter for parameter in Parameter}


@dataclass(frozen=True, slots=True)
class Query:
    """What a collection is asked for; `fields` is None for whole records."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: Attribute = Attribute.SOURCED_ID
    descending: bool = False
    filter: Filter | None = None
    fields: tuple[str, ...] | None = None
    cursor: str | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether its walk shows the state at its watermark alone (see `rosterline.api.walks`)."""
        by_stamp = self.sort is Attribute.DATE_LAST_MODIFIED
        return by_stamp or (self.filter is not None and self.filter.names_stamp)


def parse_query(parameters: Iterable[tuple[str, str]], attributes: frozenset[str]) -> Query:
    """Check the decoded parameters of a collection whose records have these attributes."""
    given = _gather(parameters)
    filter_text = given.get(Parameter.FILTER, "").strip()
    sort = ATTRIBUTES.get(given.get(Parameter.SORT, ""))
    return Query(
        limit=_number(given, Parameter.LIMIT, DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
        offset=_number(given, Parameter.OFFSET, 0, least=0, most=10**MAX_OFFSET_DIGITS),
        sort=sort or Attribute.SOURCED_ID,
        descending=_is_descending(given.get(Parameter.ORDER_BY)) and sort is not None,
        filter=parse_filter(filter_text) if filter_text else None,
        fields=parse_fields(given.get(Parameter.FIELDS), attributes),
        cursor=given.get(Parameter.CURSOR),
    )


def parse_selection(
    parameters: Iterable[tuple[str, str]], attributes: frozenset[str]
) -> tuple[str, ...] | None:
    """The `fields` of a request for one record."""
    return parse_fields(_gather(parameters).get(Parameter.FIELDS), attributes)


def parse_fields(text: str | None, attributes: frozenset[str]) -> tuple[str, ...] | None:
    """The chosen attributes, each once; None where nothing was chosen."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if not name:
            raise bad_request(CodeMinor.INVALID_SELECTION_FIELD, "fields contains an empty name")
        if name not in attributes:
            raise bad_request(
                CodeMinor.INVALID_SELECTION_FIELD,
                f"Unknown selection field {name[:60]!r}; "
                f"choose among {', '.join(sorted(attributes))}",
            )
    return names


def _gather(parameters: Iterable[tuple[str, str]]) -> dict[Parameter, str]:
    """The known parameters; `fields` may come several times, the others once."""
    given: dict[Parameter, str] = {}
    for name, value in parameters:
        parameter = PARAMETERS.get(name)
        if parameter is None:
            continue
        if parameter not in given:
            given[parameter] = value
        elif parameter is Parameter.FIELDS:
            given[parameter] += f",{value}"
        else:
            code = (
                CodeMinor.INVALID_FILTER_FIELD
                if parameter is Parameter.FILTER
                else CodeMinor.INVALID_DATA
            )
            raise bad_request(code, f"{parameter} is given more than once")
    return given


def _number(
    given: dict[Parameter, str], name: Parameter, default: int, *, least: int, most: int
) -> int:
    text = given.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_OFFSET_DIGITS
    if is_number and least <= int(text) <= most:
        return int(text)
    raise bad_request(
        CodeMinor.INVALID_DATA,
        f"{name} must be a whole number from {least} to {most}, not {text[:60]!r}",
    )


def _is_descending(text: str | None) -> bool:
    if text in (None, "", "asc"):
        return False
    if text == "desc":
        return True
    raise bad_request(CodeMinor.INVALID_DATA, "orderBy must be asc or desc")
