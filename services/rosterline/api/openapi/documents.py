"""The OpenAPI documents: one of each dialect, and 1.2's own of each service (discovery). Pure.

Both are made of the same rows and fit both versions of OpenAPI. A dialect's document has whole
paths below the server's address; a service's has the standard's, below the service's address.
"""

from collections.abc import Iterable

from rosterline.api.dialects import APP_NAME, EDTECH_V1P2, Dialect
from rosterline.api.endpoints import NUMBERS, Endpoint, Service, Shape
from rosterline.api.openapi.examples import collection_of
from rosterline.api.openapi.ingest import TAG, ingest_operations
from rosterline.api.openapi.kinds import KINDS
from rosterline.api.openapi.nodes import Node, upper_first
from rosterline.api.openapi.parameters import id_places, operation_parameters, shared_parameters
from rosterline.api.openapi.responses import operation_responses, shared_headers, shared_responses
from rosterline.api.openapi.schemas import build_schemas
from rosterline.api.openapi.security import (
    AUTHORIZATION,
    operation_security,
    security_schemes,
    token_operation,
    version_operations,
)
from rosterline.api.openapi.writes import write_operation, write_parameters, write_responses

LICENCE: Node = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
READING = """\
Every committed change of the SIS shows here within a second or so.

**A whole collection**: follow the `next` links to the last page. No record is lost or repeated \
while the data changes.

**Changes since then**: ask for `dateLastModified` greater than the `Rosterline-Watermark` of the \
first page that you read, or than the largest `dateLastModified` that you saw. What is gone comes \
as `tobedeleted`; without such a filter collections hold active records only.

**Nothing new?** Send the `ETag` of the last answer as `If-None-Match`: 304 costs least."""


def build_document(dialect: Dialect, base_url: str) -> Node:
    """The document of a dialect for a server at this address."""
    base = dialect.base(base_url, APP_NAME)
    rows = dialect.operations
    has_app = APP_NAME in dialect.prefix
    paths: dict[str, Node] = {}
    for row in rows:
        operation = _operation(row, dialect, base, has_app=has_app)
        paths.setdefault(dialect.path(row), {})[row.method.lower()] = operation
    paths[dialect.token_path] = {"post": token_operation(dialect)}
    tags = [*_tags(rows), {"name": AUTHORIZATION, "description": "Access tokens"}]
    if dialect is EDTECH_V1P2:
        paths |= ingest_operations(dialect)
        tags.append({"name": TAG, "description": "Many records at once; what became of writes"})
    if dialect.is_xporter:
        root = dialect.prefix + dialect.paths[Service.ROSTERING]
        paths |= {root + path: {"get": row} for path, row in version_operations().items()}
        tags.append({"name": "Version", "description": "What answers here"})
    return {
        "openapi": "3.1.0",
        "info": _info(dialect, dialect.title),
        "servers": [{"url": base_url, "description": "This server"}],
        "tags": tags,
        "paths": paths,
        "components": _components(dialect, rows, base_url, base, is_whole=True),
    }


def build_service_document(dialect: Dialect, service: Service, base_url: str, app: str) -> Node:
    """The document that the standard wants a service to tell of itself; OpenAPI 3.0, as its files.

    `app` is the connection that the address names, where it names one.
    """
    base = dialect.base(base_url, app)
    rows = tuple(row for row in dialect.operations if row.service is service)
    paths: dict[str, Node] = {}
    for row in rows:
        operation = _operation(row, dialect, base)
        paths.setdefault(row.path, {})[row.method.lower()] = operation
    return {
        "openapi": "3.0.3",
        "info": _info(dialect, f"{dialect.title}: {service}"),
        "servers": [{"url": base + dialect.paths[service], "description": "This server"}],
        "tags": _tags(rows),
        "paths": paths,
        "components": _components(dialect, rows, base_url, base, is_whole=False),
    }


def _info(dialect: Dialect, title: str) -> Node:
    version = NUMBERS[dialect.version]
    return {"title": title, "version": version, "description": READING, "license": LICENCE}


def _components(
    dialect: Dialect, rows: tuple[Endpoint, ...], base_url: str, base: str, *, is_whole: bool
) -> Node:
    shown = base + dialect.paths[rows[0].service] + rows[0].path
    has_app = is_whole and APP_NAME in dialect.prefix
    has_writes = any(row.method != "GET" for row in rows)
    return {
        "schemas": build_schemas(dialect, frozenset(row.entity for row in rows)),
        "parameters": shared_parameters(dialect, has_app=has_app)
        | (write_parameters() if has_writes else {}),
        "headers": shared_headers(shown),
        "responses": shared_responses(dialect) | (write_responses(dialect) if has_writes else {}),
        "securitySchemes": security_schemes(
            dialect, rows, base_url + dialect.token_path, gives_tokens=is_whole
        ),
    }


def _operation(endpoint: Endpoint, dialect: Dialect, base: str, *, has_app: bool = False) -> Node:
    if endpoint.method != "GET":
        operation = write_operation(endpoint, dialect, base, has_app=has_app)
        return {**operation, "tags": [_tag(endpoint)]}
    return {
        "operationId": endpoint.operation_id,
        "summary": _summary(endpoint),
        "description": _description(endpoint),
        "tags": [_tag(endpoint)],
        "security": operation_security(endpoint, dialect),
        "parameters": operation_parameters(endpoint, dialect, has_app=has_app),
        "responses": operation_responses(endpoint, dialect, base),
    }


def _tag(endpoint: Endpoint) -> str:
    """As 1EdTech groups operations: by where their paths begin."""
    return f"{upper_first(endpoint.path.split('/')[1])}Management"


def _tags(rows: Iterable[Endpoint]) -> list[Node]:
    names = {_tag(row): KINDS[row.path.split("/")[1]].about for row in rows}
    return [{"name": name, "description": about} for name, about in names.items()]


def _summary(endpoint: Endpoint) -> str:
    kind = KINDS[collection_of(endpoint)]
    if endpoint.shape is Shape.SINGLE:
        return f"One {kind.single}"
    if endpoint.relation is None:
        return f"All {_plural(endpoint)}"
    first, *outer = [parent.single for _, parent in reversed(id_places(endpoint))]
    whole = f"{_plural(endpoint)} of a {first}"
    return upper_first(" in a ".join([whole, *outer]))


def _plural(endpoint: Endpoint) -> str:
    """`lineItems` as words."""
    name = collection_of(endpoint)
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _description(endpoint: Endpoint) -> str:
    if endpoint.shape is Shape.SINGLE:
        return "Also when its status is `tobedeleted`."
    if endpoint.relation is None:
        return "Active ones; `tobedeleted` ones too when the filter names status or date."
    parents = " or ".join(parent.single for _, parent in id_places(endpoint))
    return f"404 if there is no such {parents}, an empty list if there are no {_plural(endpoint)}."
