"""Queries made up for every collection, and a database that answers them as the API asks it."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from hypothesis import strategies as st

from rosterline.api.access import connections
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.query.fields import Field, fields_of, find_field
from rosterline.api.query.filters import And, Clause, Filter, Or
from rosterline.api.query.parsing import Query
from rosterline.api.query.rules import QueryRules
from rosterline.api.query.shapes import Kind
from rosterline.api.query.values import Predicate, check_value
from rosterline.api.reading.conditions import filter_condition
from rosterline.api.reading.store import Page, Totals, read_page
from rosterline.api.reading.walks import Continuation
from rosterline.api.viewing.parameters import Parameters
from rosterline.api.viewing.sources import Source, find_source
from rosterline.api.viewing.viewers import Viewer
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import (
    COLLECTIONS,
    WRITTEN_COLLECTIONS,
    Collection,
    Entity,
)
from tests.support.api import ALL_SCOPES, stamp
from tests.support.documents import DATES, METADATA_NAMES, MOMENTS, VALUES, Made, store
from tests.support.matching import Document, read_document
from tests.support.servers import fresh_databases

EVERY: tuple[Collection, ...] = (*COLLECTIONS, *WRITTEN_COLLECTIONS)
NAMES = [f"{each.version}-{each.entity}" for each in EVERY]
RULES = QueryRules()
FOLDING = QueryRules(folds_case=True)
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
STAMPS = [format_stamp(stamp(number)) for number in range(6)]
MORE_VALUES = {
    Kind.ID: ["a,b/1", "Zz, zZ", "ZZ", ","],
    Kind.ADDRESS: ["https://x.org/ims/oneroster/rostering/v1p2/orgs/a", "https://x.org/campus/"],
    Kind.ENUM: [
        "student,teacher",
        "Student",
        "SCHOOLYEAR",
        "active",
        "tobedeleted",
        "FULLY graded",
    ],
    Kind.TEXT: ["ab,AB", "strasse", "İ", "ς", "%", "a,,b", "\\", "'"],
    Kind.DATE: ["2026-08-15T12:00:00Z", "2026-08-16T00:00:00+02:00", "2026-08"],
    Kind.NUMBER: ["85.0", "8.5e1", "-1", "1e22", "0.10"],
    Kind.BOOLEAN: ["TRUE", "e"],
    Kind.OPEN: ["85", "ab", "AB, 7", "true", "x", ""],
}


def known_values(field: Field) -> list[str]:
    """Values that records may have, and others beside them."""
    if field.is_stamp:
        return [*STAMPS, "2026-09-01", "2026-09-01T08:00:00.0019Z", "08:00", "Z"]
    if field.kind in {Kind.DATE, Kind.MOMENT}:
        return [*DATES, *MOMENTS, *MORE_VALUES[Kind.DATE]]
    known = VALUES.get(field.kind, VALUES[Kind.TEXT])
    return [*map(str, known), *MORE_VALUES.get(field.kind, [])]


def texts_of(field: Field) -> st.SearchStrategy[str]:
    """Known values, and any text."""
    return st.sampled_from(known_values(field)) | ANY_TEXT


def is_possible(clause: Clause) -> bool:
    """Whether the value can be compared."""
    try:
        check_value(clause.field, clause.predicate, clause.value)
    except ValueError:
        return False
    return True


def fields(collection: Collection) -> st.SearchStrategy[Field]:
    """Those of the model and some of the open ones."""
    return st.sampled_from(list(every_field(collection)))


def every_field(collection: Collection) -> Iterator[Field]:
    """Those of the model and some of the open ones."""
    yield from fields_of(collection).values()
    yield from filter(None, (find_field(collection, name) for name in METADATA_NAMES))


def filters(collection: Collection, *, folds_case: bool = False) -> st.SearchStrategy[Filter]:
    """One clause, or a tree of them."""
    clauses: st.SearchStrategy[Filter] = fields(collection).flatmap(
        lambda field: st.builds(
            Clause,
            st.just(field),
            st.sampled_from(list(Predicate)),
            texts_of(field),
            st.just(folds_case),
        ).filter(is_possible)
    )
    return st.recursive(
        clauses,
        lambda inner: st.builds(
            lambda joint, children: joint(tuple(children)),
            st.sampled_from([And, Or]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        max_leaves=4,
    )


PLAIN = Viewer("acme")
SECONDARY = Viewer("acme", secondary_email=True)
SWITCHED = Viewer("switched", secondary_email=True, switched_at=stamp(2), tombstones=True)


def seen(record: Made, collection: Collection, viewer: Viewer) -> Document:
    """The record as the viewer sees it."""
    if collection.entity is not Entity.USERS:
        return record.document
    text = record.other if record.other and viewer.secondary_email else record.text
    moment = max(record.moment, viewer.switched_at or record.moment)
    return read_document(text) | {"dateLastModified": format_stamp(moment)}


@dataclass
class Asking:
    """A migrated database, a pool, and the loop that they live in."""

    runner: asyncio.Runner
    pool: asyncpg.Pool

    def keep(self, collection: Collection, records: Sequence[Made]) -> None:
        """Hold just these records."""

        async def run() -> None:
            async with self.pool.acquire() as connection:
                await store(connection, collection, records)

        self.runner.run(run())

    def fetch(self, text: str, *parameters: object) -> list[Any]:
        """The rows of a statement."""
        return self.runner.run(_fetched(self.pool, text, parameters))

    def verdicts(
        self, collection: Collection, clauses: Sequence[Clause], viewer: Viewer
    ) -> dict[str, list[bool]]:
        """For each record, which of the clauses hold."""
        parameters = Parameters()
        source = find_source(collection, viewer, parameters, filtered=None, shows_deleted=False)
        found = ", ".join(f"coalesce({filter_condition(each, source)}, false)" for each in clauses)
        rows = self.fetch(
            f"SELECT sourced_id, ARRAY[{found}] AS verdicts FROM {within(source)}",
            *parameters.values,
        )
        return {row["sourced_id"]: row["verdicts"] for row in rows}

    def shown(self, collection: Collection, viewer: Viewer) -> list[Document]:
        """All records as the viewer sees them."""
        parameters = Parameters()
        source = find_source(collection, viewer, parameters, filtered=None, shows_deleted=False)
        rows = self.fetch(
            f"SELECT {source.document} AS document FROM {within(source)}", *parameters.values
        )
        return [read_document(row["document"]) for row in rows]

    def read(
        self,
        collection: Collection,
        query: Query,
        viewer: Viewer,
        continuation: Continuation | None = None,
    ) -> Page:
        """A page."""
        endpoint = Endpoint(
            "GET", "/", "any", collection.entity, Shape.COLLECTION, (), version=collection.version
        )
        return self.runner.run(
            read_page(
                self.pool, Totals(), endpoint, query, viewer=viewer, continuation=continuation
            )
        )


def within(source: Source) -> str:
    """Where the records stand that the viewer sees."""
    return f"{source.table} WHERE {' AND '.join(source.conditions) or 'true'}"


def ids_of(page: Page) -> list[str]:
    """The ids of its records, which are as many as it says."""
    ids = [record["sourcedId"] for record in json.loads(b"[" + page.records + b"]")]
    assert page.count == len(ids)
    return ids


@contextmanager
def asking(server: EmbeddedPostgres) -> Iterator[Asking]:
    """A database of its own."""
    with fresh_databases(server) as databases, asyncio.Runner() as runner:
        pool = runner.run(_opened(databases.dsn))
        yield Asking(runner, pool)
        runner.run(pool.close())


async def _fetched(pool: asyncpg.Pool, text: str, parameters: Sequence[object]) -> list[Any]:
    return list(await pool.fetch(text, *parameters))


async def _opened(dsn: str) -> asyncpg.Pool:
    """With a clock behind all records, and the connection whose switch was turned at stamp 2."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=2)
    async with pool.acquire() as connection:
        await connection.execute("UPDATE rosterline.clock SET last_stamp = $1", stamp(10))
        await connections.add(connection, "switched", scopes=ALL_SCOPES)
        await connection.execute(
            "UPDATE rosterline.connection SET switched_at = $1 WHERE app = 'switched'", stamp(2)
        )
    return pool
