"""Any query selects in SQL, in its order, just what a reading in plain Python selects."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosterline.api import connections
from rosterline.api.conditions import filter_condition
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import ApiError
from rosterline.api.fields import Field, fields_of, find_field
from rosterline.api.filters import And, Clause, Filter, Or, format_filter, parse_filter
from rosterline.api.parameters import Parameters
from rosterline.api.query import Query
from rosterline.api.rules import QueryRules
from rosterline.api.shapes import Kind
from rosterline.api.sources import find_source
from rosterline.api.store import Totals, read_page
from rosterline.api.values import Predicate, check_value
from rosterline.api.viewers import Viewer
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import (
    COLLECTIONS,
    WRITTEN_COLLECTIONS,
    Collection,
    Entity,
    Version,
)
from tests.support.api import ALL_SCOPES, stamp
from tests.support.documents import (
    DATES,
    METADATA_NAMES,
    MOMENTS,
    VALUES,
    Made,
    make_records,
    store,
)
from tests.support.matching import Document, fold, matches, read_document, select
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
    Kind.ENUM: ["student,teacher", "STUDENT", "active", "tobedeleted", "FULLY graded"],
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


@given(st.sampled_from(EVERY), st.booleans(), st.data())
def test_a_filter_is_read_as_it_was_written(
    collection: Collection, folds_case: bool, data: st.DataObject
) -> None:
    filtered = data.draw(filters(collection, folds_case=folds_case))
    rules = FOLDING if folds_case else RULES
    assert parse_filter(format_filter(filtered), collection, rules) == filtered


PIECES = ["status", "sourcedId", "metadata.x", "role", "'", "\\", "=", "!=", "~", " AND ", " OR "]
PIECES += ["(", ")", "85", "true", " ", "''", "\0", "dateLastModified>'2026-01-01'", "role='x'"]


@given(
    st.sampled_from(EVERY),
    st.text() | st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
)
def test_any_text_is_a_filter_or_a_clear_refusal(collection: Collection, text: str) -> None:
    with suppress(ApiError):
        read = parse_filter(text, collection, RULES)
        assert parse_filter(format_filter(read), collection, RULES) == read


@dataclass
class Database:
    """A migrated database, a pool, and the loop that they live in."""

    runner: asyncio.Runner
    pool: asyncpg.Pool

    async def keep(self, collection: Collection, records: list[Made]) -> None:
        """Hold just these records."""
        async with self.pool.acquire() as connection:
            await store(connection, collection, records)

    async def verdicts(
        self, collection: Collection, clauses: list[Clause], viewer: Viewer
    ) -> dict[str, list[bool]]:
        """For each record, which of the clauses hold."""
        parameters = Parameters()
        source = find_source(collection, viewer, parameters, filtered=None, shows_deleted=True)
        found = ", ".join(f"coalesce({filter_condition(each, source)}, false)" for each in clauses)
        rows = await self.pool.fetch(
            f"SELECT sourced_id, ARRAY[{found}] AS verdicts FROM {source.table}", *parameters.values
        )
        return {row["sourced_id"]: row["verdicts"] for row in rows}

    async def read(
        self, collection: Collection, query: Query, viewer: Viewer
    ) -> tuple[list[str], int, bool]:
        """Ids, total and whether more follow, of a page."""
        endpoint = Endpoint(
            "GET",
            "/",
            "any",
            collection.entity,
            Shape.COLLECTION,
            (),
            version=collection.version,
        )
        page = await read_page(
            self.pool, Totals(), endpoint, query, viewer=viewer, continuation=None
        )
        ids = [record["sourcedId"] for record in json.loads(f"[{page.records}]")]
        assert page.count == len(ids)
        return ids, page.total, page.has_more


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    with fresh_databases(postgres_server) as databases, asyncio.Runner() as runner:
        opened = asyncpg.create_pool(databases.dsn, min_size=1, max_size=2)
        pool = runner.run(_entered(opened))
        runner.run(_add_switched(pool))
        yield Database(runner, pool)
        runner.run(pool.close())


async def _entered(pool: asyncpg.Pool) -> asyncpg.Pool:
    return await pool


async def _add_switched(pool: asyncpg.Pool) -> None:
    """The connection whose switch was turned at stamp 2."""
    async with pool.acquire() as connection:
        await connections.add(connection, "switched", scopes=ALL_SCOPES)
        await connection.execute(
            "UPDATE rosterline.connection SET switched_at = $1 WHERE app = 'switched'", stamp(2)
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


SEEN_OTHERWISE = ("email", "dateLastModified", "givenName", "sourcedId", "metadata.x")
USERS = Collection(Version.V1P2, Entity.USERS)
CASES = [
    *((each, PLAIN, [field.name for field in every_field(each)]) for each in EVERY),
    *((USERS, viewer, SEEN_OTHERWISE) for viewer in (SECONDARY, SWITCHED)),
]


@pytest.mark.parametrize(("collection", "viewer", "names"), CASES, ids=[*NAMES, "other", "turned"])
def test_every_field_compares_with_every_value_in_sql_as_in_python(
    database: Database,
    collection: Collection,
    viewer: Viewer,
    names: Sequence[str],
) -> None:
    records = make_records(collection, seed=17, count=50)
    database.runner.run(database.keep(collection, records))
    documents = [seen(record, collection, viewer) for record in records]
    for field in filter(None, (find_field(collection, name) for name in names)):
        clauses = [
            clause
            for predicate in Predicate
            for value in known_values(field)
            for folds_case in (False, True)
            if is_possible(clause := Clause(field, predicate, value, folds_case))
        ]
        found = database.runner.run(database.verdicts(collection, clauses, viewer))
        for place, clause in enumerate(clauses):
            selected = {each for each, verdicts in found.items() if verdicts[place]}
            expected = {each["sourcedId"] for each in documents if matches(each, clause)}
            assert selected == expected, format_filter(clause)


@pytest.mark.parametrize("collection", EVERY, ids=NAMES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(data=st.data(), seed=st.integers(0, 2**32), folds_case=st.booleans())
def test_sql_selects_what_plain_python_selects(
    database: Database, collection: Collection, *, data: st.DataObject, seed: int, folds_case: bool
) -> None:
    queries = st.builds(
        Query,
        limit=st.integers(1, 40),
        offset=st.integers(0, 5),
        sort=st.none() | fields(collection),
        descending=st.booleans(),
        filter=st.none() | filters(collection, folds_case=folds_case),
    )
    viewers = [PLAIN, SECONDARY, SWITCHED] if collection.entity is Entity.USERS else [PLAIN]
    records = make_records(collection, seed, count=30)
    database.runner.run(database.keep(collection, records))
    for query in data.draw(st.lists(queries, min_size=1, max_size=8)):
        for viewer in viewers:
            documents = [seen(record, collection, viewer) for record in records]
            whole = select(documents, query, tombstones=viewer.tombstones)
            ids, total, has_more = database.runner.run(database.read(collection, query, viewer))
            assert ids == whole[query.offset : query.offset + query.limit]
            assert total == len(whole)
            assert has_more == (len(whole) > query.offset + query.limit)


def test_every_letter_is_folded_in_sql_as_in_python(database: Database) -> None:
    lowered = database.runner.run(
        database.pool.fetch(
            'SELECT chr(n) AS each, lower(chr(n) COLLATE "pg_c_utf8") AS lower '
            "FROM generate_series(1, 1114111) AS n WHERE n NOT BETWEEN 55296 AND 57343"
        )
    )
    assert [row["each"] for row in lowered if fold(row["each"]) != row["lower"]] == []
