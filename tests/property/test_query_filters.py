"""Any query selects in SQL, in its order, just what a reading in plain Python selects."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.api.errors import ApiError
from rosterline.api.query.fields import FLAGS, HELD, find_field
from rosterline.api.query.filters import Clause, format_filter, parse_filter
from rosterline.api.query.parsing import Query
from rosterline.api.query.values import Predicate
from rosterline.api.viewing.viewers import Viewer
from rosterline.api.viewing.visibility import CUT, NARROWED, TABLES
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import (
    Collection,
    Entity,
    Version,
)
from tests.support.api import stamp
from tests.support.asking import (
    EVERY,
    FOLDING,
    NAMES,
    PLAIN,
    RULES,
    SECONDARY,
    SWITCHED,
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
from tests.support.documents import Made, make_records
from tests.support.matching import fold, matches, select


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


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Asking]:
    with asking(postgres_server) as opened:
        yield opened


SEEN_OTHERWISE = ("email", "dateLastModified", "givenName", "sourcedId", "metadata.x")
USERS = Collection(Version.V1P2, Entity.USERS)
CASES = [
    *((each, PLAIN, [field.name for field in every_field(each)]) for each in EVERY),
    *((USERS, viewer, SEEN_OTHERWISE) for viewer in (SECONDARY, SWITCHED)),
]


@pytest.mark.parametrize(("collection", "viewer", "names"), CASES, ids=[*NAMES, "other", "turned"])
def test_every_field_compares_with_every_value_in_sql_as_in_python(
    database: Asking,
    collection: Collection,
    viewer: Viewer,
    names: Sequence[str],
) -> None:
    records = make_records(collection, seed=17, count=50)
    database.keep(collection, records)
    documents = [seen(record, collection, viewer) for record in records]
    for field in filter(None, (find_field(collection, name) for name in names)):
        clauses = [
            clause
            for predicate in Predicate
            for value in known_values(field)
            for folds_case in (False, True)
            if is_possible(clause := Clause(field, predicate, value, folds_case))
        ]
        found = database.verdicts(collection, clauses, viewer)
        for place, clause in enumerate(clauses):
            selected = {each for each, verdicts in found.items() if verdicts[place]}
            expected = {each["sourcedId"] for each in documents if matches(each, clause)}
            assert selected == expected, format_filter(clause)


@pytest.mark.parametrize("collection", EVERY, ids=NAMES)
@settings(max_examples=10)
@given(data=st.data(), seed=st.integers(0, 2**32), folds_case=st.booleans())
def test_sql_selects_what_plain_python_selects(
    database: Asking, collection: Collection, *, data: st.DataObject, seed: int, folds_case: bool
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
    database.keep(collection, records)
    for query in data.draw(st.lists(queries, min_size=1, max_size=8)):
        for viewer in viewers:
            documents = [seen(record, collection, viewer) for record in records]
            whole = select(documents, query, tombstones=viewer.tombstones)
            page = database.read(collection, query, viewer)
            assert ids_of(page) == whole[query.offset : query.offset + query.limit]
            assert page.total == len(whole)
            assert page.has_more == (len(whole) > query.offset + query.limit)


LIMITED = [each for each in EVERY if each.entity in NARROWED]
KEPT = Viewer("acme", schools=("a", "Zz"))
LESS = Viewer("acme", schools=("a", "Zz"), sees_agents=False, secondary_email=True)
HIDDEN = Viewer("acme", sees_agents=False)


def refer_to_orgs(record: Made) -> Made:
    """The record with orgs wherever references may be cut out."""
    found = json.loads(record.text)
    for name in CUT:
        parts = found.get(name, [])
        for part in parts if isinstance(parts, list) else [parts]:
            part.get("org", part)["type"] = "org"
    return replace(record, text=json.dumps(found, ensure_ascii=False, separators=(",", ":")))


@pytest.mark.parametrize("viewer", [KEPT, LESS, HIDDEN], ids=["kept", "less", "hidden"])
@pytest.mark.parametrize("collection", LIMITED, ids=lambda each: f"{each.version}-{each.entity}")
def test_a_viewer_who_is_shown_less_asks_of_what_it_is_shown(
    database: Asking, collection: Collection, viewer: Viewer
) -> None:
    orgs = Collection(collection.version, Entity.ORGS)
    database.keep(orgs, [])
    records = [refer_to_orgs(record) for record in make_records(collection, seed=23, count=60)]
    database.keep(collection, [replace(record, other=None) for record in records])
    database.fetch(
        f"INSERT INTO {TABLES[orgs]} (sourced_id, status, date_last_modified, document, digest, "
        "sequence, schools, type) SELECT each, 'active', $2, replace($3, '?', each), '', 0, "
        "ARRAY[each], 'school' FROM unnest($1::text[]) AS each",
        KEPT.schools,
        stamp(0),
        '{"sourcedId":"?","status":"active","type":"school",'
        f'"dateLastModified":"{format_stamp(stamp(0))}"}}',
    )
    places = ", places = ARRAY['student@a']" if collection.entity is Entity.USERS else ""
    database.fetch(f"UPDATE {TABLES[collection]} SET schools = ARRAY['a']{places}")
    documents = database.shown(collection, viewer)
    assert len(documents) >= len(records)
    held = {record.document["sourcedId"]: record.document for record in records}
    is_less = [document != held.get(document["sourcedId"], document) for document in documents]
    assert any(is_less) is (collection.entity is Entity.USERS or viewer is not HIDDEN)
    for field in every_field(collection):
        clauses = [
            clause
            for predicate in Predicate
            for value in known_values(field)
            if is_possible(clause := Clause(field, predicate, value))
            and (field.name not in FLAGS or value not in HELD)
        ]
        found = database.verdicts(collection, clauses, viewer)
        for place, clause in enumerate(clauses):
            selected = {each for each, verdicts in found.items() if verdicts[place]}
            expected = {each["sourcedId"] for each in documents if matches(each, clause)}
            assert selected == expected, format_filter(clause)


def test_every_letter_is_folded_in_sql_as_in_python(database: Asking) -> None:
    lowered = database.fetch(
        'SELECT chr(n) AS each, lower(chr(n) COLLATE "pg_c_utf8") AS lower '
        "FROM generate_series(1, 1114111) AS n WHERE n NOT BETWEEN 55296 AND 57343"
    )
    assert [row["each"] for row in lowered if fold(row["each"]) != row["lower"]] == []
