"""Schemas `v1p2` and `v1p1`: the OneRoster read models, ready JSON beside the columns of queries.

`document` is the record as a GET answers it, but for the base of its addresses; `digest` is a hash
of it without its stamp, by which the projector sees that nothing visible changed; `sequence` is
that of the record's last event. `schools` are those in whose scope the record stands, null for all.
Texts compare by code point (collation C), as the standard says.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

from rosterline.oneroster.vocabulary import (
    ACTIVE,
    COLLECTIONS,
    WRITTEN_COLLECTIONS,
    Entity,
    Version,
)

V1P2 = MetaData(schema=Version.V1P2.value)
V1P1 = MetaData(schema=Version.V1P1.value)
CODE_POINT = Text(collation="C")
SEVERAL = ARRAY(CODE_POINT)
# How texts are compared where case makes no difference: the same in every installation.
FOLDED = 'lower({column} COLLATE "pg_c_utf8")'
TABLE_NAMES: dict[Entity, str] = {
    **{entity: entity.value for entity in Entity},
    Entity.ACADEMIC_SESSIONS: "academic_sessions",
    Entity.SCORE_SCALES: "score_scales",
    Entity.LINE_ITEMS: "line_items",
    Entity.ASSESSMENT_LINE_ITEMS: "assessment_line_items",
    Entity.ASSESSMENT_RESULTS: "assessment_results",
}
# Columns beside those that all have: the ids of references, and what clients search by. Those that
# are named here are indexed, with the id behind for the order of a page; the value is the record's.
KEYS: dict[Entity, tuple[str, ...]] = {
    Entity.ORGS: ("type",),
    Entity.ACADEMIC_SESSIONS: ("type", "parent_id"),
    Entity.COURSES: ("org_id",),
    Entity.CLASSES: ("course_id", "school_id"),
    Entity.USERS: (),
    Entity.DEMOGRAPHICS: (),
    Entity.ENROLLMENTS: ("user_id", "class_id", "school_id"),
    Entity.CATEGORIES: (),
    Entity.SCORE_SCALES: ("class_id",),
    Entity.LINE_ITEMS: ("class_id", "category_id"),
    Entity.RESULTS: ("line_item_id", "student_id", "class_id"),
    Entity.ASSESSMENT_LINE_ITEMS: ("parent_id", "class_id"),
    Entity.ASSESSMENT_RESULTS: ("line_item_id", "student_id"),
    Entity.RESOURCES: (),
}
# Compared without regard to case, and indexed so.
FOLDED_KEYS = ("username", "email", "alternative_email", "identifier", "family_name")
# They grow with the students: a total, and what an offset skips, is counted in an index alone.
LARGE = frozenset(
    {
        Entity.USERS,
        Entity.DEMOGRAPHICS,
        Entity.ENROLLMENTS,
        Entity.RESULTS,
        Entity.ASSESSMENT_RESULTS,
    }
)
LISTS: dict[Entity, tuple[str, ...]] = {
    Entity.CLASSES: ("term_ids",),
    Entity.USERS: ("places",),
    Entity.RESOURCES: ("class_ids", "course_ids", "user_ids"),
}


def extra_columns(entity: Entity) -> list[Column[str] | Column[bool]]:
    """The columns that only this entity has.

    A user `is_agent` who is nothing but a guardian or relative. `alternative` is the document with
    the secondary email, for the connections that show that; null where there is no difference.
    `places` are the user's roles at orgs, as `student@` and the org's id.
    """
    columns: list[Column[str] | Column[bool]] = [
        Column(name, CODE_POINT, nullable=name != "type") for name in KEYS[entity]
    ]
    if entity is Entity.ENROLLMENTS:
        columns.append(Column("role", CODE_POINT, nullable=True))
    if entity is Entity.USERS:
        flags = ("is_student", "is_teacher", "is_agent")
        columns += (Column(name, Boolean, nullable=False) for name in flags)
        columns.append(Column("alternative", Text, nullable=True))
        columns += (Column(name, CODE_POINT, nullable=True) for name in FOLDED_KEYS)
    columns += (Column(name, SEVERAL, nullable=True) for name in LISTS.get(entity, ()))
    return columns


def indexes_of(entity: Entity) -> list[Index]:
    """For deltas, so that they cost what they find, and for what clients ask by."""
    name = TABLE_NAMES[entity]
    indexes = [Index(f"{name}_by_stamp", "date_last_modified", "sourced_id")]
    if entity not in {Entity.ORGS, Entity.ACADEMIC_SESSIONS}:
        indexes += [Index(f"{name}_by_{key}", key, "sourced_id") for key in KEYS[entity]]
    if entity in LARGE:
        is_active = text(f"status = '{ACTIVE}'")
        indexes.append(Index(f"{name}_active", "sourced_id", postgresql_where=is_active))
    if entity is Entity.USERS:
        indexes += [
            Index(f"users_{view}", "sourced_id", postgresql_where=text(flag))
            for view, flag in (("students", "is_student"), ("teachers", "is_teacher"))
        ]
        indexes += [
            Index(f"users_by_{key}", text(FOLDED.format(column=key)), "sourced_id")
            for key in FOLDED_KEYS
        ]
        indexes.append(Index("users_by_schools", "schools", postgresql_using="gin"))
    indexes += [
        Index(f"{name}_by_{key}", key, postgresql_using="gin") for key in LISTS.get(entity, ())
    ]
    return indexes


def read_model_table(metadata: MetaData, entity: Entity) -> Table:
    """A collection: the columns that all have, its own, and its indexes."""
    return Table(
        TABLE_NAMES[entity],
        metadata,
        Column("sourced_id", CODE_POINT, primary_key=True),
        Column("status", CODE_POINT, nullable=False),
        Column("date_last_modified", TIMESTAMP(timezone=True, precision=3), nullable=False),
        Column("document", Text, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("schools", SEVERAL, nullable=True),
        *extra_columns(entity),
        *indexes_of(entity),
    )


for _collection in (*COLLECTIONS, *WRITTEN_COLLECTIONS):
    read_model_table(V1P2 if _collection.version is Version.V1P2 else V1P1, _collection.entity)
