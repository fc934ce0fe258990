"""Any sort orders in SQL as in plain Python, and a walk by links shows each record once in it."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.api.query.fields import Field
from rosterline.api.query.filters import Clause
from rosterline.api.query.parsing import Query
from rosterline.api.query.values import Predicate
from rosterline.api.reading.cursors import read_cursor, write_cursor
from rosterline.api.reading.walks import Continuation
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.vocabulary import Collection
from tests.support.asking import (
    EVERY,
    NAMES,
    PLAIN,
    SECONDARY,
    Asking,
    asking,
    every_field,
    fields,
    filters,
    ids_of,
    is_possible,
    known_values,
    seen,
)
from tests.support.documents import make_odd_records, make_records
from tests.support.matching import select

SETTINGS = settings(max_examples=8)


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Asking]:
    with asking(postgres_server) as opened:
        yield opened


@pytest.mark.parametrize("collection", EVERY, ids=NAMES)
def test_every_field_sorts_in_sql_as_in_python(database: Asking, collection: Collection) -> None:
    records = make_records(collection, seed=5, count=40)
    database.keep(collection, records)
    documents = [seen(record, collection, PLAIN) for record in records]
    for field in every_field(collection):
        query = Query(sort=field)
        found = ids_of(database.read(collection, query, PLAIN))
        assert found == select(documents, query), field.name


@pytest.mark.parametrize("collection", EVERY, ids=NAMES)
@SETTINGS
@given(data=st.data(), seed=st.integers(0, 2**32), limit=st.integers(1, 9))
def test_a_walk_by_links_shows_each_record_once_and_in_order(
    database: Asking, collection: Collection, *, data: st.DataObject, seed: int, limit: int
) -> None:
    records = make_records(collection, seed, count=25)
    database.keep(collection, records)
    query = data.draw(
        st.builds(
            Query,
            limit=st.just(limit),
            sort=fields(collection),
            descending=st.booleans(),
            filter=st.none() | filters(collection),
        )
    )
    viewer = data.draw(st.sampled_from([PLAIN, SECONDARY]))
    expected = select([seen(record, collection, viewer) for record in records], query)
    page = database.read(collection, query, viewer)
    walked = ids_of(page)
    while page.has_more:
        assert page.end is not None
        cursor = write_cursor(Continuation(page.end, by_offset=False), "here", "secret")
        page = database.read(collection, query, viewer, read_cursor(cursor, "here", ("secret",)))
        assert page.total == len(expected)
        walked += ids_of(page)
    assert walked == expected


def clauses_of(field: Field) -> list[Clause]:
    """By each predicate, a few."""
    found = (
        Clause(field, predicate, value)
        for predicate in Predicate
        for value in known_values(field)[:12]
    )
    return [clause for clause in found if is_possible(clause)]


@pytest.mark.parametrize("collection", EVERY, ids=NAMES)
def test_whatever_is_stored_can_be_asked_for(database: Asking, collection: Collection) -> None:
    records = make_odd_records(collection, seed=3, count=40)
    database.keep(collection, records)
    for field in every_field(collection):
        verdicts = database.verdicts(collection, clauses_of(field), PLAIN)
        assert len(verdicts) == len(records)
        page = database.read(collection, Query(sort=field, limit=7), PLAIN)
        assert (page.total, page.count, page.has_more) == (len(records), 7, True)
        assert page.end is not None
        behind = Continuation(page.end, by_offset=False)
        assert database.read(collection, Query(sort=field), PLAIN, behind).count == 33
