"""OneRoster's scope names of both versions, and which scope includes which. Pure."""

import re
from collections.abc import Iterable, Mapping

V1P2 = "https://purl.imsglobal.org/spec/or/v1p2/scope/"
V1P1 = "https://purl.imsglobal.org/spec/or/v1p1/scope/"

# Rosterline's own: explanations, for the district's administrators; only where it is asked for.
ADMIN = "urn:rosterline:scope:admin"

ROSTER = f"{V1P2}roster.readonly"
ROSTER_CORE = f"{V1P2}roster-core.readonly"
ROSTER_DEMOGRAPHICS = f"{V1P2}roster-demographics.readonly"
GRADEBOOK = f"{V1P2}gradebook.readonly"
GRADEBOOK_CORE = f"{V1P2}gradebook-core.readonly"
ASSESSMENT = f"{V1P2}assessment.readonly"
RESOURCE = f"{V1P2}resource.readonly"
RESOURCE_CORE = f"{V1P2}resource-core.readonly"
GRADEBOOK_PUT = f"{V1P2}gradebook.createput"
GRADEBOOK_POST = f"{V1P2}gradebook.createpost"
GRADEBOOK_DELETE = f"{V1P2}gradebook.delete"
ASSESSMENT_PUT = f"{V1P2}assessment.createput"
ASSESSMENT_DELETE = f"{V1P2}assessment.delete"

KNOWN: Mapping[str, tuple[str, ...]] = {
    "1.2": (
        ROSTER,
        ROSTER_CORE,
        ROSTER_DEMOGRAPHICS,
        GRADEBOOK,
        GRADEBOOK_CORE,
        GRADEBOOK_PUT,
        GRADEBOOK_POST,
        GRADEBOOK_DELETE,
        ASSESSMENT,
        ASSESSMENT_PUT,
        ASSESSMENT_DELETE,
        RESOURCE,
        RESOURCE_CORE,
        ADMIN,
    ),
    "1.1": (
        f"{V1P1}roster.readonly",
        f"{V1P1}roster-core.readonly",
        f"{V1P1}roster-demographics.readonly",
        f"{V1P1}resource.readonly",
        f"{V1P1}gradebook.readonly",
        f"{V1P1}gradebook.createput",
        f"{V1P1}gradebook.delete",
        ADMIN,
    ),
}

# Demographics are sensitive: a connection has them only where they were asked for.
DEFAULT: Mapping[str, tuple[str, ...]] = {
    "1.2": (ROSTER,),
    "1.1": (f"{V1P1}roster.readonly",),
}

INCLUDES: Mapping[str, str] = {
    ROSTER: ROSTER_CORE,
    f"{V1P1}roster.readonly": f"{V1P1}roster-core.readonly",
    GRADEBOOK: GRADEBOOK_CORE,
    RESOURCE: RESOURCE_CORE,
}

# Those that allow to write, of both versions.
WRITING: frozenset[str] = frozenset(
    scope
    for scopes in KNOWN.values()
    for scope in scopes
    if scope.endswith((".createput", ".createpost", ".delete"))
)


def with_included(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes and those that they include, each once, in order."""
    found: dict[str, None] = {}
    for scope in scopes:
        found[scope] = None
        if scope in INCLUDES:
            found[INCLUDES[scope]] = None
    return tuple(found)


def short_name(scope: str) -> str:
    """Its last part."""
    return re.split("[/:]", scope)[-1]


def find_scope(version: str, name: str) -> str | None:
    """The full name of a scope given in full or by its last part."""
    return next((scope for scope in KNOWN[version] if name in (scope, short_name(scope))), None)


def in_v1p1(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes of 1.1 that say the same; it has core scopes for the roster only."""
    named = (scope.replace(V1P2, V1P1) for scope in scopes)
    return tuple(scope for scope in named if scope in KNOWN["1.1"])
