"""Every write at every dialect's address: kept, decided, readable, told in the dialect's words."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from rosterline.api import connections
from rosterline.api.dialects import (
    APP_NAME,
    DIALECTS,
    EDTECH_V1P1,
    EDTECH_V1P2,
    XPORTER,
    Dialect,
)
from rosterline.api.endpoints import NUMBERS, Endpoint, Shape
from rosterline.api.limits import MOST_BODY_BYTES
from rosterline.config.settings import Settings
from rosterline.ingest.command import Entry
from rosterline.ingest.lines import Refused
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.oneroster.scopes import ADMIN, KNOWN
from rosterline.oneroster.vocabulary import Entity, Version
from tests.support.api import BASE_URL, ONE_OF_EACH, PARENTS, Served, org, serving, with_parents
from tests.support.scripted_ingest import Script, scripted
from tests.support.servers import fresh_databases
from tests.support.writing import told_of
from tests.support.written_documents import ONE_OF_EACH_WRITTEN

pytestmark = pytest.mark.asyncio(loop_scope="module")
WRITING = [dialect for dialect in DIALECTS if dialect.writes]
SPOKEN = [(dialect, row) for dialect in WRITING for row in dialect.writes]
SPOKEN_IDS = [f"{dialect.name}-{row.operation_id}" for dialect, row in SPOKEN]
DIALECT_IDS = [dialect.name for dialect in WRITING]
BODIES = {one.entity: dict(one.body) for one in ONE_OF_EACH_WRITTEN if one.entity}
CATEGORIES = "/ims/oneroster/gradebook/v1p2/categories"
SESSIONS = PARENTS | {"{academicSessionSourcedId}": "term-1"}
ASYNC = {"Prefer": "respond-async"}


@dataclass
class Room:
    """The application with a stand-in for ingest behind it, and a client of each version."""

    served: Served
    script: Script
    clients: Mapping[Version, httpx.AsyncClient]
    places: list[int] = field(default_factory=list)

    @property
    def client(self) -> httpx.AsyncClient:
        """The client of 1.2."""
        return self.clients[Version.V1P2]

    def new_id(self) -> str:
        """A version 4 UUID that nothing has."""
        self.places.append(0)
        return f"6f1f7f0e-0c3b-4a52-9e0a-{len(self.places):012x}"

    def address(self, dialect: Dialect, endpoint: Endpoint) -> str:
        """The address of an endpoint, to the connection of its version."""
        path = with_parents(dialect.path(endpoint), SESSIONS)
        return path.replace(APP_NAME, f"writer-{dialect.version}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(postgres_server: EmbeddedPostgres, bus: EmbeddedNats) -> AsyncIterator[Room]:
    with fresh_databases(postgres_server) as databases:
        settings = Settings(
            dsn=databases.dsn, nats_url=bus.url, public_url=BASE_URL, write_seconds=5
        )
        async with (
            serving(databases.dsn, settings=settings) as served,
            scripted(served, bus.url) as script,
        ):
            school = org("school-1")
            older = replace(school, version=Version.V1P1)
            await served.read_model.write(*ONE_OF_EACH, older)
            clients = {
                version: await served.connect(
                    f"writer-{version}",
                    NUMBERS[version],
                    scopes=[scope for scope in KNOWN[NUMBERS[version]] if scope != ADMIN],
                )
                for version in Version
            }
            room = Room(served, script, clients)
            for row in EDTECH_V1P2.writes:
                if row.method == "PUT" and row.entity in (Entity.CATEGORIES, Entity.LINE_ITEMS):
                    body = {row.key: BODIES[row.entity]}
                    sourced_id = BODIES[row.entity]["sourcedId"]
                    path = EDTECH_V1P2.path(row).replace("{sourcedId}", sourced_id)
                    assert (await room.client.put(path, json=body)).status_code == 201
            yield room
            for client in clients.values():
                await client.aclose()


@pytest.fixture(autouse=True)
def script(room: Room) -> Script:
    """The stand-in, which takes everything."""
    room.script.refuse = lambda _: None
    room.script.is_silent = False
    room.script.shows.set()
    return room.script


def refuse_as(status: int, code_minor: str, description: str) -> Any:
    """A rule that refuses every line."""
    return lambda _: Refused(status, code_minor, description)


async def send(
    room: Room, dialect: Dialect, row: Endpoint, sourced_id: str, **headers: str
) -> httpx.Response:
    """The write with the body that it needs, of one record with this id."""
    record = {**BODIES[row.entity], "sourcedId": sourced_id}
    body: Any = {row.key: [record] if row.shape is Shape.COLLECTION else record}
    return await room.clients[dialect.version].request(
        row.method,
        room.address(dialect, row).replace("{sourcedId}", sourced_id),
        json=None if row.method == "DELETE" else body,
        headers=headers,
    )


STATUSES = {"PUT": 201, "POST": 201, "PATCH": 201, "DELETE": 204}


@pytest.mark.parametrize(("dialect", "row"), SPOKEN, ids=SPOKEN_IDS)
async def test_every_write_reaches_ingest_and_is_answered_when_it_can_be_read(
    room: Room, dialect: Dialect, row: Endpoint
) -> None:
    sourced_id = room.new_id()
    answer = await send(room, dialect, row, sourced_id)
    assert answer.status_code == STATUSES[row.method], answer.text
    message = room.script.arrived[-1]
    app = f"writer-{dialect.version}"
    operation = {"POST": "put"}.get(row.method, row.method.lower())
    kind = "batch" if row.shape is Shape.COLLECTION else f"{row.entity}.{operation}"
    assert message.subject == f"ingest.district.{app}.{kind}"
    assert message.headers["Rosterline-Answer"] == room.served.writer.bus.token
    assert ("Rosterline-Atomic" in message.headers) is (row.shape is Shape.COLLECTION)
    if row.method != "POST":
        assert answer.content == b""
        return
    pairs = answer.json()["sourcedIdPairs"]
    (pair,) = pairs if row.shape is Shape.COLLECTION else [pairs]
    assert pair["suppliedSourcedId"] == sourced_id
    is_allocated = pair["allocatedSourcedId"] != sourced_id
    assert is_allocated is (row.shape is Shape.COLLECTION)
    stored = room.script.stored[row.entity, pair["allocatedSourcedId"]]
    assert stored["sourcedId"] == pair["allocatedSourcedId"]


@pytest.mark.parametrize("dialect", WRITING, ids=DIALECT_IDS)
async def test_what_was_written_can_be_read_until_it_is_deleted(
    room: Room, dialect: Dialect
) -> None:
    client, sourced_id = room.clients[dialect.version], room.new_id()
    rows = {row.operation_id: row for row in dialect.operations}
    one = room.address(dialect, rows["putCategory"]).replace("{sourcedId}", sourced_id)
    every = room.address(dialect, rows["getAllCategories"])
    for title, status in (("Homework", 201), ("Quiz", 200)):
        put = await client.put(one, json={"category": {"title": title}})
        assert (put.status_code, put.content) == (status, b"")
        shown = (await client.get(one)).json()["category"]
        assert (shown["title"], shown["status"]) == (title, "active")
    listed = (await client.get(every, params={"limit": 1000})).json()["categories"]
    assert sourced_id in {each["sourcedId"] for each in listed}
    assert (await client.delete(one)).status_code == 204
    listed = (await client.get(every, params={"limit": 1000})).json()["categories"]
    assert sourced_id not in {each["sourcedId"] for each in listed}
    assert (await client.get(one)).json()["category"]["status"] == "tobedeleted"


@pytest.mark.parametrize("dialect", WRITING, ids=DIALECT_IDS)
@pytest.mark.parametrize(
    ("status", "code", "older_code"),
    [
        (422, "invaliddata", "invalid data"),
        (404, "unknownobject", "unknown object"),
        (403, "forbidden", "forbidden"),
        (422, "deletefailure", "deletefailure"),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_the_dialect(
    room: Room, script: Script, dialect: Dialect, status: int, *, code: str, older_code: str
) -> None:
    script.refuse = refuse_as(status, code, 'The record\'s "id" is wrong: é')
    row = next(row for row in dialect.writes if row.operation_id == "putCategory")
    answer = await send(room, dialect, row, room.new_id())
    assert answer.status_code == status
    told = answer.json()
    if dialect.version is Version.V1P1:
        (told,) = told["statusInfoSet"]
        assert told["imsx_codeMinor"] == older_code
        assert told["imsx_operationRefIdentifier"] == "putCategory"
    else:
        (minor,) = told["imsx_CodeMinor"]["imsx_codeMinorField"]
        assert minor["imsx_codeMinorFieldValue"] == code
    assert told["imsx_description"] == 'The record\'s "id" is wrong: é'


async def test_of_several_all_are_stored_or_none_and_each_fault_is_told(
    room: Room, script: Script
) -> None:
    def is_marked(entry: Entry) -> Refused | None:
        title = (entry.body or {}).get("title")
        return Refused(422, "invaliddata", f"no {title}") if title in ("B", "D") else None

    script.refuse = is_marked
    before = dict(script.stored)
    records = [{"sourcedId": each, "title": each} for each in "ABCD"]
    path = "/ims/oneroster/gradebook/v1p2/classes/class-1/lineItems"
    refused = await room.client.post(path, json={"lineItems": records})
    assert refused.status_code == 422
    assert refused.json()["imsx_description"] == "lineItems[1]: no B; lineItems[3]: no D"
    assert script.stored == before


async def test_an_unknown_parent_in_the_address_is_unknown(room: Room) -> None:
    arrived = len(room.script.arrived)
    for row in EDTECH_V1P2.writes:
        if row.relation is None:
            continue
        path = with_parents(EDTECH_V1P2.path(row), dict.fromkeys(SESSIONS, "nobody"))
        answer = await room.client.post(path, json={row.key: [{"sourcedId": "a"}]})
        assert answer.status_code == 404, path
        assert "'nobody'" in answer.json()["imsx_description"]
    assert len(room.script.arrived) == arrived


async def test_a_body_that_is_malformed_is_named_and_never_sent(room: Room) -> None:
    arrived = len(room.script.arrived)
    for content in (b"", b"{", b"[]", b'{"categories": {}}', b'{"category": {"sourcedId": "x"}}'):
        answer = await room.client.put(f"{CATEGORIES}/c1", content=content)
        assert answer.status_code == 422, content
        assert answer.json()["imsx_description"]
    assert len(room.script.arrived) == arrived


async def test_a_body_may_have_a_megabyte_and_says_so_beyond(room: Room) -> None:
    frame = len(orjson.dumps({"category": {"title": ""}}))
    for size, status in ((MOST_BODY_BYTES - frame, 422), (MOST_BODY_BYTES - frame + 1, 413)):
        content = orjson.dumps({"category": {"title": "x" * size}})

        async def pieces(data: bytes = content) -> AsyncIterator[bytes]:
            yield data[:1000]
            yield data[1000:]

        for body in (content, pieces()):
            answer = await room.client.put(f"{CATEGORIES}/large", content=body)
            assert answer.status_code == status, answer.text
            is_told = f"{MOST_BODY_BYTES} bytes" in answer.json()["imsx_description"]
            assert is_told is (status == 413)
    packed = await room.client.put(
        f"{CATEGORIES}/c1", content=b"x", headers={"Content-Encoding": "gzip"}
    )
    assert packed.status_code == 415


@pytest.mark.parametrize("dialect", WRITING, ids=DIALECT_IDS)
async def test_a_method_that_is_not_offered_says_which_are(room: Room, dialect: Dialect) -> None:
    client = room.clients[dialect.version]
    rows = {row.operation_id: row for row in dialect.operations}
    has_single = dialect.version is Version.V1P2
    one = await client.options(room.address(dialect, rows["getCategory"]))
    assert one.status_code == 405
    allowed = set(one.headers["Allow"].split(", "))
    assert allowed == {"GET", "HEAD", "PUT", "DELETE"} | ({"PATCH"} if has_single else set())
    every = await client.put(room.address(dialect, rows["getAllCategories"]), json={})
    assert every.status_code == 405
    assert every.headers["Allow"] == ("GET, HEAD, POST" if has_single else "GET, HEAD")
    if has_single:
        results = await client.get(
            room.address(dialect, rows["postResultsForAcademicSessionForClass"])
        )
        assert (results.status_code, results.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(("dialect", "row"), SPOKEN, ids=SPOKEN_IDS)
async def test_each_write_needs_one_of_its_scopes(
    room: Room, dialect: Dialect, row: Endpoint
) -> None:
    arrived = len(room.script.arrived)
    client = room.clients[dialect.version]
    number = NUMBERS[dialect.version]
    others = [scope for scope in KNOWN[number] if scope not in (ADMIN, *row.scopes)]
    app = f"less-{dialect.name.replace('.', '-')}-{row.operation_id}"
    less = await room.served.connect(app, number, scopes=others)
    refused = await less.request(
        row.method,
        room.address(dialect, row).replace(f"writer-{dialect.version}", app),
        json={},
    )
    await less.aclose()
    assert refused.status_code == 403
    assert row.scopes[0] in refused.text
    nobody = await client.request(
        row.method, room.address(dialect, row), json={}, headers={"Authorization": ""}
    )
    assert nobody.status_code == 401
    assert len(room.script.arrived) == arrived


async def test_a_token_of_one_version_writes_nothing_of_the_other(room: Room) -> None:
    path = "/ims/oneroster/v1p1/categories/c1"
    answer = await room.client.put(path, json={"category": {"title": "T"}})
    assert answer.status_code == 403


async def test_nothing_is_answered_before_it_can_be_read(room: Room, script: Script) -> None:
    script.shows.clear()
    sourced_id = room.new_id()
    writing = asyncio.create_task(
        room.client.put(f"{CATEGORIES}/{sourced_id}", json={"category": {"title": "T"}})
    )
    done, _ = await asyncio.wait({writing}, timeout=0.3)
    assert not done
    script.shows.set()
    assert (await writing).status_code == 201
    assert (await room.client.get(f"{CATEGORIES}/{sourced_id}")).status_code == 200


async def test_an_asynchronous_write_is_answered_at_once_and_can_be_asked_for(
    room: Room, script: Script
) -> None:
    script.shows.clear()
    path = f"{CATEGORIES}/{room.new_id()}"
    body = {"category": {"title": "T"}}
    answer = await room.client.put(path, json=body, headers=ASYNC | {"Rosterline-Wait": "7"})
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    place = answer.headers["Location"]
    assert answer.json() == {"id": place.removeprefix("/ingest/"), "state": "queued"}
    queued = (await room.client.get(place)).json()
    assert queued == {
        "id": answer.json()["id"],
        "state": "queued",
        "lines": 1,
        "stored": 0,
        "rejected": 0,
    }
    script.shows.set()
    stored = await told_of(room.client, place)
    assert (stored["state"], stored["status"], stored["stored"]) == ("stored", 201, 1)
    message = room.script.arrived[-1]
    assert message.headers["Rosterline-Answer"] == "none"
    assert message.headers["Rosterline-Wait"] == "7"


@pytest.mark.parametrize("dialect", [EDTECH_V1P2, EDTECH_V1P1], ids=lambda each: each.name)
async def test_a_later_refusal_is_told_as_it_would_have_been_at_once(
    room: Room, script: Script, dialect: Dialect
) -> None:
    script.refuse = refuse_as(404, "unknownobject", "No student record exists with the GUID x")
    client = room.clients[dialect.version]
    for row in dialect.writes:
        at_once = await send(room, dialect, row, room.new_id())
        later = await send(room, dialect, row, room.new_id(), **ASYNC)
        assert later.status_code == 202
        told = await told_of(client, later.headers["Location"])
        assert (told["state"], told["status"]) == ("rejected", at_once.status_code)
        expected = at_once.json()
        if dialect.version is Version.V1P1:
            del expected["statusInfoSet"][0]["imsx_operationRefIdentifier"]
        assert told["error"] == expected


async def test_the_ids_of_several_are_told_before_they_are_stored(room: Room) -> None:
    path = "/ims/oneroster/gradebook/v1p2/classes/class-1/lineItems"
    records = [{**BODIES[Entity.LINE_ITEMS], "sourcedId": each} for each in "ab"]
    answer = await room.client.post(path, json={"lineItems": records}, headers=ASYNC)
    assert answer.status_code == 202
    pairs = answer.json()["sourcedIdPairs"]
    assert [pair["suppliedSourcedId"] for pair in pairs] == ["a", "b"]
    told = await told_of(room.client, answer.headers["Location"])
    assert (told["state"], told["lines"], told["stored"]) == ("stored", 2, 2)
    for pair in pairs:
        one = f"/ims/oneroster/gradebook/v1p2/lineItems/{pair['allocatedSourcedId']}"
        assert (await room.client.get(one)).status_code == 200
    waits = ASYNC | {"Rosterline-Wait": "5"}
    refused = await room.client.post(path, json={"lineItems": records}, headers=waits)
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Rosterline-Wait": "5"},
        ASYNC | {"Rosterline-Wait": "x"},
        ASYNC | {"Rosterline-Wait": "9" * 9},
    ],
)
async def test_a_wrong_time_to_wait_is_refused(room: Room, headers: dict[str, str]) -> None:
    path = f"{CATEGORIES}/{room.new_id()}"
    answer = await room.client.put(path, json={"category": {"title": "T"}}, headers=headers)
    assert answer.status_code == 400
    assert "Rosterline-Wait" in answer.json()["imsx_description"]


async def test_a_command_is_told_of_to_its_own_connection_alone(room: Room) -> None:
    path = f"{CATEGORIES}/{room.new_id()}"
    answer = await room.client.put(path, json={"category": {"title": "T"}}, headers=ASYNC)
    place = answer.headers["Location"]
    other = await room.clients[Version.V1P1].get(place)
    assert other.status_code == 404
    assert other.json()["statusInfoSet"][0]["imsx_codeMinor"] == "unknown object"
    reader = await room.served.connect("reader", scopes=["gradebook.readonly"])
    assert (await reader.get(place)).status_code == 403
    await reader.aclose()
    assert (await room.served.http.get(place)).status_code == 401
    for name in ("nothing", "%00", "x" * 300):
        assert (await room.client.get(f"/ingest/{name}")).status_code == 404


async def test_a_token_of_one_school_of_several_writes_nothing(room: Room) -> None:
    arrived = len(room.script.arrived)
    scopes = ["roster.readonly", "gradebook.createput"]
    made = await connections.add(room.served.connection, "partner", "1.1", scopes=scopes)
    given = await room.served.http.post(
        XPORTER.token_path, auth=("partner|0042", made.client_secret)
    )
    headers = {"Authorization": f"Bearer {given.json()['access_token']}"}
    path = "/ims/oneroster/v1p1/categories/c1"
    body = {"category": {"title": "T"}}
    refused = await room.served.http.put(path, json=body, headers=headers)
    assert refused.status_code == 403
    assert "school" in refused.text
    assert len(room.script.arrived) == arrived
