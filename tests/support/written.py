"""Fills gradebook and resources: documents through the rules into both read models."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

from rosterline.api.viewing.visibility import TABLES
from rosterline.oneroster.resources import LINKS
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import WRITTEN, Entity, Version
from rosterline.projector.draft import Draft
from rosterline.projector.rules.v1p1_users import user_sourced_id
from rosterline.projector.rules.written_columns import link_of, links_by_resource
from rosterline.projector.rules.written_facts import LineItemFacts, StudentFacts, WrittenFacts
from rosterline.projector.written import drafts_of
from tests.support.api import ReadModel
from tests.support.written_documents import ONE_OF_EACH_WRITTEN as ONE_OF_EACH_WRITTEN
from tests.support.written_documents import Document

ORDER = {entity: place for place, entity in enumerate(WRITTEN[Version.V1P2])}
CLASS_SCHOOLS = "SELECT sourced_id, school_id FROM v1p2.classes WHERE school_id IS NOT NULL"
STUDENTS = """
SELECT users.sourced_id, users.schools, person.person_id
FROM v1p2.users LEFT JOIN mirror.person ON person.person_guid::text = users.sourced_id
WHERE users.sourced_id = ANY($1::text[])
"""
OLDER_USERS = "SELECT sourced_id FROM v1p1.users WHERE sourced_id = ANY($1::text[])"
LINE_ITEMS = """
SELECT newer.sourced_id, newer.class_id, older.sourced_id IS NOT NULL AS in_v1p1
FROM v1p2.line_items AS newer LEFT JOIN v1p1.line_items AS older USING (sourced_id)
WHERE sourced_id = ANY($1::text[])
"""
GRADING_PERIODS = """
SELECT sourced_id, sourced_id AS period_id FROM v1p2.academic_sessions WHERE type = 'gradingPeriod'
UNION ALL
SELECT parent_id, min(sourced_id) FROM v1p2.academic_sessions
WHERE type = 'gradingPeriod' AND parent_id IS NOT NULL GROUP BY parent_id
"""


class WrittenModel:
    """Stores written documents as records, each call with a stamp of its own.

    The roster must be there before, in 1.1 too for what is to be there. In a district without
    mirror, as `ONE_OF_EACH` is, a user has the same id in both versions. What loses its form in 1.1
    is not buried there.
    """

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._connection = read_model._connection
        self._links: dict[tuple[str, str], Document] = {}
        self._resources: dict[str, Document] = {}

    async def write(self, *documents: Document) -> datetime:
        """Store the records of documents; a link also writes the resource that it names."""
        async with self._connection.transaction():
            await self._read_model.write()
            for entity, group in groupby(self._with_linked(documents), key=entity_of):
                await self._write_entity(entity, list(group))
        return self._read_model.last_stamp

    def _with_linked(self, documents: Iterable[Document]) -> list[Document]:
        """What is to be stored, line items before results; what is linked anew is among it."""
        found = {(one.collection, one.sourced_id): one for one in documents}
        links = {key: one for key, one in found.items() if one.collection in LINKS}
        self._links.update(links)
        self._resources.update(
            {one.sourced_id: one for one in found.values() if one.collection == Entity.RESOURCES}
        )
        for one in links.values():
            resource = self._resources[one.body["resource"]["sourcedId"]]
            found[resource.collection, resource.sourced_id] = resource
        records = (one for key, one in found.items() if key not in links)
        return sorted(records, key=lambda one: ORDER[entity_of(one)])

    async def _write_entity(self, entity: Entity, documents: list[Document]) -> None:
        facts = await self._fetch_facts(documents)
        drafts = [drafts_of(entity, one.sourced_id, one.body, facts) for one in documents]
        for one, found in zip(documents, drafts, strict=True):
            assert found[Version.V1P2] is not None, f"{one} is kept out"
        for version in drafts[0]:
            await self._upsert([draft for found in drafts if (draft := found[version])])

    async def _fetch_facts(self, documents: list[Document]) -> WrittenFacts:
        links = [link_of(one.collection, one.body) for one in self._links.values()]
        return WrittenFacts(
            class_schools=await self._fetch_pairs(CLASS_SCHOOLS),
            students=await self._fetch_students(list(named(documents, "student"))),
            line_items={
                row["sourced_id"]: LineItemFacts(row["class_id"], in_v1p1=row["in_v1p1"])
                for row in await self._connection.fetch(
                    LINE_ITEMS, list(named(documents, "lineItem"))
                )
            },
            grading_periods=await self._fetch_pairs(GRADING_PERIODS),
            links=links_by_resource([link for link in links if link]),
        )

    async def _fetch_pairs(self, query: str) -> dict[str, str]:
        return {row[0]: row[1] for row in await self._connection.fetch(query)}

    async def _fetch_students(self, sourced_ids: list[str]) -> Mapping[str, StudentFacts]:
        rows = await self._connection.fetch(STUDENTS, sourced_ids)
        older_ids = {
            row["sourced_id"]: row["sourced_id"]
            if row["person_id"] is None
            else user_sourced_id("student", row["person_id"])
            for row in rows
        }
        found = await self._connection.fetch(OLDER_USERS, list(older_ids.values()))
        shown = {row[0] for row in found}
        return {
            row["sourced_id"]: StudentFacts(
                None if row["schools"] is None else tuple(row["schools"]),
                older_id if (older_id := older_ids[row["sourced_id"]]) in shown else None,
            )
            for row in rows
        }

    async def _upsert(self, drafts: list[Draft]) -> None:
        if not drafts:
            return
        moment = self._read_model.last_stamp
        rows = [row_of(draft, moment) for draft in drafts]
        names = list(rows[0])
        places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
        updates = ", ".join(f"{name} = excluded.{name}" for name in names)
        await self._connection.executemany(
            f"INSERT INTO {TABLES[drafts[0].collection]} ({', '.join(names)}) VALUES ({places}) "
            f"ON CONFLICT (sourced_id) DO UPDATE SET {updates}",
            [tuple(row.values()) for row in rows],
        )


def entity_of(document: Document) -> Entity:
    """What a document is, if no link."""
    return Entity(document.collection)


def named(documents: Iterable[Document], member: str) -> Iterator[str]:
    """The ids that the documents name in a member."""
    for one in documents:
        if member in one.body:
            yield one.body[member]["sourcedId"]


def row_of(draft: Draft, moment: datetime) -> dict[str, object]:
    """The draft as a row of its table."""
    return {
        "sourced_id": draft.sourced_id,
        "status": draft.status,
        "date_last_modified": moment,
        "document": draft.stamped(format_stamp(moment)),
        "digest": draft.digest,
        "sequence": 0,
        "schools": draft.schools,
        **draft.columns,
    }
