"""Schema `mirror`: the projector's copy of the SIS and of written records, without references.

Rows arrive in snapshot order, so a foreign key could not hold; nullability is the SIS's affair.
"""

from sqlalchemy import Column, Index, MetaData, Table, text

from rosterline.db.tables.records import RECORDS, reference_index
from rosterline.db.tables.sis import SIS

MIRROR = MetaData(schema="mirror")
# The days on which outcomes flip: what a new day concerns is found through these.
NAMED_DAYS: dict[str, tuple[str, ...]] = {
    "enrollment": ("end_date",),
    "district_assignment": ("end_date",),
    "relationship": ("start_date", "end_date"),
    "roster": ("end_date",),
    "section_staff": ("end_date",),
}

# By which the records of both versions find each other's ids.
IDENTIFIED: dict[str, tuple[str, ...]] = {"person": ("person_guid",)}

# What a written record shows follows from these: it is built anew when one of them changes.
SHOWN_WITH: dict[str, tuple[str, ...]] = {
    "document": ("student_id", "class_id", "line_item_id", "session_id"),
}


def mirror_table(source: Table) -> Table:
    """The source's columns, key and look-up indexes, in schema `mirror`."""
    columns = [
        Column(
            column.name,
            column.type,
            primary_key=column.primary_key,
            nullable=not column.primary_key,
            autoincrement=False,
        )
        for column in source.columns
    ]
    indexes = [
        Index(f"ix_mirror_{source.name}_{column.name}", column.name)
        for column in source.columns
        if column.index or column.name in IDENTIFIED.get(source.name, ())
    ]
    indexes += [
        Index(f"ix_mirror_{source.name}_{name}", name, postgresql_where=text(f"{name} IS NOT NULL"))
        for name in NAMED_DAYS.get(source.name, ())
    ]
    indexes += [
        reference_index(f"ix_mirror_{source.name}_{name}", name)
        for name in SHOWN_WITH.get(source.name, ())
    ]
    return Table(source.name, MIRROR, *columns, *indexes)


for _table in (*SIS.sorted_tables, *RECORDS.sorted_tables):
    mirror_table(_table)
