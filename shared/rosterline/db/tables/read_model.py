"""Schemas `v1p2` and `v1p1`: the OneRoster read models, ready JSON beside the columns of queries.

`document` is the record as a GET answers it, but for the base of its addresses; `digest` is a hash
of it without its stamp, by which the projector sees that nothing visible changed; `sequence` is
that of the record's last event. Texts compare by code point (collation C), as the standard says.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from rosterline.oneroster.vocabulary import Entity, Version

V1P2 = MetaData(schema=Version.V1P2.value)
V1P1 = MetaData(schema=Version.V1P1.value)
CODE_POINT = Text(collation="C")
TABLE_NAMES: dict[Entity, str] = {
    entity: "academic_sessions" if entity is Entity.ACADEMIC_SESSIONS else entity.value
    for entity in Entity
}


def extra_columns(entity: Entity) -> list[Column[str] | Column[bool]]:
    """The columns that only this entity has.

    A user `is_agent` who is nothing but a guardian or relative. `alternative` is the document with
    the secondary email, for the connections that show that; null where there is no difference.
    """
    if entity in {Entity.ORGS, Entity.ACADEMIC_SESSIONS}:
        return [Column("type", CODE_POINT, nullable=False)]
    if entity is Entity.USERS:
        flags = ("is_student", "is_teacher", "is_agent")
        return [
            *(Column(name, Boolean, nullable=False) for name in flags),
            Column("alternative", Text, nullable=True),
        ]
    return []


def read_model_table(metadata: MetaData, entity: Entity) -> Table:
    """A collection: the columns that all have, its own, and an index for deltas.

    The index makes a delta cost what it finds, not what the table holds.
    """
    name = TABLE_NAMES[entity]
    indexes = [Index(f"{name}_by_stamp", "date_last_modified", "sourced_id")]
    if entity is Entity.USERS:
        indexes += [
            Index(f"users_{view}", "sourced_id", postgresql_where=text(flag))
            for view, flag in (("students", "is_student"), ("teachers", "is_teacher"))
        ]
    return Table(
        name,
        metadata,
        Column("sourced_id", CODE_POINT, primary_key=True),
        Column("status", CODE_POINT, nullable=False),
        Column("date_last_modified", TIMESTAMP(timezone=True, precision=3), nullable=False),
        Column("document", Text, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        *extra_columns(entity),
        *indexes,
    )


for _metadata in (V1P2, V1P1):
    for _entity in Entity:
        read_model_table(_metadata, _entity)
