"""What a viewer saw and sees no more although it is still there for others, as SQL. Pure.

Such records stand in `rosterline.withdrawn` (for connections without agents) and in
`rosterline.departed` (for connections that are limited to schools), as they were seen last.
"""

from collections.abc import Mapping

from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.viewers import Viewer
from rosterline.api.viewing.visibility import (
    TABLES,
    key_columns,
    schools_of,
    shown_document,
    within_scope,
)
from rosterline.oneroster.views import EVERY_APP, EVERY_APP_ALTERNATIVE, OWN_SCOPE
from rosterline.oneroster.vocabulary import TO_BE_DELETED, Collection, Entity

# They stand in no school, so that they leave none.
EVERYWHERE = frozenset({Entity.CATEGORIES, Entity.RESOURCES})

# A user may have become more than an agent since; then the table shows the user.
WITHDRAWN = f"""
    SELECT sourced_id, '{TO_BE_DELETED}' COLLATE "C" AS status, date_last_modified, {{columns}}
    FROM rosterline.withdrawn AS gone
    WHERE app = {{app}} AND collection = '{{table}}' AND EXISTS (
        SELECT FROM {{table}} AS held WHERE held.sourced_id = gone.sourced_id AND held.is_agent
    )"""
UNLESS_FOR_EVERY_APP = """ AND NOT EXISTS (
        SELECT FROM rosterline.withdrawn AS newer
        WHERE newer.app = {every_app} AND newer.collection = '{table}'
            AND newer.sourced_id = gone.sourced_id
    )"""
# What a viewer of some schools saw and sees no more: whoever left several left the last one last.
DEPARTED = f"""
    SELECT sourced_id, '{TO_BE_DELETED}' COLLATE "C" AS status, date_last_modified, {{columns}}
    FROM ({{gone}}) AS gone
    WHERE NOT EXISTS (
        SELECT FROM {{table}} AS held
        WHERE held.sourced_id = gone.sourced_id AND {{seen}}
    ) AND NOT EXISTS (
        SELECT FROM ({{gone}}) AS newer
        WHERE newer.sourced_id = gone.sourced_id
            AND (newer.date_last_modified, newer.scope) > (gone.date_last_modified, gone.scope)
    )"""
FROM_SCHOOLS = """SELECT sourced_id, date_last_modified, school AS scope, document, alternative
        FROM rosterline.departed WHERE collection = '{table}' AND school = ANY({scopes})"""
# Withdrawn from the viewer alone, when a switch was turned.
FROM_VIEWER = """SELECT sourced_id, date_last_modified, '' AS scope, document, NULL AS alternative
        FROM rosterline.withdrawn WHERE collection = '{table}' AND app = {app}"""
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
    "parent_id": """coalesce(
        document::json #>> '{parent,sourcedId}',
        document::json #>> '{parentAssessmentLineItem,sourcedId}'
    )""",
    "line_item_id": """coalesce(
        document::json #>> '{lineItem,sourcedId}',
        document::json #>> '{assessmentLineItem,sourcedId}'
    )""",
    "student_id": "(document::json #>> '{student,sourcedId}')",
    "category_id": "(document::json #>> '{category,sourcedId}')",
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
    if viewer.schools is not None:
        is_kept = collection.entity not in EVERYWHERE
        return [_departed(collection, viewer, parameters, has_own=has_own)] if is_kept else []
    if collection.entity is Entity.USERS and not viewer.sees_agents:
        return _withdrawn(collection, viewer, parameters, has_own=has_own)
    return []


def _withdrawn(
    collection: Collection, viewer: Viewer, parameters: Parameters, *, has_own: bool
) -> list[str]:
    """The viewer's own tombstones all have the stamp of a switch, so none comes after it."""
    every_app = f"'{EVERY_APP_ALTERNATIVE if viewer.secondary_email else EVERY_APP}'"
    values = {
        "columns": _columns_of_text(collection.entity, "document", alternative="NULL::text"),
        "table": TABLES[collection],
        "every_app": every_app,
    }
    texts = [WITHDRAWN.format(app=every_app, **values)]
    if has_own:
        own = WITHDRAWN.format(app=parameters.once("app", viewer.app, "text"), **values)
        texts.append(own + UNLESS_FOR_EVERY_APP.format(**values))
    return texts


def _departed(
    collection: Collection, viewer: Viewer, parameters: Parameters, *, has_own: bool
) -> str:
    table = TABLES[collection]
    is_cut = collection.entity is Entity.USERS and not viewer.sees_agents
    scopes = schools_of(viewer, parameters)
    if is_cut:
        own = [OWN_SCOPE + school for school in viewer.schools or ()]
        scopes = parameters.once("own scopes", own, "text[]")
    gone = [FROM_SCHOOLS.format(table=table, scopes=scopes)]
    if is_cut and has_own:
        app = parameters.once("app", viewer.app, "text")
        gone.append(FROM_VIEWER.format(table=table, app=app))
    shown = shown_document(collection, viewer, parameters, is_gone=True)
    if len(gone) > 1:
        # The viewer's own are kept as it saw them, with what it sees no more.
        whole = f"{collection.version}.narrowed(document, {schools_of(viewer, parameters)}, true)"
        shown = f"CASE WHEN scope = '' THEN {whole} ELSE {shown} END"
    return DEPARTED.format(
        columns=_columns_of_text(collection.entity, shown, alternative="alternative"),
        gone=" UNION ALL ".join(gone),
        table=table,
        seen=" AND ".join(within_scope(collection, viewer, parameters)),
    )


def _columns_of_text(entity: Entity, document: str, *, alternative: str) -> str:
    """The columns of a tombstone, which stands in the views that its document tells of."""
    texts = {**COLUMN_OF_DOCUMENT, "alternative_email": f"({alternative}::json ->> 'email')"}
    keys = (f"{_collated(texts[name])} AS {name}" for name in key_columns(entity))
    return ", ".join((*keys, f"{document} AS document", "true AS is_gone"))


def _collated(text: str) -> str:
    return text if text in FLAGS else f'{text} COLLATE "C"'
