"""Which operation of which dialect an address names, in the time of its length. Pure.

The addresses of all dialects make one tree of segments; ids are taken as they were encoded, so that
one may hold a slash as %2F.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from starlette.types import Scope

from rosterline.api.dialects import APP_NAME, Dialect
from rosterline.api.endpoints import Endpoint, Service

MOST_SEGMENTS = 24
NO_ENDPOINTS: Mapping[str, Endpoint] = {}


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint as a dialect speaks it, with the names that the address holds.

    `endpoint` is None for an address below a service that has no such endpoint, or none of this
    method: those that it has are `methods`. `app` is the connection that the address names, `ids`
    are those of the parents and of the record.
    """

    dialect: Dialect
    endpoint: Endpoint | None
    app: str | None
    ids: tuple[str, ...]
    methods: tuple[str, ...] = ()


@dataclass(slots=True)
class _Node:
    """A place in the tree; `service` marks the root of a service of a dialect."""

    literals: dict[str, "_Node"] = field(default_factory=dict)
    wildcard: "_Node | None" = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    service: Dialect | None = None


class Routing:
    """Finds operations by path and method; HEAD asks what GET does."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._root = _Node()
        for dialect in dialects:
            self._add(dialect)

    def find(self, raw_path: str, method: str = "GET") -> Operation | None:
        """The operation of a path that is still percent-encoded; None for what is none of ours."""
        segments = raw_path.split("/", MOST_SEGMENTS)[1:]
        node, names, dialect = self._root, list[str](), None
        has_app, is_known = False, True
        for segment in segments:
            found = node.literals.get(segment) or node.wildcard
            if found is None:
                is_known = False
                break
            if found is node.wildcard:
                names.append(unquote(segment))
            node = found
            if node.service is not None:
                dialect, has_app = node.service, bool(names)
        if dialect is None:
            return None
        app = names[0] if has_app else None
        endpoints = node.endpoints if is_known else NO_ENDPOINTS
        endpoint = endpoints.get("GET" if method == "HEAD" else method)
        return Operation(dialect, endpoint, app, tuple(names[has_app:]), tuple(endpoints))

    def _add(self, dialect: Dialect) -> None:
        for service in Service:
            self._walk(_segments(dialect.prefix + dialect.paths[service])).service = dialect
        for endpoint in dialect.operations:
            node = self._walk(_segments(dialect.path(endpoint)))
            node.endpoints[endpoint.method] = endpoint

    def _walk(self, segments: Sequence[str | None]) -> _Node:
        node = self._root
        for segment in segments:
            if segment is None:
                node.wildcard = node.wildcard or _Node()
                node = node.wildcard
            else:
                node = node.literals.setdefault(segment, _Node())
        return node


def raw_path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.decode("ascii", "replace").partition("?")[0]


def sent_parameters(scope: Scope) -> list[tuple[str, str]]:
    """The decoded parameters of the query; what is no text in UTF-8 becomes U+FFFD."""
    query: bytes = scope["query_string"]
    return parse_qsl(query.decode(errors="replace"), keep_blank_values=True)


def _segments(path: str) -> list[str | None]:
    parts = path.strip("/").split("/")
    return [None if part == APP_NAME or part.startswith("{") else part for part in parts]
