"""Schema `records`: what is written to Rosterline over OneRoster, as documents with their keys.

A document holds all that was written, also what no version of the standard knows; the projector's
rules say what is shown of it. A deleted one stays, with `status` `tobedeleted`.
"""

from typing import Any

from sqlalchemy import Column, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

RECORDS = MetaData(schema="records")


class RecordsTable(SQLModel):
    """Base of the tables of schema `records`."""

    metadata = RECORDS


class Document(RecordsTable, table=True):
    """A written record: its collection as in the REST path, its id, and its JSON.

    What links resources to others is a document too, in a collection named after its CSV file.
    """

    __tablename__ = "document"

    collection: str = Field(sa_type=Text, primary_key=True)
    sourced_id: str = Field(sa_type=Text, primary_key=True)
    body: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


TABLES: tuple[str, ...] = tuple(table.name for table in RECORDS.sorted_tables)
