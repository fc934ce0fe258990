"""G3: whoever pages through a collection while it changes, and then asks for deltas, loses nothing.

The writers change records between any two pages; four clients page in the ways that real ones do.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosterline.api.app import create_app
from rosterline.config.settings import Settings
from rosterline.launch.embedded import EmbeddedPostgres
from rosterline.oneroster.v1p2 import ROSTERING_PATH, with_base
from tests.support.api import BASE_URL, ReadModel, Served, Stored, document, serving, user
from tests.support.servers import fresh_databases

IDS = [f"u{number:02d}" for number in range(16)]
# What is sorted by one of these moves when it changes; the last is a list, and often empty.
MOVING = ["familyName", "middleName", "grades", "status"]
FIXED = ["", "sourcedId", "dateLastModified"]
NAMES = ["", "a", "b", "c", "d"]

Records = list[dict[str, str]]
State = tuple[bool, str]
Change = tuple[str, State]
States = st.tuples(st.booleans(), st.sampled_from(NAMES))
Changes = st.lists(
    st.lists(st.tuples(st.sampled_from(IDS), States), min_size=1, max_size=8), max_size=12
)


@dataclass
class Source:
    """The truth: the last version of each record, and who changed when."""

    read_model: ReadModel
    changes: Iterator[list[Change]]
    held: dict[str, str] = field(default_factory=dict)
    always_active: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)

    def begin_walk(self) -> None:
        """From now on `always_active` and `unchanged` are kept."""
        self.always_active = set(self.active())
        self.unchanged = set(self.active())

    def active(self) -> dict[str, str]:
        """The records that a client should hold in the end."""
        return {key: text for key, text in self.held.items() if '"status":"active"' in text}

    async def change(self) -> None:
        """The next transaction, if any is left."""
        changed = dict(next(self.changes, []))
        if not changed:
            return
        await self.apply(changed)

    async def apply(self, changed: dict[str, State]) -> None:
        """One transaction: records become active, with these names, or are deleted."""
        stored = [
            named(key, name, status="active" if is_active else "tobedeleted")
            for key, (is_active, name) in changed.items()
        ]
        moment = await self.read_model.write(*stored)
        for record in stored:
            key = record.record.sourced_id
            self.held[key] = with_base(document(record.record, moment), BASE_URL)
            self.unchanged.discard(key)
            if not changed[key][0]:
                self.always_active.discard(key)


def named(sourced_id: str, name: str, *, status: str) -> Stored:
    """A user who has this name in every field that is sorted by, or none in those that may lack."""
    stored = user(sourced_id, status=status)
    names = {"family_name": name, "middle_name": name or None, "grades": (name,) if name else ()}
    return replace(stored, record=stored.record.model_copy(update=names))


@dataclass
class Client:
    """Pages in its own way and keeps what it saw."""

    http: httpx.AsyncClient
    source: Source
    limit: int
    parameters: dict[str, str]
    copy: dict[str, str] = field(default_factory=dict)
    largest: str = ""

    async def fetch(self, url: str, **parameters: str | int) -> httpx.Response:
        """One page, then the writers' turn."""
        answer = await self.http.get(url, params=parameters or None)
        assert answer.status_code == 200, answer.text
        await self.source.change()
        return answer

    def keep(self, records: Records) -> None:
        """Take records in as a consumer does."""
        for record in records:
            self.largest = max(self.largest, record["dateLastModified"])
            text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
            if record["status"] == "active":
                self.copy[record["sourcedId"]] = text
            else:
                self.copy.pop(record["sourcedId"], None)

    async def pull(self, walk: "Walk", extra: str | None = None) -> list[str]:
        """Page through; returns the ids in the order in which they came."""
        parameters = dict(self.parameters) | ({"filter": extra} if extra else {})
        seen = []
        watermark = ""
        async for page in walk(self, parameters):
            watermark = watermark or page.headers["Rosterline-Watermark"]
            records = page.json()["users"]
            self.keep(records)
            seen += [record["sourcedId"] for record in records]
        self.largest = self.largest or watermark
        return seen


Walk = Callable[[Client, dict[str, str]], AsyncIterator[httpx.Response]]
USERS = f"{ROSTERING_PATH}/users"


async def by_links(client: Client, parameters: dict[str, str]) -> AsyncIterator[httpx.Response]:
    """Follows `next` until there is none."""
    page = await client.fetch(USERS, limit=client.limit, **parameters)
    yield page
    while "next" in page.links:
        page = await client.fetch(page.links["next"]["url"])
        yield page


async def until_empty(client: Client, parameters: dict[str, str]) -> AsyncIterator[httpx.Response]:
    """Counts offsets until a page is empty."""
    offset, count = 0, 1
    while count:
        page = await client.fetch(USERS, limit=client.limit, offset=offset, **parameters)
        yield page
        count = len(page.json()["users"])
        offset += client.limit


async def to_first_total(
    client: Client, parameters: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """Counts offsets up to the total that the first page told."""
    offset, total = 0, 1
    while offset < total:
        page = await client.fetch(USERS, limit=client.limit, offset=offset, **parameters)
        yield page
        total = int(page.headers["X-Total-Count"]) if offset == 0 else total
        offset += client.limit


async def to_latest_total(
    client: Client, parameters: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """Counts offsets up to the total that the last page told."""
    offset, total = 0, 1
    while offset < total:
        page = await client.fetch(USERS, limit=client.limit, offset=offset, **parameters)
        yield page
        total = int(page.headers["X-Total-Count"])
        offset += client.limit


@dataclass
class Bench:
    """A running database and a vendor with a token, for many examples."""

    runner: asyncio.Runner
    served: Served
    settings: Settings

    async def start(self, initial: dict[str, State], changes: list[list[Change]]) -> Source:
        """An empty read model with these records."""
        await self.served.connection.execute("TRUNCATE v1p2.users")
        source = Source(ReadModel(self.served.connection), iter(changes))
        await source.apply(initial)
        return source

    def client(self, source: Source, limit: int, parameters: dict[str, str]) -> Client:
        """A client of a fresh application, which remembers no walks."""
        transport = httpx.ASGITransport(create_app(self.settings, self.served.pool))
        http = httpx.AsyncClient(
            transport=transport, base_url=BASE_URL, headers=self.served.http.headers
        )
        return Client(http, source, limit, parameters)


@pytest.fixture(scope="module")
def bench(postgres_server: EmbeddedPostgres) -> Iterator[Bench]:
    with fresh_databases(postgres_server) as databases, asyncio.Runner() as runner:
        context = serving(databases.dsn)
        served = runner.run(context.__aenter__())
        runner.run(served.authorize())
        yield Bench(runner, served, Settings(dsn=databases.dsn, public_url=BASE_URL))
        runner.run(context.__aexit__(None, None, None))


def query_parameters(sort: str, *, descending: bool) -> dict[str, str]:
    return {"sort": sort, "orderBy": "desc" if descending else "asc"} if sort else {}


@pytest.mark.parametrize("walk", [by_links, until_empty, to_first_total, to_latest_total])
@settings(max_examples=60)
@given(
    initial=st.dictionaries(st.sampled_from(IDS), States, min_size=8),
    changes=Changes,
    limit=st.integers(1, 5),
    sort=st.sampled_from([*MOVING, *FIXED]),
    descending=st.booleans(),
)
def test_g3_a_pull_by_pages_and_deltas_end_equal_to_the_source(
    bench: Bench,
    walk: Walk,
    *,
    initial: dict[str, State],
    changes: list[list[Change]],
    limit: int,
    sort: str,
    descending: bool,
) -> None:
    async def run() -> None:
        source = await bench.start(initial, changes)
        client = bench.client(source, limit, query_parameters(sort, descending=descending))
        source.begin_walk()
        seen = await client.pull(walk)
        check_wholeness(walk, sort, seen, source)
        for _ in range(len(changes) + 2):
            await client.pull(walk, f"dateLastModified>'{client.largest}'")
        assert client.copy == source.active()

    bench.runner.run(run())


@pytest.mark.parametrize("walk", [by_links, until_empty, to_latest_total])
def test_g3_a_record_that_is_renamed_twice_during_a_sorted_pull_still_comes(
    bench: Bench, walk: Walk
) -> None:
    async def run() -> None:
        initial = {"u00": (True, "b"), "u01": (True, "c"), "u02": (True, "d")}
        renames = [[("u01", (True, "e")), ("u02", (True, "f"))], [("u02", (True, "a"))]]
        source = await bench.start(initial, renames)
        client = bench.client(source, 1, query_parameters("familyName", descending=False))
        assert set(await client.pull(walk)) == set(initial)

    bench.runner.run(run())


def check_wholeness(walk: Walk, sort: str, seen: list[str], source: Source) -> None:
    """No pull comes back short, whatever changes meanwhile."""
    if sort == "dateLastModified" or walk is to_first_total:
        assert source.unchanged <= set(seen)
    else:
        assert source.always_active <= set(seen)
    if walk is by_links and sort in FIXED:
        assert len(seen) == len(set(seen))
