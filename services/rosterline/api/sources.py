"""What a viewer reads of a collection, as an SQL table expression and expressions upon it. Pure.

For a viewer without switches that is the table as it stands. To one without agents the users who
are nothing else are not there, but for the tombstones of those that it saw before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rosterline.api.endpoints import Endpoint
from rosterline.api.filters import Attribute, Filter, Predicate
from rosterline.api.viewers import Viewer, compare_stamp, is_after_switch
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.views import (
    AGENT_PARTS,
    EVERY_APP,
    EVERY_APP_ALTERNATIVE,
    STAMP_START,
)
from rosterline.oneroster.vocabulary import COLLECTIONS, TO_BE_DELETED, Collection, Entity

TABLES: Mapping[Collection, str] = {
    found: f"{found.version}."
    + ("academic_sessions" if found.entity is Entity.ACADEMIC_SESSIONS else found.entity)
    for found in COLLECTIONS
}
COLUMNS: Mapping[Attribute, str] = {
    Attribute.SOURCED_ID: "sourced_id",
    Attribute.STATUS: "status",
    Attribute.DATE_LAST_MODIFIED: "date_last_modified",
}
OPERATORS: Mapping[Predicate, str] = {
    Predicate.EQUAL: "=",
    Predicate.NOT_EQUAL: "<>",
    Predicate.GREATER: ">",
    Predicate.GREATER_OR_EQUAL: ">=",
    Predicate.LESS: "<",
    Predicate.LESS_OR_EQUAL: "<=",
}
STAMP_MEMBER = (
    f"""'{STAMP_START}' || to_char(date_last_modified AT TIME ZONE 'UTC', """
    """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'"""
)
SEEN = """(
    SELECT sourced_id, status, date_last_modified, is_student, is_teacher, {document} AS document
    FROM {table} WHERE NOT is_agent
)"""
# A user may have become more than an agent since; then the table shows the user. A tombstone stands
# in the views that it was in; quotes inside values are escaped, so only a role can be met.
WITHDRAWN = f"""(
    SELECT sourced_id, '{TO_BE_DELETED}' COLLATE "C" AS status, date_last_modified,
        strpos(document, '"role":"student"') > 0 AS is_student,
        strpos(document, '"role":"teacher"') > 0 AS is_teacher, document
    FROM rosterline.withdrawn AS gone
    WHERE app = {{app}} AND collection = '{{table}}' AND EXISTS (
        SELECT FROM {{table}} AS held WHERE held.sourced_id = gone.sourced_id AND held.is_agent
    )"""
UNLESS_FOR_EVERY_APP = """ AND NOT EXISTS (
        SELECT FROM rosterline.withdrawn AS newer
        WHERE newer.app = {every_app} AND newer.collection = '{table}'
            AND newer.sourced_id = gone.sourced_id
    )"""


@dataclass(slots=True)
class Parameters:
    """The parameters of a statement, $1 first; a name holds one for several uses."""

    values: list[object] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, value: object, type_name: str) -> str:
        """A new parameter, as it stands in the text."""
        self.values.append(value)
        return f"${len(self.values)}::{type_name}"

    def once(self, name: str, value: object, type_name: str) -> str:
        """The parameter of this name."""
        if name not in self.names:
            self.names[name] = self.add(value, type_name)
        return self.names[name]


@dataclass(frozen=True, slots=True)
class Source:
    """A table expression with the conditions that belong to it, and what it shows.

    `parts` make up the table, where it is put together: whoever wants them in order asks each for
    the first of its own, for the database puts the whole in order otherwise. `switched_at` is the
    stamp below which none is shown; None also where nothing lower can come up.
    """

    table: str
    parameters: Parameters
    conditions: tuple[str, ...] = ()
    shown: str = "document"
    switched_at: datetime | None = None
    parts: tuple[str, ...] = ()

    @property
    def stamp(self) -> str:
        """The effective stamp; what compares it with a value is `compare`, for the indexes."""
        if self.switched_at is None:
            return "date_last_modified"
        return f"GREATEST(date_last_modified, {self._switch(self.switched_at)})"

    @property
    def document(self) -> str:
        """The document with its effective stamp."""
        if self.switched_at is None:
            return self.shown
        older = f"date_last_modified < {self._switch(self.switched_at)}"
        return f"CASE WHEN {older} THEN {self.stamped(self.switched_at)} ELSE {self.shown} END"

    def stamped(self, moment: datetime) -> str:
        """The document with this moment as its stamp."""
        text = f'{STAMP_START}{format_stamp(moment)}"'
        member = self.parameters.once(f"stamp {text}", text, "text")
        return f"replace({self.shown}, {STAMP_MEMBER}, {member})"

    def compare(self, predicate: Predicate, value: datetime, name: str | None = None) -> str:
        """A condition on the effective stamp; a named value is one parameter for several uses."""
        found = compare_stamp(predicate, value, self.switched_at)
        if isinstance(found, bool):
            return "true" if found else "false"
        compared = (
            self.parameters.add(value, "timestamptz")
            if name is None
            else self.parameters.once(name, value, "timestamptz")
        )
        return f"date_last_modified {OPERATORS[found]} {compared}"

    def _switch(self, switched_at: datetime) -> str:
        return self.parameters.once("switched at", switched_at, "timestamptz")


def find_source(
    endpoint: Endpoint,
    viewer: Viewer,
    parameters: Parameters,
    *,
    filtered: Filter | None,
    shows_deleted: bool,
) -> Source:
    """What the viewer reads; `filtered` tells what may be left out because nobody asks for it."""
    table = TABLES[endpoint.collection]
    if endpoint.entity is not Entity.USERS:
        return Source(table, parameters)
    switched_at = viewer.switched_at
    if switched_at is not None and is_after_switch(filtered, switched_at):
        switched_at = None
    shown = "coalesce(alternative, document)" if viewer.secondary_email else "document"
    if viewer.sees_agents:
        return Source(table, parameters, shown=shown, switched_at=switched_at)
    shown = f"regexp_replace({shown}, '{AGENT_PARTS}', '', 'g')"
    if not shows_deleted:
        return Source(table, parameters, ("NOT is_agent",), shown, switched_at)
    texts = (
        SEEN.format(table=table, document=shown),
        _withdrawn(table, viewer, parameters, has_own=switched_at is not None),
    )
    whole = f"({' UNION ALL '.join(texts)}) AS users"
    parts = tuple(f"({text}) AS users" for text in texts)
    return Source(whole, parameters, switched_at=switched_at, parts=parts)


def _withdrawn(table: str, viewer: Viewer, parameters: Parameters, *, has_own: bool) -> str:
    """The viewer's own tombstones all have the stamp of a switch, so none comes after it."""
    every_app = f"'{EVERY_APP_ALTERNATIVE if viewer.secondary_email else EVERY_APP}'"
    texts = [WITHDRAWN.format(app=every_app, table=table)]
    if has_own:
        own = WITHDRAWN.format(app=parameters.once("app", viewer.app, "text"), table=table)
        texts.append(own + UNLESS_FOR_EVERY_APP.format(table=table, every_app=every_app))
    return " UNION ALL ".join(f"{text})" for text in texts)
