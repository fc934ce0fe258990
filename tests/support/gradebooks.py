"""Written documents in `records.document`, with plain SQL: what ingest would store of them."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from rosterline.oneroster.reading import named_id
from rosterline.oneroster.vocabulary import Entity
from tests.support.written_documents import Document

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
LINKED = {Entity.CLASSES: "class", Entity.COURSES: "course", Entity.USERS: "user"}


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
