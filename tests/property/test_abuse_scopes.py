"""G5 for any query: what a connection may not see changes nothing in what it is told.

Two districts differ in that alone. Whatever is asked, also with ids and values of what is hidden,
both answer alike: bodies, totals, orders, links and what the cursors hold.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.api.dialects import EDTECH_V1P1, EDTECH_V1P2, Dialect
from rosterline.api.endpoints import Endpoint, Shape
from rosterline.api.errors import ApiError
from rosterline.api.query.fields import fields_of
from rosterline.api.query.filters import parse_filter
from rosterline.api.query.parsing import Query
from rosterline.api.query.shapes import Kind
from rosterline.api.query.values import Predicate
from rosterline.api.reading.cursors import SEAL_BYTES
from rosterline.api.viewing.switches import Switches
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.vocabulary import Collection
from tests.support.abuse import Caller, all_seeing, calling, check_quiet, running_api, with_database
from tests.support.matching import read_document, select
from tests.support.neighbours import AGENT, HERE, SHARED, Stranger, settle
from tests.support.servers import fresh_databases

PUBLIC_URL = "https://roster.example.org"
PAGES = 3
EXAMPLES = settings(max_examples=150, derandomize=True, database=None)
EVER = "dateLastModified>'1970-01-01'"
OWN_WORDS = [
    *(HERE, AGENT, *SHARED, "student-1", "teacher-1", "class-1", "class-2", "course-1", "term-1"),
    *("enrollment-1", "Givenown", "Familyown", "own1@example.org", "userown1", "own", "1", ""),
    *("student", "teacher", "guardian", "active", "tobedeleted", "primary", "2026-08-15", "true"),
]


@dataclass(frozen=True)
class Limits:
    """What a connection may not see, in a dialect."""

    dialect: Dialect
    schools: tuple[str, ...] | None
    sees_agents: bool

    def strangers(self) -> tuple[Stranger, Stranger]:
        """Two who have nothing in common but that this connection sees neither."""
        many, few = Stranger("zqx"), Stranger("wvk")
        if self.schools is not None:
            many = Stranger(many.tag, schools=2, people=7)
            few = Stranger(few.tag, schools=1)
        guardians = 0 if self.sees_agents else 3
        return Stranger(many.tag, many.schools, many.people, guardians), few


LIMITS = {
    "schools in 1.2": Limits(EDTECH_V1P2, (HERE,), sees_agents=True),
    "schools in 1.1": Limits(EDTECH_V1P1, (HERE,), sees_agents=True),
    "agents in 1.2": Limits(EDTECH_V1P2, None, sees_agents=False),
    "agents in 1.1": Limits(EDTECH_V1P1, None, sees_agents=False),
    "schools and agents in 1.2": Limits(EDTECH_V1P2, (HERE,), sees_agents=False),
}


@dataclass(frozen=True)
class Pair:
    """The same connection before two districts, and all records that it sees of them."""

    limits: Limits
    callers: tuple[Caller, Caller]
    visible: Mapping[Collection, list[dict[str, Any]]]
    dsn: str

    @property
    def words(self) -> list[str]:
        """What stands in records here, and what stands elsewhere only."""
        return [*OWN_WORDS, *(word for each in self.limits.strangers() for word in each.words)]


@pytest.fixture(scope="module", params=LIMITS)
def pair(request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres) -> Iterator[Pair]:
    """The two districts, and servers that are looked at when they have ended."""
    limits = LIMITS[request.param]
    with ExitStack() as stack:
        dsns = [stack.enter_context(fresh_databases(postgres_server)).dsn for _ in range(2)]
        callers = [
            stack.enter_context(settled(limits, stranger, dsn))
            for stranger, dsn in zip(limits.strangers(), dsns, strict=True)
        ]
        yield Pair(limits, (callers[0], callers[1]), seen_by(callers[0]), dsns[0])
    for each in callers:
        check_quiet(each.api, secrets=[each.token, *OWN_WORDS[:5], "zqx", "wvk"])


@contextmanager
def settled(limits: Limits, stranger: Stranger, dsn: str) -> Iterator[Caller]:
    """The limited connection's caller in the district of a stranger."""
    with_database(dsn, partial(settle, stranger=stranger))
    switches = Switches(sees_agents=limits.sees_agents)
    add = partial(all_seeing, limits.dialect.version, schools=limits.schools, switches=switches)
    vendor = with_database(dsn, partial(add, app="limited"))
    needs_sync = str(not limits.sees_agents)
    with (
        running_api(dsn, public_url=PUBLIC_URL, agents_need_gradebook_sync=needs_sync) as api,
        calling(api, vendor, limits.dialect) as caller,
    ):
        yield caller


def seen_by(caller: Caller) -> dict[Collection, list[dict[str, Any]]]:
    """Every record of whole collections, deleted ones too, as they are stored."""
    found = {}
    for row in caller.dialect.endpoints:
        if row.path == f"/{row.entity}":
            answer = caller.get(caller.dialect.path(row), [("limit", "50000"), ("filter", EVER)])
            text = answer.text.replace(PUBLIC_URL, "~")
            found[row.collection] = read_document(text)[row.key]
    return found


def told(caller: Caller, path: str, parameters: list[tuple[str, str]]) -> list[Any]:
    """All that a connection is told on the first pages, but for seals and the time of day."""
    pages: list[Any] = []
    answer = caller.get(path, parameters)
    while True:
        link = answer.headers.get("link", "")
        kept = {
            name: answer.headers.get(name)
            for name in ("x-total-count", "etag", "rosterline-watermark", "content-length")
        }
        if "next" not in answer.links:
            return [*pages, (answer.status_code, answer.text, kept, link)]
        url = httpx.URL(answer.links["next"]["url"])
        cursor = url.params["cursor"]
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        link = link.replace(cursor, raw[SEAL_BYTES:].decode())
        pages.append((answer.status_code, answer.text, kept, link))
        if len(pages) == PAGES:
            return pages
        answer = caller.get(url.path, url.query.decode())


def check_alike(pair: Pair, path: str, parameters: list[tuple[str, str]]) -> list[Any]:
    """Both districts tell the same."""
    one, other = (told(each, path, parameters) for each in pair.callers)
    assert one == other
    return one


def quoted(value: str) -> str:
    """A value as a filter holds it."""
    return "'" + value.replace("'", "''") + "'"


def filters(pair: Pair, collection: Collection) -> st.SearchStrategy[str]:
    """Well-formed filters on anything, with values of both sides and parts of them."""
    words = st.sampled_from(pair.words)
    values = words | st.builds(lambda text, length: text[:length], words, st.integers(1, 9))
    several = st.lists(values, min_size=1, max_size=3).map(",".join)
    # What leads to others is asked for most.
    names = st.sampled_from([*fields_of(collection), "metadata.x"])
    names |= st.sampled_from([name for name in fields_of(collection) if "sourcedId" in name])
    predicates = st.sampled_from(list(Predicate))
    one = st.builds("{}{}{}".format, names, predicates, (values | several).map(quoted))
    joined = st.lists(one, min_size=1, max_size=3)
    return st.builds(str.join, st.sampled_from([" AND ", " OR "]), joined)


def parameters(pair: Pair, collection: Collection) -> st.SearchStrategy[list[tuple[str, str]]]:
    """A query in which anything may be asked."""
    names = st.sampled_from(sorted(fields_of(collection)))
    some = st.lists(names, min_size=1, max_size=3).map(",".join)
    limits = st.sampled_from(["1", "2", "100"])
    asked = {
        "offset": st.sampled_from(["0", "1", "3"]),
        "filter": filters(pair, collection),
        "sort": names,
        "orderBy": st.sampled_from(["asc", "desc"]),
        "fields": some,
        "search": st.sampled_from(pair.words),
    }
    chosen = st.fixed_dictionaries({"limit": limits}, optional=asked)
    return chosen.map(lambda found: list(found.items()))


def addresses(pair: Pair, endpoint: Endpoint) -> st.SearchStrategy[str]:
    """The endpoint's address, with ids of both sides in it, as a rule of the right kind."""
    words = [word for word in pair.words if word]

    def ids(name: str) -> st.SearchStrategy[str]:
        kind = name.strip("{}").removesuffix("SourcedId")
        fit = [word for word in words if word.startswith(f"{kind}-")]
        return st.sampled_from([HERE, *fit]) | st.sampled_from(words)

    segments = pair.limits.dialect.path(endpoint).split("/")
    parts = (ids(each) if each.startswith("{") else st.just(each) for each in segments)
    return st.tuples(*parts).map("/".join)


def test_g5_what_is_hidden_changes_no_answer(pair: Pair) -> None:
    endpoints = pair.limits.dialect.endpoints
    statuses: set[int] = set()

    @EXAMPLES
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        endpoint = data.draw(st.sampled_from(endpoints))
        path = data.draw(addresses(pair, endpoint))
        pages = check_alike(pair, path, data.draw(parameters(pair, endpoint.collection)))
        statuses.update(page[0] for page in pages)

    ask()
    assert {200, 404} <= statuses


def test_g5_what_is_hidden_changes_no_order(pair: Pair) -> None:
    """Every field of every collection sorts by what is shown, in both directions."""
    dialect = pair.limits.dialect
    for endpoint in dialect.endpoints:
        if endpoint.shape is Shape.COLLECTION and endpoint.relation is None:
            for name in fields_of(endpoint.collection):
                for direction in ("asc", "desc"):
                    query = [("sort", name), ("orderBy", direction), ("limit", "2")]
                    check_alike(pair, dialect.path(endpoint), query)


def test_g5_no_word_of_what_is_hidden_finds_anything(pair: Pair) -> None:
    """Each id and value of a stranger, asked of each field exactly and as a part."""
    dialect, (stranger, _) = pair.limits.dialect, pair.limits.strangers()
    words = [word for word in stranger.words if stranger.schools or "guardian" in word]
    for endpoint in dialect.endpoints:
        if endpoint.path != f"/{endpoint.entity}":
            continue
        for name, field in fields_of(endpoint.collection).items():
            if field.kind not in {Kind.TEXT, Kind.ID, Kind.ADDRESS}:
                continue
            asked = (f"{name}{predicate}{quoted(word)}" for word in words for predicate in "=~")
            clauses = " OR ".join(asked)
            for text in (clauses, f"({clauses}) AND {EVER}"):
                for page in check_alike(pair, dialect.path(endpoint), [("filter", text)]):
                    assert page[0] == 200, page
                    assert page[2]["x-total-count"] == "0", (name, page)


def test_g5_totals_and_ids_are_those_of_the_records_that_are_seen(pair: Pair) -> None:
    caller = pair.callers[0]
    rows = [row for row in caller.dialect.endpoints if row.collection in pair.visible]
    rows = [row for row in rows if row.path == f"/{row.entity}"]
    assert all(pair.visible.values())

    @EXAMPLES
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(rows))
        text = data.draw(filters(pair, row.collection))
        try:
            checked = parse_filter(text, row.collection, caller.dialect.rules)
        except ApiError:
            return
        answer = caller.get(caller.dialect.path(row), [("filter", text), ("limit", "50000")])
        assert answer.status_code == 200, answer.text
        expected = select(pair.visible[row.collection], Query(filter=checked))
        assert answer.headers["X-Total-Count"] == str(len(expected))
        assert [each["sourcedId"] for each in answer.json()[row.key]] == expected

    ask()


def test_g5_a_cursor_of_a_connection_without_limits_is_refused(pair: Pair) -> None:
    limited = pair.callers[0]
    dialect = pair.limits.dialect
    with ExitStack() as stack:
        vendor = with_database(pair.dsn, partial(all_seeing, dialect.version))
        free = stack.enter_context(calling(limited.api, vendor, dialect))
        (row,) = [each for each in dialect.endpoints if each.path == "/users"]
        answer = free.get(dialect.path(row), [("limit", "1")])
        cursor = httpx.URL(answer.links["next"]["url"]).params["cursor"]
        query = [("limit", "1"), ("cursor", cursor)]
        assert free.get(dialect.path(row), query).status_code == 200
        assert limited.get(dialect.path(row), query).status_code == 400
