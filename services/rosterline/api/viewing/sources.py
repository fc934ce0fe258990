"""What a viewer reads of a collection, as an SQL table expression and expressions upon it. Pure.

For a viewer without switches or schools that is the table as it stands. To one without agents the
users who are nothing else are not there; to one that is limited to schools nothing is that stands
in none of them, and documents lose what they say of others. Both get tombstones of what they saw
before, and which is still there for others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from rosterline.api.query.filters import Filter, Predicate
from rosterline.api.relations import View
from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.tombstones import tombstones
from rosterline.api.viewing.viewers import Viewer, compare_stamp, is_after_switch
from rosterline.api.viewing.visibility import (
    TABLES,
    in_view,
    key_columns,
    schools_of,
    shown_document,
    shown_members,
    stored_document,
    true_columns,
    within_scope,
)
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.views import STAMP_START
from rosterline.oneroster.vocabulary import Collection, Entity

OPERATORS: Mapping[Predicate, str] = {
    Predicate.EQUAL: "=",
    Predicate.NOT_EQUAL: "<>",
    Predicate.GREATER: ">",
    Predicate.GREATER_OR_EQUAL: ">=",
    Predicate.LESS: "<",
    Predicate.LESS_OR_EQUAL: "<=",
}
COMMON = ("sourced_id", "status", "date_last_modified")
STAMP_MEMBER = (
    f"""'{STAMP_START}' || to_char(date_last_modified AT TIME ZONE 'UTC', """
    """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"'"""
)


# What a tombstone shows was cut when its part of the table was made.
UNLESS_GONE = "CASE WHEN is_gone THEN document ELSE {shown} END"
CARRIED = ("document", "date_last_modified")
NOTHING_CUT: Mapping[str, str] = MappingProxyType({})
EVERYBODY = Viewer(app="")


@dataclass(frozen=True, slots=True)
class Source:
    """A table expression with the conditions that belong to it, and what it shows.

    `shown` is a record's document, made of the columns that are `carried`. It may cost much, so
    that conditions ask `holding`. `parts` make up the table, where it is put together: whoever
    wants them in order asks each for the first of its own, for the database puts the whole in
    order otherwise. `switched_at` is the stamp below which none is shown; None also where nothing
    lower can come up.
    """

    table: str
    parameters: Parameters
    conditions: tuple[str, ...] = ()
    shown: str = "document"
    columns: frozenset[str] = frozenset()
    switched_at: datetime | None = None
    parts: tuple[str, ...] = ()
    viewer: Viewer = EVERYBODY
    stored: str = "document"
    members: Mapping[str, str] = field(default_factory=lambda: NOTHING_CUT)
    carried: tuple[str, ...] = CARRIED

    def holding(self, member: str) -> str:
        """A document whose member of this name is what is shown; of others it says nothing."""
        return self.members.get(member, self.stored)

    @property
    def uncut(self) -> "Source":
        """The same with all that is stored: what has to be found in this is found in no less."""
        return replace(self, members=NOTHING_CUT)

    @property
    def scope(self) -> str | None:
        """What enrollments that the viewer sees fulfil; None for all."""
        if self.viewer.schools is None:
            return None
        return f"schools && {schools_of(self.viewer, self.parameters)}"

    def view(self, view: View | None) -> list[str]:
        """The conditions of a view, if there is one."""
        return [] if view is None else [in_view(view, self.viewer, self.parameters)]

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
    collection: Collection,
    viewer: Viewer,
    parameters: Parameters,
    *,
    filtered: Filter | None,
    shows_deleted: bool,
) -> Source:
    """What the viewer reads; `filtered` tells what may be left out because nobody asks for it."""
    table = TABLES[collection]
    switched_at = None
    if collection.entity is Entity.USERS and viewer.switched_at is not None:
        is_later = is_after_switch(filtered, viewer.switched_at)
        switched_at = None if is_later else viewer.switched_at
    stored = stored_document(collection, viewer)
    conditions = within_scope(collection, viewer, parameters)
    gone: list[str] = []
    if shows_deleted:
        # Only then: a parameter that no text uses is an error.
        gone = tombstones(collection, viewer, parameters, has_own=switched_at is not None)
    plain = Source(
        table,
        parameters,
        conditions,
        shown_document(collection, viewer, parameters),
        true_columns(collection.entity, viewer),
        switched_at,
        viewer=viewer,
        stored=stored,
        members=shown_members(collection, viewer, parameters, stored=stored),
        carried=CARRIED if stored == "document" else (*CARRIED, "alternative"),
    )
    if not gone:
        return plain
    return _put_together(collection, plain, (_main_part(collection, plain), *gone))


def _put_together(collection: Collection, plain: Source, texts: Sequence[str]) -> Source:
    """The table with the tombstones beside it."""
    viewer, parameters = plain.viewer, plain.parameters
    shown = shown_document(collection, viewer, parameters, stored="document")
    members = shown_members(collection, viewer, parameters, stored="document")
    return replace(
        plain,
        table=f"({' UNION ALL '.join(texts)}) AS records",
        conditions=(),
        shown=UNLESS_GONE.format(shown=shown),
        stored="document",
        members={name: UNLESS_GONE.format(shown=text) for name, text in members.items()},
        carried=(*CARRIED, "is_gone"),
        parts=tuple(f"({text}) AS records" for text in texts),
    )


def _main_part(collection: Collection, plain: Source) -> str:
    """The table's records, beside which tombstones stand."""
    document = f"{plain.stored} AS document"
    columns = (*COMMON, *key_columns(collection.entity), document, "false AS is_gone")
    conditions = " AND ".join(plain.conditions) or "true"
    return f"SELECT {', '.join(columns)} FROM {plain.table} WHERE {conditions}"
