"""The parameters of an operation, each with what it does and an example. Pure.

Filters, sorts and fields have several examples, of which the first is none: a form that is filled
with the first one asks for everything.
"""

from collections.abc import Iterable

from rosterline.api.dialects import Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.openapi.kinds import KINDS, Kind
from rosterline.api.openapi.nodes import TEXT, Node, example, refer
from rosterline.api.openapi.questions import QUESTIONS, filters_of
from rosterline.api.query.fields import fields_of, members
from rosterline.api.query.parsing import DEFAULT_LIMIT, MAX_LIMIT, SEARCHED
from rosterline.api.query.rules import ALSO, NO_ALIASES
from rosterline.oneroster.vocabulary import Entity

APP = "appName"
IF_NONE_MATCH = "IfNoneMatch"
CURSOR = "cursor"
SEARCHES = {Entity.USERS: "john smi", Entity.COURSES: "chemistry"}
ENTITY_TAG = '"f0e4c2f76c58916ec258f246851bea091d14d424"'


def shared_parameters(dialect: Dialect, *, has_app: bool) -> Node:
    """The parameters that operations refer to, by the name of their component."""
    shared: Node = {
        "limit": _query(
            "limit",
            "Records on a page; a page is never cut below what is asked for. Write 1000, not "
            "1,000. Without it 100.",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            example=DEFAULT_LIMIT,
        ),
        "offset": _query(
            "offset",
            "Records to skip. To read a whole collection follow the `next` links instead: they "
            "neither skip nor repeat a record while the data changes."
            + (" Must be a multiple of `limit`." if dialect.rules.strict_offset else ""),
            {"type": "integer", "minimum": 0, "default": 0},
            example=0,
        ),
        "orderBy": _query(
            "orderBy",
            "The direction of `sort`; without `sort` it does nothing.",
            {"type": "string", "enum": ["asc", "desc"]},
            example="asc",
        ),
        CURSOR: _query(
            CURSOR, "Where a page goes on, as the `next` link has it; not to be made up.", TEXT
        ),
        IF_NONE_MATCH: {
            "name": "If-None-Match",
            "in": "header",
            "description": "The `ETag` of an earlier answer: 304 and no body if it is still so.",
            "schema": TEXT,
            "examples": {
                "none": example("", "Answer in any case"),
                "tag": example(ENTITY_TAG, "Answer if it is another"),
            },
        },
    }
    if has_app:
        shared[APP] = {
            "name": APP,
            "in": "path",
            "required": True,
            "description": "The name of the connection whose token is sent.",
            "schema": TEXT,
            "example": "acme",
        }
    return shared


def operation_parameters(endpoint: Endpoint, dialect: Dialect, *, has_app: bool) -> list[Node]:
    """The parameters of an endpoint, in the order in which a person fills them in."""
    found = path_parameters(endpoint, has_app=has_app)
    if endpoint.shape is Shape.COLLECTION:
        found += [refer("parameters", name) for name in ("limit", "offset")]
        found += [_filter(endpoint, dialect), _sort(endpoint), refer("parameters", "orderBy")]
    found.append(_fields(endpoint))
    if endpoint.shape is Shape.COLLECTION and not dialect.is_xporter:
        found += _search(endpoint) if dialect.rules.searches else []
        found.append(refer("parameters", CURSOR))
    return [*found, refer("parameters", IF_NONE_MATCH)]


def path_parameters(endpoint: Endpoint, *, has_app: bool) -> list[Node]:
    """The connection and the ids that the path of an endpoint names."""
    app: list[Node] = [refer("parameters", APP)] if has_app else []
    return [*app, *_ids(endpoint)]


def id_places(endpoint: Endpoint) -> list[tuple[str, Kind]]:
    """The ids that the path of an endpoint names, each with what it is the id of."""
    segments = endpoint.path.strip("/").split("/")
    return [
        (name.strip("{}"), KINDS[segments[place - 1]])
        for place, name in enumerate(segments)
        if name.startswith("{")
    ]


def _ids(endpoint: Endpoint) -> list[Node]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The sourcedId of the {kind.single}: {kind.id_note(endpoint.version)}. "
            "Encode a slash as %2F.",
            "schema": TEXT,
            "example": kind.id_shown(endpoint.version),
        }
        for name, kind in id_places(endpoint)
    ]


def _query(name: str, description: str, schema: Node, **more: object) -> Node:
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def _examples(none: object, nothing: str, *shown: object) -> Node:
    """Named examples, the first of which leaves the parameter out."""
    numbered = {f"example{number}": example(value) for number, value in enumerate(shown, 1)}
    return {"none": example(none, nothing), **numbered}


def _filter(endpoint: Endpoint, dialect: Dialect) -> Node:
    rules = dialect.rules
    words = "AND and OR" + (", also written small," if rules.lower_operators else "")
    case = "values are not" if rules.folds_case else "values of texts are not"
    also = {**rules.aliases, **ALSO.get(endpoint.entity, NO_ALIASES)}
    aliases = [f"`{alias}` for `{name}`" for alias, name in also.items()]
    return _query(
        "filter",
        f"Only records that fulfil this: `field='value'`, or several of these joined by {words} "
        "with parentheses. Comparisons are `=`, `!=`, `>`, `>=`, `<`, `<=` and `~` (contains). The "
        "value stands in single quotes, one inside it is written twice. Names are case-sensitive, "
        f"{case}. Of a list `=` wants all values between commas, `~` one of them. A filter that "
        "names `status` or `dateLastModified` finds `tobedeleted` records too. Fields: "
        f"{_listed(_leaves(endpoint))}, and any path below `metadata`"
        + "".join(f"; {alias}" for alias in aliases),
        TEXT,
        examples=_examples("", "All active records", *filters_of(endpoint, dialect)),
    )


def _sort(endpoint: Endpoint) -> Node:
    first = QUESTIONS[endpoint.entity].sort
    return _query(
        "sort",
        "The field to sort by; without it, and by a name that is none, by `sourcedId`. "
        f"Fields: {_listed(_leaves(endpoint))}",
        TEXT,
        examples=_examples("", "By sourcedId", first, "dateLastModified"),
    )


def _fields(endpoint: Endpoint) -> Node:
    return {
        **_query(
            "fields",
            "Only these members of each record, separated by commas, a dot leads into one; they "
            "come in the standard's order, and nothing else does, not even `sourcedId`. Without it "
            f"all that have a value. Fields: {_listed(sorted(members(endpoint.collection)))}",
            {"type": "array", "items": TEXT},
        ),
        "style": "form",
        "explode": False,
        "examples": _examples([], "All members", list(QUESTIONS[endpoint.entity].fields)),
    }


def _search(endpoint: Endpoint) -> list[Node]:
    names = SEARCHED.get(endpoint.entity)
    if names is None:
        return []
    return [
        _query(
            "search",
            "Only records in which each of these words stands somewhere, in whatever case. "
            f"Looked through: {_listed(names)}",
            TEXT,
            examples=_examples("", "All", SEARCHES[endpoint.entity]),
        )
    ]


def _leaves(endpoint: Endpoint) -> list[str]:
    """The fields to ask by; addresses can be asked by, too, but nobody does."""
    return [name for name in fields_of(endpoint.collection) if not name.endswith(".href")]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
