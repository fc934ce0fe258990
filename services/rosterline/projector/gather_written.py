"""Reads what the rules for written documents must know: documents, and the roster around them.

Classes, students and sessions are asked of the read model, where tombstones stand as last seen, so
that a result stays where its student was. Reads only.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import asyncpg
import orjson

from rosterline.oneroster.reading import Body, named_id
from rosterline.oneroster.resources import LINKS
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.documents import ENTITIES, parents_first
from rosterline.projector.rules.written_columns import link_of, links_by_resource
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts, WrittenFacts
from rosterline.projector.shown import Shown
from rosterline.projector.wanted import runs
from rosterline.projector.written import drafts_of, line_item_facts

# How many documents are held at a time, with what is made of them: any may be of the largest size.
MOST_DOCUMENTS = 500
BODIES = """
SELECT sourced_id, body::text FROM mirror.document
WHERE collection = $1 AND sourced_id = ANY($2::text[])
"""
PARENTS = """
SELECT sourced_id, parent_id FROM mirror.document
WHERE collection = 'assessmentLineItems' AND sourced_id = ANY($1::text[])
"""
# Those of a circle, which ingest refuses, come last.
PARENTS_FIRST = """
WITH RECURSIVE tree (sourced_id, depth) AS (
    SELECT sourced_id, 0 FROM mirror.document
    WHERE collection = 'assessmentLineItems' AND NOT EXISTS (
        SELECT FROM mirror.document AS parent
        WHERE parent.collection = 'assessmentLineItems' AND parent.sourced_id = document.parent_id
    )
    UNION ALL
    SELECT document.sourced_id, depth + 1
    FROM tree JOIN mirror.document ON document.parent_id = tree.sourced_id
    WHERE document.collection = 'assessmentLineItems'
)
SELECT sourced_id FROM mirror.document LEFT JOIN tree USING (sourced_id)
WHERE collection = 'assessmentLineItems' ORDER BY depth NULLS LAST, sourced_id
"""
IDS_AFTER = """
SELECT sourced_id FROM mirror.document WHERE collection = $1 AND sourced_id > $2
ORDER BY sourced_id LIMIT $3
"""
RESULTS_OF = """
SELECT sourced_id, line_item_id FROM mirror.document
WHERE collection = 'results' AND line_item_id = ANY($1::text[])
"""
CLASS_SCHOOLS = """
SELECT sourced_id, school_id FROM v1p2.classes
WHERE sourced_id = ANY($1::text[]) AND school_id IS NOT NULL
"""
# An id that is no UUID is nobody's in the mirror.
STUDENTS = """
SELECT given.sourced_id, users.sourced_id IS NOT NULL, users.schools, 's' || person.person_id,
    older.sourced_id IS NOT NULL
FROM unnest($1::text[]) AS given (sourced_id)
LEFT JOIN v1p2.users AS users ON users.sourced_id = given.sourced_id COLLATE "C"
LEFT JOIN mirror.person ON person.person_guid = CASE
    WHEN given.sourced_id ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
    THEN given.sourced_id::uuid END
LEFT JOIN v1p1.users AS older ON older.sourced_id = ('s' || person.person_id) COLLATE "C"
"""
GRADING_PERIODS = """
SELECT sourced_id, sourced_id AS period_id FROM v1p2.academic_sessions
WHERE type = 'gradingPeriod' AND sourced_id = ANY($1::text[])
UNION ALL
SELECT parent_id, min(sourced_id) FROM v1p2.academic_sessions
WHERE type = 'gradingPeriod' AND parent_id = ANY($1::text[]) GROUP BY parent_id
"""
LINK_DOCUMENTS = """
SELECT collection, body::text FROM mirror.document
WHERE collection = ANY($1::text[]) AND body -> 'resource' ->> 'sourcedId' = ANY($2::text[])
"""
GUIDS = "SELECT person_guid::text FROM mirror.person WHERE person_id = ANY($1::bigint[])"
DEPENDENTS = """
WITH found AS (
    SELECT collection, sourced_id FROM mirror.document WHERE student_id = ANY($1::text[])
    UNION
    SELECT collection, sourced_id FROM mirror.document WHERE class_id = ANY($2::text[])
    UNION
    SELECT collection, sourced_id FROM mirror.document WHERE session_id = ANY($3::text[])
)
SELECT collection, sourced_id FROM found
UNION
SELECT result.collection, result.sourced_id
FROM found JOIN mirror.document AS result ON result.line_item_id = found.sourced_id
WHERE found.collection = 'lineItems' AND result.collection = 'results'
"""
DEPENDENTS_IN_ORDER = f"""
SELECT collection, sourced_id FROM ({DEPENDENTS}) AS dependent
WHERE collection = ANY($4::text[])
ORDER BY array_position($4::text[], collection), sourced_id
"""
REVISION = "SELECT max(revision) FROM mirror.document"

Bodies = Mapping[str, Body]


@dataclass(slots=True)
class Around:
    """What the read model holds of the roster; where that is about to change, what `shown` says."""

    connection: asyncpg.Connection
    shown: Shown = field(default_factory=Shown)

    async def facts(self, entity: Entity, bodies: Bodies) -> WrittenFacts:
        """What the rules must know of some documents of one entity."""
        match entity:
            case Entity.SCORE_SCALES | Entity.ASSESSMENT_LINE_ITEMS:
                return WrittenFacts(class_schools=await self.class_schools(named(bodies, "class")))
            case Entity.LINE_ITEMS:
                return await self.facts_of_line_items(bodies)
            case Entity.RESULTS:
                return await self.facts_of_results(bodies)
            case Entity.ASSESSMENT_RESULTS:
                return WrittenFacts(students=await self.students(named(bodies, "student")))
            case Entity.RESOURCES:
                return WrittenFacts(links=await fetch_links(self.connection, bodies))
            case _:
                return WrittenFacts()

    async def facts_of_line_items(self, bodies: Bodies) -> WrittenFacts:
        """Their classes and academic sessions."""
        return WrittenFacts(
            class_schools=await self.class_schools(named(bodies, "class")),
            grading_periods=await self.grading_periods(named(bodies, "academicSession")),
        )

    async def facts_of_results(self, bodies: Bodies) -> WrittenFacts:
        """Their line items, their students, and the classes of both."""
        line_items = await self.line_items(named(bodies, "lineItem"))
        classes = named(bodies, "class") | {each.class_id for each in line_items.values()}
        return WrittenFacts(
            class_schools=await self.class_schools(classes),
            students=await self.students(named(bodies, "student")),
            line_items=line_items,
        )

    async def line_items(self, sourced_ids: Collection[str]) -> dict[str, LineItemFacts]:
        """What results must know of line items, as the mirror has these."""
        found = await fetch_bodies(self.connection, Entity.LINE_ITEMS, sourced_ids)
        return await self.facts_for_results(found)

    async def facts_for_results(self, line_items: Bodies) -> dict[str, LineItemFacts]:
        """What results must know of line items; those that are kept out are absent."""
        facts = await self.facts_of_line_items(line_items)
        found = {
            sourced_id: line_item_facts(drafts_of(Entity.LINE_ITEMS, sourced_id, body, facts))
            for sourced_id, body in line_items.items()
        }
        return {sourced_id: each for sourced_id, each in found.items() if each is not None}

    async def class_schools(self, sourced_ids: Collection[str]) -> dict[str, str]:
        """The schools of classes."""
        found = await self.pairs(CLASS_SCHOOLS, sourced_ids)
        return found | chosen(self.shown.class_schools, sourced_ids)

    async def grading_periods(self, sourced_ids: Collection[str]) -> dict[str, str]:
        """The grading periods that stand for academic sessions."""
        found = await self.pairs(GRADING_PERIODS, sourced_ids)
        return found | chosen(self.shown.grading_periods, sourced_ids)

    async def students(self, sourced_ids: Collection[str]) -> dict[str, StudentFacts]:
        """Users by their ids in 1.2."""
        if not sourced_ids:
            return {}
        found: dict[str, StudentFacts] = {}
        rows = await self.connection.fetch(STUDENTS, list(sourced_ids))
        for sourced_id, is_stored, schools, v1p1_id, is_stored_v1p1 in rows:
            if not is_stored and sourced_id not in self.shown.student_schools:
                continue
            stored = None if schools is None else tuple(schools)
            has_v1p1 = is_stored_v1p1 or v1p1_id in self.shown.students_v1p1
            found[sourced_id] = StudentFacts(
                self.shown.student_schools.get(sourced_id, stored), v1p1_id if has_v1p1 else None
            )
        return found

    async def pairs(self, query: str, sourced_ids: Collection[str]) -> dict[str, str]:
        """What a query finds, by its first column."""
        if not sourced_ids:
            return {}
        return {row[0]: row[1] for row in await self.connection.fetch(query, list(sourced_ids))}


def chosen(known: Mapping[str, str], sourced_ids: Collection[str]) -> dict[str, str]:
    """What is known of some ids."""
    if not known:
        return {}
    return {sourced_id: known[sourced_id] for sourced_id in sourced_ids if sourced_id in known}


def named(bodies: Bodies, member: str) -> set[str]:
    """The ids that documents name in a member."""
    return {found for body in bodies.values() if (found := named_id(body, member))}


async def fetch_bodies(
    connection: asyncpg.Connection, entity: Entity, sourced_ids: Collection[str]
) -> dict[str, Body]:
    """Documents by id."""
    if not sourced_ids:
        return {}
    rows = await connection.fetch(BODIES, entity.value, list(sourced_ids))
    return {sourced_id: orjson.loads(body) for sourced_id, body in rows}


async def fetch_links(
    connection: asyncpg.Connection, resource_ids: Iterable[str]
) -> Mapping[str, Mapping[Entity, frozenset[str]]]:
    """What is linked to resources."""
    rows = await connection.fetch(LINK_DOCUMENTS, list(LINKS), list(resource_ids))
    links = [link_of(collection, orjson.loads(body)) for collection, body in rows]
    return links_by_resource([link for link in links if link])


async def parents_before_children(
    connection: asyncpg.Connection, entity: Entity, sourced_ids: Collection[str]
) -> list[str]:
    """The ids in the order in which they are to be told."""
    if entity is not Entity.ASSESSMENT_LINE_ITEMS or len(sourced_ids) == 1:
        return sorted(sourced_ids)
    return parents_first(sourced_ids, await fetch_parents(connection, list(sourced_ids)))


async def fetch_parents(
    connection: asyncpg.Connection, sourced_ids: list[str]
) -> dict[str, str | None]:
    """Assessment line items with their parents."""
    return {row[0]: row[1] for row in await connection.fetch(PARENTS, sourced_ids)}


async def fetch_results_of(
    connection: asyncpg.Connection, line_items: Iterable[str]
) -> list[tuple[str, str]]:
    """The results of line items, each with its line item."""
    return [tuple(row) for row in await connection.fetch(RESULTS_OF, list(line_items))]


async def dependents(
    connection: asyncpg.Connection, shown: Shown, guids: Iterable[str]
) -> AsyncIterator[tuple[Entity, list[str]]]:
    """The written records that show what changes, or a person who is about to have another id.

    In portions, parents before children; within a transaction, whose cursor holds the others.
    """
    people = [int(sourced_id[1:]) for sourced_id in shown.students_v1p1]
    students = {*shown.student_schools, *guids}
    if people:
        students |= {row[0] for row in await connection.fetch(GUIDS, people)}
    named = (students, shown.class_schools, shown.grading_periods)
    if not any(named):
        return
    order = list(ENTITIES)
    statement = await connection.prepare(DEPENDENTS_IN_ORDER)
    cursor = await statement.cursor(*map(list, named), order)
    while rows := await cursor.fetch(MOST_DOCUMENTS):
        for collection, run in groupby(rows, key=itemgetter(0)):
            entity = ENTITIES[collection]
            ids = [sourced_id for _, sourced_id in run]
            yield entity, await parents_before_children(connection, entity, ids)


async def documents(connection: asyncpg.Connection) -> AsyncIterator[tuple[Entity, list[str]]]:
    """All written records in portions, in the order in which they are to be told."""
    for entity in WRITTEN[Version.V1P2]:
        if entity is Entity.ASSESSMENT_LINE_ITEMS:
            ordered = [row[0] for row in await connection.fetch(PARENTS_FIRST)]
            for run in runs(ordered, MOST_DOCUMENTS):
                yield entity, run
            continue
        after = ""
        while rows := await connection.fetch(IDS_AFTER, entity, after, MOST_DOCUMENTS):
            yield entity, [row[0] for row in rows]
            after = rows[-1][0]


async def fetch_revision(connection: asyncpg.Connection) -> int:
    """Up to which revision the mirror holds documents."""
    return await connection.fetchval(REVISION) or 0
