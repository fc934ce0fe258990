"""What a viewer sees of a collection's records: which of them, and how much of each. Pure.

The conditions and expressions are of a table of the read model; values are parameters.
"""

from collections.abc import Mapping
from functools import cache

from rosterline.api.parameters import Parameters
from rosterline.api.relations import View
from rosterline.api.viewers import Viewer
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
ROLES_OF_VIEWS = {"is_student": "student", "is_teacher": "teacher"}
# All but those of guardians and relatives, in either version.
OWN_ROLES = ("student", "teacher", "aide", "administrator")
BY_SCHOOL = frozenset({Entity.ENROLLMENTS, Entity.CLASSES})


def shown_document(
    collection: Collection, viewer: Viewer, parameters: Parameters, *, is_gone: bool = False
) -> str:
    """The stored document as the viewer sees it, but for its stamp.

    `is_gone`: a tombstone, which may name what has gone with it.
    """
    shown = "document"
    if collection.entity is Entity.USERS:
        shown = "coalesce(alternative, document)" if viewer.secondary_email else shown
        if not viewer.sees_agents:
            shown = f"regexp_replace({shown}, '{AGENT_PARTS}', '', 'g')"
    if viewer.schools is not None and collection.entity in NARROWED:
        schools = schools_of(viewer, parameters)
        shown = f"{collection.version}.narrowed({shown}, {schools}{', true' if is_gone else ''})"
    return shown


def within_scope(collection: Collection, viewer: Viewer, parameters: Parameters) -> tuple[str, ...]:
    """What a record fulfils that the viewer may see."""
    conditions = []
    if collection.entity is Entity.USERS and not viewer.sees_agents:
        # Who is a guardian there and a teacher elsewhere is nobody there.
        is_limited = viewer.schools is not None
        own = f"places && {places_of(viewer, parameters, OWN_ROLES)}" if is_limited else ""
        conditions.append(own or "NOT is_agent")
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
    places = [f"{role}@{school}" for role in roles for school in viewer.schools or ()]
    return parameters.once(f"places of {roles}", places, "text[]")


def true_columns(entity: Entity, viewer: Viewer) -> frozenset[str]:
    """The key columns that tell this viewer nothing but what its documents say."""
    columns = frozenset(key_columns(entity))
    untrue = {"email" if viewer.secondary_email else "alternative_email"}
    if viewer.schools is not None:
        untrue |= {"places", "is_student", "is_teacher"}
    elif not viewer.sees_agents:
        untrue.add("places")
    return columns - untrue


@cache
def key_columns(entity: Entity) -> tuple[str, ...]:
    """The names of the columns that only this entity has and that queries ask."""
    return tuple(column.name for column in extra_columns(entity) if column.name != "alternative")


def schools_of(viewer: Viewer, parameters: Parameters) -> str:
    """The parameter that holds the schools that it is limited to."""
    return parameters.once("schools", list(viewer.schools or ()), "text[]")
