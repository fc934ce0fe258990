"""Written documents in `records.document`, with plain SQL: what ingest would store of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from rosterline.oneroster.reading import named_id
from tests.support.written_documents import Document, ref

# The members whose ids stand in columns; an academic session gives way to a grading period.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "line_item_id": ("lineItem", "assessmentLineItem"),
    "parent_id": ("parentAssessmentLineItem",),
    "student_id": ("student",),
    "class_id": ("class",),
    "category_id": ("category",),
    "score_scale_id": ("scoreScale",),
    "session_id": ("gradingPeriod", "academicSession"),
}
PUT = f"""
INSERT INTO records.document (collection, sourced_id, body, is_deleted, revision, app,
    {", ".join(COLUMNS)})
SELECT $1, $2, $3::jsonb, $4, $5, 'tests', {", ".join(f"${6 + n}" for n in range(len(COLUMNS)))}
ON CONFLICT (collection, sourced_id) DO UPDATE SET
    body = excluded.body, is_deleted = excluded.is_deleted, revision = excluded.revision,
    {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}
"""
REVISION = "SELECT nextval('rosterline.revision')"
PLACE = """
SELECT class.sourced_id AS class, class.school_id AS school, class.course_id AS course,
    taken.user_id AS student, period.parent_id AS term, period.sourced_id AS period,
    's' || person.person_id AS older
FROM v1p2.classes AS class
JOIN v1p2.enrollments AS taken ON taken.class_id = class.sourced_id
    AND taken.role = 'student' AND taken.status = 'active'
JOIN mirror.person ON person.person_guid::text = taken.user_id
JOIN v1p2.academic_sessions AS period
    ON period.type = 'gradingPeriod' AND period.parent_id = ANY(class.term_ids)
WHERE class.status = 'active' ORDER BY 1, 4, 6 LIMIT 1
"""


@dataclass(frozen=True)
class Place:
    """A class with a student, and what is around them."""

    row: asyncpg.Record

    def at(self, document: Document) -> Document:
        """The document, about this class and student."""
        named = {
            "class": self.row["class"],
            "school": self.row["school"],
            "course": self.row["course"],
            "student": self.row["student"],
            "user": self.row["student"],
            "academicSession": self.row["term"],
            "gradingPeriod": self.row["period"],
        }
        return document.but(
            **{name: ref(value) for name, value in named.items() if name in document.body}
        )


async def find_place(connection: asyncpg.Connection) -> Place:
    """A class of a loaded district."""
    row = await connection.fetchrow(PLACE)
    assert row is not None, "no class has a student and a grading period"
    return Place(row)


def references(body: Mapping[str, Any]) -> list[str | None]:
    """The values of the columns that name other records."""
    return [
        next((found for member in members if (found := named_id(body, member))), None)
        for members in COLUMNS.values()
    ]


async def put(connection: asyncpg.Connection, *documents: Document) -> int:
    """Store documents in one transaction; its revision."""
    async with connection.transaction():
        revision: int = await connection.fetchval(REVISION)
        for one in documents:
            is_deleted = one.body.get("status") == "tobedeleted"
            await connection.execute(
                PUT,
                one.collection,
                one.sourced_id,
                orjson.dumps(one.body).decode(),
                is_deleted,
                revision,
                *references(one.body),
            )
    return revision


async def remove(connection: asyncpg.Connection, *documents: Document) -> None:
    """Take documents away without a trace, which no ingest does."""
    for one in documents:
        await connection.execute(
            "DELETE FROM records.document WHERE collection = $1 AND sourced_id = $2",
            one.collection,
            one.sourced_id,
        )
