"""Looks up what the rules need: written records from `records`, the roster from the read model.

Reads only; every query takes all the keys of a unit at once, and none is made for nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

import asyncpg
import orjson

from rosterline.ingest.facts import SHOWN, Document, Found, Needs, ResultKey, RosterRecord
from rosterline.ingest.lines import Key
from rosterline.oneroster.vocabulary import Entity

PARTIAL: Final = f"""
coalesce(
    (SELECT jsonb_object_agg(
        member, jsonb_build_object('sourcedId', document.body #> ARRAY[member, 'sourcedId'])
     )
     FROM unnest(ARRAY{list(SHOWN)}) AS member
     WHERE jsonb_typeof(document.body -> member) <> 'null'),
    '{{}}'
)
"""
COLUMNS: Final = f"""
document.collection, document.sourced_id,
CASE WHEN is_partial THEN {PARTIAL} ELSE document.body END AS body,
document.app, document.is_deleted, document.line_item_id, document.parent_id, document.student_id,
document.class_id, document.category_id, document.score_scale_id, document.session_id,
document.minute, is_partial
"""
DOCUMENTS: Final = f"""
SELECT {COLUMNS}
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS wanted (collection, sourced_id, is_partial)
JOIN records.document USING (collection, sourced_id)
"""
CHAINS: Final = f"""
WITH RECURSIVE chain (sourced_id) AS (
    SELECT unnest($1::text[])
    UNION
    SELECT document.parent_id FROM chain JOIN records.document USING (sourced_id)
    WHERE document.collection = 'assessmentLineItems' AND document.parent_id IS NOT NULL
)
SELECT {COLUMNS} FROM chain JOIN records.document USING (sourced_id)
CROSS JOIN LATERAL (SELECT sourced_id <> ALL($2::text[])) AS wanted (is_partial)
WHERE document.collection = 'assessmentLineItems'
"""
RESULTS: Final = """
SELECT student_id, line_item_id, minute, sourced_id
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS wanted (student_id, line_item_id, minute)
JOIN records.document USING (student_id, line_item_id, minute)
WHERE collection = 'assessmentResults' AND NOT is_deleted
"""
# A document that names another holds its id in one of these columns.
REFERRING: Final = {
    Entity.ASSESSMENT_LINE_ITEMS: (
        ("line_item_id", Entity.ASSESSMENT_RESULTS),
        ("parent_id", Entity.ASSESSMENT_LINE_ITEMS),
    ),
    Entity.LINE_ITEMS: (("line_item_id", Entity.RESULTS),),
    Entity.CATEGORIES: (("category_id", Entity.LINE_ITEMS),),
    Entity.SCORE_SCALES: (
        ("score_scale_id", Entity.LINE_ITEMS),
        ("score_scale_id", Entity.RESULTS),
        ("score_scale_id", Entity.ASSESSMENT_LINE_ITEMS),
        ("score_scale_id", Entity.ASSESSMENT_RESULTS),
    ),
}
REFERRED: Final = """
SELECT wanted FROM unnest($1::text[]) AS wanted WHERE EXISTS (
    SELECT FROM records.document
    WHERE {column} = wanted AND collection = '{collection}' AND NOT is_deleted
        AND sourced_id <> ALL($2::text[])
)
"""
USERS: Final = """
SELECT newer.sourced_id, newer.schools, newer.is_student,
    EXISTS (
        SELECT FROM v1p1.users AS older WHERE older.sourced_id = coalesce(
            (SELECT 's' || person_id FROM mirror.person WHERE person_guid = CASE
                WHEN pg_input_is_valid(newer.sourced_id, 'uuid') THEN newer.sourced_id::uuid END
             LIMIT 1),
            newer.sourced_id
        )
    ) AS in_v1p1
FROM v1p2.users AS newer WHERE newer.sourced_id = ANY($1::text[])
"""
CLASSES: Final = """
SELECT newer.sourced_id, newer.schools, newer.school_id, older.sourced_id IS NOT NULL AS in_v1p1
FROM v1p2.classes AS newer LEFT JOIN v1p1.classes AS older USING (sourced_id)
WHERE newer.sourced_id = ANY($1::text[])
"""
SESSIONS: Final = """
SELECT newer.sourced_id, newer.schools, older.sourced_id IS NOT NULL AS in_v1p1,
    CASE WHEN newer.type = 'gradingPeriod' THEN newer.sourced_id ELSE (
        SELECT min(child.sourced_id) FROM v1p2.academic_sessions AS child
        WHERE child.parent_id = newer.sourced_id AND child.type = 'gradingPeriod'
    ) END AS period_id
FROM v1p2.academic_sessions AS newer LEFT JOIN v1p1.academic_sessions AS older USING (sourced_id)
WHERE newer.sourced_id = ANY($1::text[])
"""
PLAIN: Final = """
SELECT newer.sourced_id, newer.schools, older.sourced_id IS NOT NULL AS in_v1p1
FROM v1p2.{table} AS newer LEFT JOIN v1p1.{table} AS older USING (sourced_id)
WHERE newer.sourced_id = ANY($1::text[])
"""
ROSTER: Final = {
    Entity.USERS: USERS,
    Entity.CLASSES: CLASSES,
    Entity.ACADEMIC_SESSIONS: SESSIONS,
    Entity.ORGS: PLAIN.format(table="orgs"),
    Entity.COURSES: PLAIN.format(table="courses"),
}
STUDENTS_V1P1: Final = """
SELECT older.sourced_id, newer.sourced_id
FROM v1p1.users AS older
LEFT JOIN mirror.person
    ON person.person_id = CASE WHEN older.sourced_id ~ '^s[0-9]{1,18}$'
        THEN substr(older.sourced_id, 2)::bigint END
JOIN v1p2.users AS newer
    ON newer.sourced_id = coalesce(person.person_guid::text, older.sourced_id)
WHERE older.sourced_id = ANY($1::text[])
"""


async def gather(connection: asyncpg.Connection, needs: Needs) -> Found:
    """All that is needed and exists."""
    found = Found(
        documents=await gather_documents(connection, needs),
        roster=await gather_roster(connection, needs.roster),
        results=await gather_results(connection, needs.results),
        referred=await gather_referred(connection, needs),
    )
    if needs.students_v1p1:
        rows = await connection.fetch(STUDENTS_V1P1, list(needs.students_v1p1))
        found.students_v1p1 = {row[0]: row[1] for row in rows}
    return found


async def gather_documents(connection: asyncpg.Connection, needs: Needs) -> dict[Key, Document]:
    """Documents by their keys, and assessment line items with all above them."""
    rows: list[asyncpg.Record] = []
    if needs.documents:
        keys = [(*key, key in needs.partial) for key in needs.documents]
        rows += await connection.fetch(DOCUMENTS, *columns_of(keys))
    if needs.chains:
        line_items = Entity.ASSESSMENT_LINE_ITEMS
        whole = [each for each in needs.chains if (line_items, each) not in needs.partial]
        rows += await connection.fetch(CHAINS, list(needs.chains), whole)
    documents = map(to_document, rows)
    return {document.key: document for document in documents}


def to_document(row: asyncpg.Record) -> Document:
    """A row of `COLUMNS`; what is older than connections' names was written by none."""
    collection, sourced_id, body, app, *rest = row
    return Document(Entity(collection), sourced_id, orjson.loads(body), app or "", *rest)


async def gather_roster(
    connection: asyncpg.Connection, keys: Iterable[Key]
) -> dict[Key, RosterRecord]:
    """Records of the roster."""
    wanted: dict[Entity, list[str]] = defaultdict(list)
    for entity, sourced_id in keys:
        wanted[entity].append(sourced_id)
    found: dict[Key, RosterRecord] = {}
    for entity, ids in wanted.items():
        for row in await connection.fetch(ROSTER[entity], ids):
            known: dict[str, Any] = dict(row)
            sourced_id, schools = known.pop("sourced_id"), known.pop("schools")
            within = None if schools is None else frozenset(schools)
            found[entity, sourced_id] = RosterRecord(within, **known)
    return found


async def gather_results(
    connection: asyncpg.Connection, keys: Collection[ResultKey]
) -> dict[ResultKey, str]:
    """The ids of live assessment results by student, line item and minute."""
    if not keys:
        return {}
    rows = await connection.fetch(RESULTS, *columns_of(keys))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def gather_referred(
    connection: asyncpg.Connection, needs: Needs
) -> dict[Key, frozenset[Entity]]:
    """Which collections hold live documents that name these."""
    wanted: dict[Entity, list[str]] = defaultdict(list)
    for entity, sourced_id in needs.referred:
        wanted[entity].append(sourced_id)
    found: dict[Key, set[Entity]] = defaultdict(set)
    for entity, ids in wanted.items():
        for column, referring in REFERRING[entity]:
            passed = [other for held, other in needs.passed_over if held is referring]
            query = REFERRED.format(column=column, collection=referring.value)
            for row in await connection.fetch(query, ids, passed):
                found[entity, row[0]].add(referring)
    return {key: frozenset(entities) for key, entities in found.items()}


def columns_of(keys: Collection[tuple[Any, ...]]) -> list[list[Any]]:
    """The keys, a list for each of their parts."""
    return [list(column) for column in zip(*keys, strict=True)]
