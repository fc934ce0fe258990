"""Schema `records`: what is written to Rosterline over OneRoster, as documents with their keys.

A document holds all that was written, also what no version of the standard knows; the projector's
rules say what is shown of it. A deleted one stays, with `status` `tobedeleted`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlmodel import Field, SQLModel

RECORDS = MetaData(schema="records")
IS_LIVE = "NOT is_deleted"


class RecordsTable(SQLModel):
    """Base of the tables of schema `records`."""

    metadata = RECORDS


# Ids of other records that a document names.
REFERENCES = (
    "line_item_id",
    "parent_id",
    "student_id",
    "class_id",
    "category_id",
    "score_scale_id",
    "session_id",
)


def reference() -> str | None:
    """The id of another record that the document names."""
    return Field(default=None, sa_type=Text)  # type: ignore[no-any-return]


def reference_index(name: str, column: str) -> Index:
    """Finds the documents that name a record; most documents name nothing in most columns."""
    return Index(name, column, postgresql_where=text(f"{column} IS NOT NULL"))


class Document(RecordsTable, table=True):
    """A written record: its collection as in the REST path, its id, and its JSON.

    What links resources to others is a document too, in a collection named after its CSV file.
    `line_item_id` is a result's, of either kind; `parent_id` an assessment line item's. `minute` is
    that of an assessment result's score: a student has one for a line item and a minute (seed 002),
    whoever writes at the same time. `revision` counts transactions that wrote documents, `app` is
    the connection that wrote it last.
    """

    __tablename__ = "document"
    __table_args__ = (
        Index(
            "one_result_of_a_minute",
            "student_id",
            "line_item_id",
            "minute",
            unique=True,
            postgresql_where=text(f"collection = 'assessmentResults' AND {IS_LIVE}"),
        ),
        *(reference_index(f"document_by_{name}", name) for name in REFERENCES),
    )

    collection: str = Field(sa_type=Text, primary_key=True)
    sourced_id: str = Field(sa_type=Text, primary_key=True)
    body: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    is_deleted: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    revision: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )
    app: str | None = Field(default=None, sa_type=Text)
    line_item_id: str | None = reference()
    parent_id: str | None = reference()
    student_id: str | None = reference()
    class_id: str | None = reference()
    category_id: str | None = reference()
    score_scale_id: str | None = reference()
    session_id: str | None = reference()
    minute: datetime | None = Field(default=None, sa_type=TIMESTAMP(timezone=True))


TABLES: tuple[str, ...] = tuple(table.name for table in RECORDS.sorted_tables)
