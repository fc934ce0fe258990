"""What a viewer sees of a collection's records: which of them, and how much of each. Pure.

The conditions and expressions are of a table of the read model; values are parameters.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from rosterline.api.relations import View
from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.viewers import Viewer
from rosterline.db.tables.read_model import TABLE_NAMES, extra_columns
from rosterline.oneroster.views import AGENT_PARTS
from rosterline.oneroster.vocabulary import (
    COLLECTIONS,
    ROSTER,
    WRITTEN_COLLECTIONS,
    Collection,
    Entity,
)

TABLES: Mapping[Collection, str] = {
    found: f"{found.version}.{TABLE_NAMES[found.entity]}"
    for found in (*COLLECTIONS, *WRITTEN_COLLECTIONS)
}
# Whose documents name records of several schools.
NARROWED = frozenset({Entity.USERS, Entity.ORGS, Entity.ACADEMIC_SESSIONS})
# The members that lose something in them.
CUT = ("agents", "children", "orgs", "primaryOrg", "roles")
ROLES_OF_VIEWS = {"is_student": "student", "is_teacher": "teacher"}
# All but those of guardians and relatives, in either version.
OWN_ROLES = ("student", "teacher", "aide", "administrator")
BY_SCHOOL = frozenset({Entity.ENROLLMENTS, Entity.CLASSES})


def shown_document(
    collection: Collection,
    viewer: Viewer,
    parameters: Parameters,
    *,
    stored: str | None = None,
    is_gone: bool = False,
) -> str:
    """The stored document as the viewer sees it, but for its stamp.

    `is_gone`: a tombstone, which may name what has gone with it.
    """
    shown = _without_agents(stored or stored_document(collection, viewer), collection, viewer)
    if viewer.schools is not None and collection.entity in NARROWED:
        schools = schools_of(viewer, parameters)
        shown = f"{collection.version}.narrowed({shown}, {schools}{', true' if is_gone else ''})"
    return shown


def stored_document(collection: Collection, viewer: Viewer) -> str:
    """The document of which the viewer may see less in some members: it is at hand without work."""
    is_other = collection.entity is Entity.USERS and viewer.secondary_email
    return "coalesce(alternative, document)" if is_other else "document"


def shown_members(
    collection: Collection, viewer: Viewer, parameters: Parameters, *, stored: str
) -> Mapping[str, str]:
    """Documents of one member each, as the viewer sees it: of those that it may see less of."""
    kept = _without_agents(stored, collection, viewer)
    if viewer.schools is not None and collection.entity in NARROWED:
        schools = schools_of(viewer, parameters)
        return {
            name: f"{collection.version}.narrowed("
            f"""'{{"{name}":' || (({kept})::json ->> '{name}') || '}}', {schools})"""
            for name in CUT
        }
    return {} if kept == stored else dict.fromkeys(CUT, kept)


def _without_agents(document: str, collection: Collection, viewer: Viewer) -> str:
    if viewer.sees_agents or collection.entity is not Entity.USERS:
        return document
    return f"regexp_replace({document}, '{AGENT_PARTS}', '', 'g')"


def within_scope(collection: Collection, viewer: Viewer, parameters: Parameters) -> tuple[str, ...]:
    """What a record fulfils that the viewer may see."""
    conditions = []
    if collection.entity is Entity.USERS and not viewer.sees_agents:
        # Who is a guardian there and a teacher elsewhere is nobody there.
        conditions.append(has_own_place(viewer, parameters))
    if viewer.schools is not None:
        schools = schools_of(viewer, parameters)
        stands = f"schools && {schools}"
        # The index on the school finds them; `schools` says whose business they are.
        if collection.entity in BY_SCHOOL:
            conditions.append(f"school_id = ANY({schools})")
        conditions.append(
            stands if collection.entity in ROSTER else f"(schools IS NULL OR {stands})"
        )
    return tuple(conditions)


def in_view(view: View, viewer: Viewer, parameters: Parameters) -> str:
    """What a view holds; to a viewer of some schools nobody is what is shown of other schools."""
    role = ROLES_OF_VIEWS.get(view.column)
    if role is not None and viewer.schools is not None:
        return f"places && {places_of(viewer, parameters, (role,))}"
    # From the endpoint table, never from a request: a literal lets partial indexes serve.
    return view.column if view.value is None else f"{view.column} = '{view.value}'"


def places_of(viewer: Viewer, parameters: Parameters, roles: tuple[str, ...]) -> str:
    """The parameter that holds these roles at the schools that it is limited to."""
    places = places_at(viewer.schools or (), roles)
    return parameters.once(f"places of {roles}", places, "text[]")


def places_at(schools: Iterable[str], roles: Iterable[str]) -> list[str]:
    """These roles at these schools, as users' places have them."""
    kept = tuple(roles)
    return [f"{role}@{school}" for school in schools for role in kept]


def has_own_place(viewer: Viewer, parameters: Parameters) -> str:
    """What users who are more than agents fulfil, at the viewer's schools if it has some."""
    if viewer.schools is None:
        return "NOT is_agent"
    return f"places && {places_of(viewer, parameters, OWN_ROLES)}"


def true_columns(entity: Entity, viewer: Viewer) -> frozenset[str]:
    """The key columns that tell this viewer nothing but what its documents say.

    Of the flags of roles it is a view that says so.
    """
    columns = frozenset(key_columns(entity))
    is_cut = not viewer.sees_agents or viewer.schools is not None
    other_email = "email" if viewer.secondary_email else "alternative_email"
    return columns - ({"places", other_email} if is_cut else {other_email})


@cache
def key_columns(entity: Entity) -> tuple[str, ...]:
    """The names of the columns that only this entity has and that queries ask."""
    return tuple(column.name for column in extra_columns(entity) if column.name != "alternative")


def schools_of(viewer: Viewer, parameters: Parameters) -> str:
    """The parameter that holds the schools that it is limited to."""
    return parameters.once("schools", list(viewer.schools or ()), "text[]")
