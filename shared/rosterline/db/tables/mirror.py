"""Schema `mirror`: the projector's copy of the SIS, with its columns and keys but no references.

Rows arrive in snapshot order, so a foreign key could not hold; nullability is the SIS's affair.
"""

from sqlalchemy import Column, Index, MetaData, Table

from rosterline.db.tables.sis import SIS

MIRROR = MetaData(schema="mirror")


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
        if column.index
    ]
    return Table(source.name, MIRROR, *columns, *indexes)


for _table in SIS.sorted_tables:
    mirror_table(_table)
