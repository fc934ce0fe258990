"""Dialects: the addresses and particulars under which the endpoint table is served. Pure.

A dialect is a prefix and a few switches; the handlers are the same for all (DESIGN §6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rosterline.api.endpoints import Endpoint, Service, Shape
from rosterline.api.operations import V1P1, V1P2
from rosterline.api.query.rules import QueryRules
from rosterline.api.write_operations import WRITES_V1P1, WRITES_V1P2
from rosterline.oneroster.vocabulary import Entity, Version

APP_NAME = "{appName}"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address, no secret
CAMPUS_TOKEN_PATH = "/campus/oauth2/token"  # noqa: S105 - likewise
XPORTER_PATH = "/api/ims/oneroster/v1p1/school"
V1P2_PATHS = {service: f"/ims/oneroster/{service}/v1p2" for service in Service}
V1P1_PATHS = dict.fromkeys(Service, "/ims/oneroster/v1p1")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where and how a version is spoken.

    `endpoints` are its reads, `writes` its writes. `prefix` stands before the paths of the services
    and before every `href`; with `{appName}` in it, that must be the caller's connection. `rules`
    are those of queries. `is_xporter`: answers and demands are seed 004's.
    """

    name: str
    title: str
    version: Version
    endpoints: tuple[Endpoint, ...]
    paths: Mapping[Service, str]
    prefix: str = ""
    token_path: str = TOKEN_PATH
    is_xporter: bool = False
    rules: QueryRules = field(default_factory=QueryRules)
    writes: tuple[Endpoint, ...] = ()

    @property
    def operations(self) -> tuple[Endpoint, ...]:
        """All that it serves."""
        return (*self.endpoints, *self.writes)

    def path(self, endpoint: Endpoint) -> str:
        """The endpoint's path from the root of the server."""
        return self.prefix + self.paths[endpoint.service] + endpoint.path

    def base(self, base_url: str, app: str) -> str:
        """What stands before the paths of the services, to the caller of this connection."""
        return base_url + self.prefix.replace(APP_NAME, app)


SCHOOL_COLLECTIONS = frozenset(
    {
        Entity.ORGS,
        Entity.USERS,
        Entity.ACADEMIC_SESSIONS,
        Entity.CLASSES,
        Entity.COURSES,
        Entity.ENROLLMENTS,
    }
)
XPORTER_ENDPOINTS = tuple(
    row
    for row in V1P1
    if row.entity in SCHOOL_COLLECTIONS
    and row.shape is Shape.COLLECTION
    and row.path == f"/{row.entity}"
)

# `search` is Timeback's, which speaks 1.2 at the standard's addresses.
V1P2_RULES = QueryRules(searches=True)
V1P1_RULES = QueryRules(warns=True)
# Seed 001: other names to filter by, "the value is not case sensitive", offset and limit in 422,
# and of `fields`: "When left blank, all fields display".
CAMPUS_RULES = QueryRules(
    aliases={"userSourcedId": "user.sourcedId", "classSourcedId": "class.sourcedId"},
    folds_case=True,
    strict_offset=True,
    blank_fields_are_all=True,
)
EDTECH_V1P2 = Dialect(
    "1edtech-1.2",
    "OneRoster 1.2",
    Version.V1P2,
    V1P2,
    V1P2_PATHS,
    rules=V1P2_RULES,
    writes=WRITES_V1P2,
)
EDTECH_V1P1 = Dialect(
    "1edtech-1.1",
    "OneRoster 1.1",
    Version.V1P1,
    V1P1,
    V1P1_PATHS,
    rules=V1P1_RULES,
    writes=WRITES_V1P1,
)
CAMPUS_APP_V1P2 = Dialect(
    "campus-app-1.2",
    "OneRoster 1.2 at the Campus addresses of an application",
    Version.V1P2,
    V1P2,
    V1P2_PATHS,
    prefix=f"/api/oneroster/v1p2/{APP_NAME}",
    token_path=CAMPUS_TOKEN_PATH,
    rules=CAMPUS_RULES,
    writes=WRITES_V1P2,
)
CAMPUS_V1P2 = Dialect(
    "campus-1.2",
    "OneRoster 1.2 at the Campus addresses",
    Version.V1P2,
    V1P2,
    V1P2_PATHS,
    prefix="/campus/api",
    token_path=CAMPUS_TOKEN_PATH,
    rules=CAMPUS_RULES,
    writes=WRITES_V1P2,
)
CAMPUS_APP_V1P1 = Dialect(
    "campus-app-1.1",
    "OneRoster 1.1 at the Campus addresses of an application",
    Version.V1P1,
    V1P1,
    V1P1_PATHS,
    prefix=f"/api/oneroster/v1p1/{APP_NAME}",
    token_path=CAMPUS_TOKEN_PATH,
    rules=replace(CAMPUS_RULES, warns=True),
    writes=WRITES_V1P1,
)
XPORTER = Dialect(
    "xporter",
    "OneRoster 1.1 of one school, as Xporter serves it",
    Version.V1P1,
    XPORTER_ENDPOINTS,
    dict.fromkeys(Service, XPORTER_PATH),
    token_path=f"{XPORTER_PATH}/auth/token",
    is_xporter=True,
    rules=QueryRules(warns=True, lower_operators=True, aliases={"orgSourcedIds": "orgs.sourcedId"}),
)
DIALECTS: tuple[Dialect, ...] = (
    EDTECH_V1P2,
    EDTECH_V1P1,
    CAMPUS_APP_V1P2,
    CAMPUS_V1P2,
    CAMPUS_APP_V1P1,
    XPORTER,
)
