"""What a viewer saw and sees no more although it is still there for others, as SQL. Pure.

Such records stand in `rosterline.withdrawn` (for connections without agents) and in
`rosterline.departed` (for connections that are limited to schools), as they were seen last.
"""

from collections.abc import Mapping

from rosterline.api.parameters import Parameters
from rosterline.api.viewers import Viewer
from rosterline.api.visibility import (
    OWN_ROLES,
    TABLES,
    key_columns,
    places_of,
    schools_of,
    shown_document,
)
from rosterline.oneroster.views import EVERY_APP, EVERY_APP_ALTERNATIVE
from rosterline.oneroster.vocabulary import ROSTER, TO_BE_DELETED, Collection, Entity

# A user may have become more than an agent since; then the table shows the user.
WITHDRAWN = f"""
    SELECT sourced_id, '{TO_BE_DELETED}' COLLATE "C" AS status, date_last_modified, {{columns}}
    FROM rosterline.withdrawn AS gone
    WHERE app = {{app}} AND collection = '{{table}}'{{limit}} AND EXISTS (
        SELECT FROM {{table}} AS held
        WHERE held.sourced_id = gone.sourced_id AND held.is_agent{{held}}
    )"""
UNLESS_FOR_EVERY_APP = """ AND NOT EXISTS (
        SELECT FROM rosterline.withdrawn AS newer
        WHERE newer.app = {every_app} AND newer.collection = '{table}'
            AND newer.sourced_id = gone.sourced_id
    )"""
# Who left several of the schools left the last of them last.
DEPARTED = f"""
    SELECT sourced_id, '{TO_BE_DELETED}' COLLATE "C" AS status, date_last_modified, {{columns}}
    FROM rosterline.departed AS gone
    WHERE collection = '{{table}}' AND school = ANY({{schools}}){{limit}} AND NOT EXISTS (
        SELECT FROM {{table}} AS held
        WHERE held.sourced_id = gone.sourced_id AND held.schools && {{schools}}
    ) AND NOT EXISTS (
        SELECT FROM rosterline.departed AS newer
        WHERE newer.collection = gone.collection AND newer.sourced_id = gone.sourced_id
            AND newer.school = ANY({{schools}})
            AND (newer.date_last_modified, newer.school) > (gone.date_last_modified, gone.school)
    )"""
# Quotes inside values are escaped, so that only a role can be met.
HAS_ROLE = """strpos(document, '"role":"{role}"') > 0"""
PLACES = """ARRAY(
        SELECT (part ->> 'role') || '@' || (part #>> '{org,sourcedId}')
        FROM json_array_elements(document::json -> 'roles') AS part
        UNION ALL
        SELECT (document::json ->> 'role') || '@' || (part ->> 'sourcedId')
        FROM json_array_elements(document::json -> 'orgs') AS part
    )"""
FLAGS = frozenset({HAS_ROLE.format(role="student"), HAS_ROLE.format(role="teacher"), "false"})
COLUMN_OF_DOCUMENT: Mapping[str, str] = {
    "type": "(document::json ->> 'type')",
    "role": "(document::json ->> 'role')",
    "is_student": HAS_ROLE.format(role="student"),
    "is_teacher": HAS_ROLE.format(role="teacher"),
    "is_agent": "false",
    "username": "(document::json ->> 'username')",
    "email": "(document::json ->> 'email')",
    "identifier": "(document::json ->> 'identifier')",
    "family_name": "(document::json ->> 'familyName')",
    "places": PLACES,
    "parent_id": "(document::json #>> '{parent,sourcedId}')",
    "org_id": "(document::json #>> '{org,sourcedId}')",
    "course_id": "(document::json #>> '{course,sourcedId}')",
    "school_id": "(document::json #>> '{school,sourcedId}')",
    "user_id": "(document::json #>> '{user,sourcedId}')",
    "class_id": "(document::json #>> '{class,sourcedId}')",
    "term_ids": """ARRAY(
        SELECT part ->> 'sourcedId' FROM json_array_elements(document::json -> 'terms') AS part
    )""",
}


def tombstones(
    collection: Collection, viewer: Viewer, parameters: Parameters, *, has_own: bool
) -> list[str]:
    """What the viewer saw and sees no more although it is still there for others."""
    found = []
    if collection.entity is Entity.USERS and not viewer.sees_agents:
        found += _withdrawn(collection, viewer, parameters, has_own=has_own)
    if viewer.schools is not None and collection.entity in ROSTER:
        found.append(_departed(collection, viewer, parameters))
    return found


def _withdrawn(
    collection: Collection, viewer: Viewer, parameters: Parameters, *, has_own: bool
) -> list[str]:
    """The viewer's own tombstones all have the stamp of a switch, so none comes after it."""
    every_app = f"'{EVERY_APP_ALTERNATIVE if viewer.secondary_email else EVERY_APP}'"
    document, held, seen = "document", "", ""
    if viewer.schools is not None:
        schools = schools_of(viewer, parameters)
        document = f"{collection.version}.narrowed(document, {schools}, true)"
        held = f" AND held.schools && {schools}"
        seen = _shown_there(viewer, parameters)
    values = {
        "columns": _columns_of_text(collection.entity, document, alternative="NULL::text"),
        "table": TABLES[collection],
        "held": held,
        "every_app": every_app,
    }
    texts = [WITHDRAWN.format(app=every_app, limit=seen, **values)]
    if has_own:
        app = parameters.once("app", viewer.app, "text")
        own = WITHDRAWN.format(app=app, limit="", **values)
        texts.append(own + UNLESS_FOR_EVERY_APP.format(**values))
    return texts


def _departed(collection: Collection, viewer: Viewer, parameters: Parameters) -> str:
    schools = schools_of(viewer, parameters)
    shown = shown_document(collection, viewer, parameters, is_gone=True)
    is_cut = collection.entity is Entity.USERS and not viewer.sees_agents
    return DEPARTED.format(
        columns=_columns_of_text(collection.entity, shown, alternative="alternative"),
        table=TABLES[collection],
        schools=schools,
        limit=_shown_there(viewer, parameters) if is_cut else "",
    )


def _shown_there(viewer: Viewer, parameters: Parameters) -> str:
    """The tombstone was more than an agent at one of the viewer's schools."""
    return f" AND {PLACES} && {places_of(viewer, parameters, OWN_ROLES)}"


def _columns_of_text(entity: Entity, document: str, *, alternative: str) -> str:
    """The columns of a tombstone, which stands in the views that its document tells of."""
    texts = {**COLUMN_OF_DOCUMENT, "alternative_email": f"({alternative}::json ->> 'email')"}
    keys = (f"{_collated(texts[name])} AS {name}" for name in key_columns(entity))
    return ", ".join((*keys, f"{document} AS document", "true AS is_gone"))


def _collated(text: str) -> str:
    return text if text in FLAGS else f'{text} COLLATE "C"'
