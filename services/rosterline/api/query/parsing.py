"""The query language: the parameters of a request → a checked Query. Pure.

All faults of a query are raised here, as ApiError that names what is wrong. Blank `filter`, `sort`
and `search` count as absent; an unknown `sort` gives the default order, and then `orderBy` says
nothing; a parameter that the dialect does not know is left alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rosterline.api.errors import ApiError, CodeMinor, bad_request
from rosterline.api.query.fields import Field, find_field
from rosterline.api.query.filters import And, Clause, Filter, Or, Predicate, parse_filter
from rosterline.api.query.rules import QueryRules
from rosterline.api.query.selections import Notice, Selection, parse_fields
from rosterline.api.query.shapes import SOURCED_ID
from rosterline.oneroster.vocabulary import Collection, Entity

DEFAULT_LIMIT = 100
MAX_LIMIT = 50_000
MOST_DIGITS = 15
MOST_WORDS = 10
MOST_SEARCHED = 200

# What the Timeback dialect's `search` looks through.
SEARCHED: Mapping[Entity, tuple[str, ...]] = {
    Entity.USERS: (
        "givenName",
        "familyName",
        "middleName",
        "preferredFirstName",
        "preferredMiddleName",
        "preferredLastName",
        "username",
        "email",
    ),
    Entity.COURSES: ("title",),
}


class Parameter(StrEnum):
    """The parameters that a collection understands."""

    LIMIT = "limit"
    OFFSET = "offset"
    SORT = "sort"
    ORDER_BY = "orderBy"
    FILTER = "filter"
    FIELDS = "fields"
    SEARCH = "search"
    CURSOR = "cursor"


PARAMETERS = {parameter.value: parameter for parameter in Parameter}
Given = Mapping[Parameter, str]


@dataclass(frozen=True, slots=True)
class Query:
    """What a collection is asked for.

    `sort` is None for the order of the ids; `filter` holds what is searched for, too; `fields` is
    None for whole records.
    """

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: Field | None = None
    descending: bool = False
    filter: Filter | None = None
    fields: tuple[str, ...] | None = None
    cursor: str | None = None
    warnings: tuple[Notice, ...] = ()

    @property
    def is_bounded(self) -> bool:
        """Whether its walk shows the state at its watermark alone (see `reading.walks`)."""
        by_stamp = self.sort is not None and self.sort.is_stamp
        return by_stamp or (self.filter is not None and self.filter.names_stamp)


def parse_query(
    parameters: Iterable[tuple[str, str]], collection: Collection, rules: QueryRules
) -> Query:
    """Check the decoded parameters of a request for records of a collection."""
    given = _gather(parameters, rules)
    limit, offset = _paging(given, rules)
    sort, warnings = _sort(given, collection, rules)
    selection = parse_fields(given.get(Parameter.FIELDS), collection, rules)
    return Query(
        limit=limit,
        offset=offset,
        sort=None if sort is None or sort.name == SOURCED_ID else sort,
        descending=sort is not None and _is_descending(given.get(Parameter.ORDER_BY)),
        filter=_filter(given, collection, rules),
        fields=selection.fields,
        cursor=given.get(Parameter.CURSOR),
        warnings=(*selection.warnings, *warnings),
    )


def parse_selection(
    parameters: Iterable[tuple[str, str]], collection: Collection, rules: QueryRules
) -> Selection:
    """The `fields` of a request for one record."""
    return parse_fields(_gather(parameters, rules).get(Parameter.FIELDS), collection, rules)


def _gather(parameters: Iterable[tuple[str, str]], rules: QueryRules) -> Given:
    """The known parameters; `fields` may come several times, the others once."""
    given: dict[Parameter, str] = {}
    for name, value in parameters:
        parameter = PARAMETERS.get(name)
        if parameter is None or (parameter is Parameter.SEARCH and not rules.searches):
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


def _filter(given: Given, collection: Collection, rules: QueryRules) -> Filter | None:
    """The filter and the search, of which both must hold."""
    text = given.get(Parameter.FILTER, "").strip()
    wanted = _search(given.get(Parameter.SEARCH, ""), collection)
    if text:
        wanted.insert(0, parse_filter(text, collection, rules))
    if not wanted:
        return None
    return wanted[0] if len(wanted) == 1 else And(tuple(wanted))


def _search(text: str, collection: Collection) -> list[Filter]:
    """Each word stands somewhere."""
    names = SEARCHED.get(collection.entity)
    if names is None:
        return []
    words = text.split()
    if len(words) > MOST_WORDS or len(text) > MOST_SEARCHED or "\0" in text:
        raise bad_request(
            CodeMinor.INVALID_DATA,
            f"search takes up to {MOST_WORDS} words of {MOST_SEARCHED} characters in all",
        )
    found = [field for name in names if (field := find_field(collection, name))]
    return [Or(tuple(Clause(field, Predicate.CONTAINS, word) for field in found)) for word in words]


def _sort(
    given: Given, collection: Collection, rules: QueryRules
) -> tuple[Field | None, tuple[Notice, ...]]:
    """The field to sort on; None also for one that nobody knows, in 1.1 with a warning."""
    name = given.get(Parameter.SORT, "").strip()
    field = find_field(collection, rules.standard_name(name, collection))
    if field is not None or not name or not rules.warns:
        return field, ()
    message = f"Unknown sort field {name[:60]!r} of {collection.entity}; the default order is given"
    return None, (Notice(CodeMinor.INVALID_SORT_FIELD, message),)


def _paging(given: Given, rules: QueryRules) -> tuple[int, int]:
    """Limit and offset; the texts of the faults that are 422 are those of seed 001."""
    text = given.get(Parameter.LIMIT, "")
    if rules.strict_offset and _is_number(text) and int(text[:MOST_DIGITS]) > MAX_LIMIT:
        raise _unprocessable(
            f"Invalid data: Pagination limit value must not be greater than {MAX_LIMIT}: "
            f"Invalid parameter 'limit' value of '{text[:60]}'."
        )
    limit = _number(given, Parameter.LIMIT, DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
    offset = _number(given, Parameter.OFFSET, 0, least=0, most=10**MOST_DIGITS)
    if rules.strict_offset and offset % limit:
        raise _unprocessable(
            "Invalid data; offset is not a modulus of limit: "
            f"Invalid parameter 'offset' value of '{offset}'."
        )
    return limit, offset


def _number(given: Given, name: Parameter, default: int, *, least: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if _is_number(text) and len(text) <= MOST_DIGITS and least <= int(text) <= most:
        return int(text)
    raise bad_request(
        CodeMinor.INVALID_DATA,
        f"{name} must be a whole number from {least} to {most}, not {text[:60]!r}",
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_descending(text: str | None) -> bool:
    """Asked beside a sort only: seed 001, "is ignored if a sort value is not entered"."""
    if text in (None, "", "asc"):
        return False
    if text == "desc":
        return True
    raise bad_request(CodeMinor.INVALID_DATA, "orderBy must be asc or desc")


def _unprocessable(message: str) -> ApiError:
    return ApiError(422, CodeMinor.INVALID_DATA, message)
