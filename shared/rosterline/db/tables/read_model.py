"""Schema `v1p2`: the OneRoster 1.2 read model, ready JSON beside the columns that queries use.

`document` is the record as a GET answers it, but for the base of its addresses; `digest` is a hash
of it without its stamp, by which the projector sees that nothing visible changed; `sequence` is
that of the record's last event. Texts compare by code point (collation C), as the standard says.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SQLModel

V1P2 = MetaData(schema="v1p2")
CODE_POINT = Text(collation="C")


class ReadModelTable(SQLModel):
    """The columns that every collection has."""

    metadata = V1P2

    sourced_id: str = Field(sa_type=CODE_POINT, primary_key=True)
    status: str = Field(sa_type=CODE_POINT)
    date_last_modified: datetime = Field(sa_type=TIMESTAMP(timezone=True, precision=3))
    document: str = Field(sa_type=Text)
    digest: bytes = Field(sa_type=LargeBinary)
    sequence: int = Field(sa_type=BigInteger)


def by_stamp(table: str) -> Index:
    """The index that makes a delta cost what it finds, not what the table holds."""
    return Index(f"{table}_by_stamp", "date_last_modified", "sourced_id")


class Org(ReadModelTable, table=True):
    """Districts and schools."""

    __tablename__ = "orgs"
    __table_args__ = (by_stamp("orgs"),)

    type: str = Field(sa_type=CODE_POINT)


class AcademicSession(ReadModelTable, table=True):
    """School years, terms and grading periods."""

    __tablename__ = "academic_sessions"
    __table_args__ = (by_stamp("academic_sessions"),)

    type: str = Field(sa_type=CODE_POINT)


class Course(ReadModelTable, table=True):
    """Courses."""

    __tablename__ = "courses"
    __table_args__ = (by_stamp("courses"),)


class Class(ReadModelTable, table=True):
    """Classes."""

    __tablename__ = "classes"
    __table_args__ = (by_stamp("classes"),)


class User(ReadModelTable, table=True):
    """Users; the two flags select `/students` and `/teachers`."""

    __tablename__ = "users"
    __table_args__ = (
        by_stamp("users"),
        Index("users_students", "sourced_id", postgresql_where=text("is_student")),
        Index("users_teachers", "sourced_id", postgresql_where=text("is_teacher")),
    )

    is_student: bool
    is_teacher: bool


class Demographics(ReadModelTable, table=True):
    """Demographics of users."""

    __tablename__ = "demographics"
    __table_args__ = (by_stamp("demographics"),)


class Enrollment(ReadModelTable, table=True):
    """Enrollments in classes."""

    __tablename__ = "enrollments"
    __table_args__ = (by_stamp("enrollments"),)
