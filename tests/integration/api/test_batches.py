"""Batches of any length over HTTP: taken in as they come, and told of line by line."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from rosterline.api.writing.lines import MOST_LINE_BYTES, MOST_LINES
from rosterline.config.settings import Settings
from rosterline.ingest.command import Entry
from rosterline.ingest.lines import Refused
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from rosterline.oneroster.scopes import WRITING
from tests.support.api import BASE_URL, Served, serving
from tests.support.scripted_ingest import Script, scripted
from tests.support.servers import fresh_databases
from tests.support.streams import last_sequence
from tests.support.writing import told_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCOPES = ["gradebook.createput", "gradebook.delete", "gradebook.createpost"]
NDJSON = {"Content-Type": "application/x-ndjson"}
Room = tuple[Served, Script, httpx.AsyncClient]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(postgres_server: EmbeddedPostgres, bus: EmbeddedNats) -> AsyncIterator[Room]:
    with fresh_databases(postgres_server) as databases:
        settings = Settings(dsn=databases.dsn, nats_url=bus.url, public_url=BASE_URL)
        async with (
            serving(databases.dsn, settings=settings) as served,
            scripted(served, bus.url) as script,
        ):
            client = await served.connect("writer", scopes=SCOPES)
            yield served, script, client
            await client.aclose()


@pytest.fixture(autouse=True)
def script(room: Room) -> Script:
    """The stand-in, which takes everything and shows it."""
    room[1].refuse = lambda _: None
    room[1].shows.set()
    return room[1]


def category(number: int, title: str = "Homework") -> bytes:
    """A line that puts a category."""
    return b'{"category":{"sourcedId":"c%d","title":"%b"}}' % (number, title.encode())


async def send(client: httpx.AsyncClient, content: Any, **headers: str) -> httpx.Response:
    """A batch."""
    return await client.post("/ingest/batch", content=content, headers=NDJSON | headers)


async def test_a_batch_is_stored_line_by_line(room: Room, script: Script) -> None:
    _, _, client = room
    lines = [category(number) for number in range(2 * MOST_LINES + 3)]
    answer = await send(client, b"\n".join([*lines, b'{"delete": "categories/c0"}', b""]))
    assert answer.status_code == 202
    place = answer.headers["Location"]
    batch_id = place.removeprefix("/ingest/")
    assert answer.json() == {"id": batch_id, "state": "queued", "lines": len(lines) + 1}
    assert await told_of(client, place) == {
        "id": batch_id,
        "state": "stored",
        "lines": len(lines) + 1,
        "stored": len(lines) + 1,
        "rejected": 0,
        "limit": 100,
        "offset": 0,
        "rejections": [],
    }
    arrived = [each for each in script.arrived if each.headers.get("Rosterline-Batch") == batch_id]
    starts = [int(each.headers["Rosterline-First-Line"]) for each in arrived]
    assert starts == [1, MOST_LINES + 1, 2 * MOST_LINES + 1]
    assert {each.headers["Rosterline-Answer"] for each in arrived} == {"none"}
    assert {each.subject for each in arrived} == {"ingest.district.writer.batch"}


async def test_what_is_wrong_is_told_by_the_line_in_which_it_stands(
    room: Room, script: Script
) -> None:
    _, _, client = room

    def is_marked(entry: Entry) -> Refused | None:
        title = (entry.body or {}).get("title")
        return Refused(404, "unknownobject", "Nobody knows it") if title == "bad" else None

    script.refuse = is_marked
    long = category(7, "x" * MOST_LINE_BYTES)
    lines = [b"", category(1), b"no JSON", b"  ", category(2, "bad"), long, category(3)]
    lines += [category(number) for number in range(10, 10 + MOST_LINES)]
    lines += [category(4, "bad")]
    answer = await send(client, b"\r\n".join(lines))
    assert answer.json()["lines"] == len(lines) - 2
    told = await told_of(client, answer.headers["Location"])
    assert (told["state"], told["rejected"]) == ("mixed", 4)
    assert told["stored"] == told["lines"] - 4
    found = [(each["line"], each["status"]) for each in told["rejections"]]
    assert found == [(3, 422), (5, 404), (6, 422), (len(lines), 404)]
    assert told["rejections"][1] == {
        "line": 5,
        "collection": "categories",
        "sourcedId": "c2",
        "status": 404,
        "codeMinor": "unknownobject",
        "description": "Nobody knows it",
    }
    assert str(MOST_LINE_BYTES) in told["rejections"][2]["description"]
    page = await told_of(client, answer.headers["Location"], limit=2, offset=1)
    assert [each["line"] for each in page["rejections"]] == [5, 6]
    assert (page["rejected"], page["limit"], page["offset"]) == (4, 2, 1)
    for wrong in ("limit=0", "limit=x", "limit=10001", "offset=-1"):
        refused = await client.get(f"{answer.headers['Location']}?{wrong}")
        assert refused.status_code == 400


async def test_a_batch_is_queued_until_all_of_it_is_decided(room: Room, script: Script) -> None:
    _, _, client = room
    script.shows.clear()
    answer = await send(client, b"\n".join(category(number) for number in range(MOST_LINES + 1)))
    place = answer.headers["Location"]
    queued = (await client.get(place)).json()
    assert (queued["state"], queued["lines"]) == ("queued", MOST_LINES + 1)
    script.shows.set()
    assert (await told_of(client, place))["state"] == "stored"


async def test_lines_that_are_all_too_long_are_all_refused(room: Room) -> None:
    _, _, client = room
    answer = await send(client, b"\n".join([b"x" * (MOST_LINE_BYTES + 1)] * 2))
    assert answer.status_code == 202
    told = await told_of(client, answer.headers["Location"])
    assert (told["state"], told["lines"], told["rejected"]) == ("rejected", 2, 2)


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n"])
async def test_a_batch_without_lines_is_none(room: Room, content: bytes) -> None:
    answer = await send(room[2], content)
    assert answer.status_code == 422
    assert "empty" in answer.json()["imsx_description"]


async def test_a_batch_is_json_line_by_line(room: Room) -> None:
    _, _, client = room
    for kind in ("application/json", "text/plain", ""):
        answer = await send(client, category(1), **{"Content-Type": kind})
        assert answer.status_code == 415
        assert "application/x-ndjson" in answer.json()["imsx_description"]
    packed = await send(client, category(1), **{"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    for kind in ("application/jsonl", "Application/X-NDJSON; charset=utf-8"):
        assert (await send(client, category(1), **{"Content-Type": kind})).status_code == 202


async def test_a_batch_needs_every_scope_by_which_its_connection_writes(room: Room) -> None:
    served, script, _ = room
    sequence = await last_sequence(script.client, "INGEST")
    scopes = [scope for scope in WRITING if "v1p2" in scope]
    narrow = await served.connect("narrow", scopes=scopes, scope=min(scopes))
    reader = await served.connect("reader-2", scopes=["gradebook.readonly"])
    for client, said in ((narrow, "gradebook.delete"), (reader, "no scope")):
        answer = await send(client, category(1))
        assert answer.status_code == 403
        assert said in answer.json()["imsx_description"]
        await client.aclose()
    assert (await send(served.http, category(1))).status_code == 401
    assert await last_sequence(script.client, "INGEST") == sequence


async def test_a_connection_of_1_1_is_answered_in_its_words(room: Room) -> None:
    served, _, _ = room
    older = await served.connect("older", "1.1", scopes=["gradebook.createput"])
    wrong = await send(older, b"")
    assert wrong.json()["statusInfoSet"][0]["imsx_codeMinor"] == "invalid data"
    answer = await send(older, category(100))
    assert (await told_of(older, answer.headers["Location"]))["state"] == "stored"
    await older.aclose()


async def test_the_time_to_wait_goes_with_every_message(room: Room, script: Script) -> None:
    _, _, client = room
    content = b"\n".join(category(number) for number in range(MOST_LINES + 1))
    answer = await send(client, content, **{"Rosterline-Wait": "30"})
    await told_of(client, answer.headers["Location"])
    assert [each.headers["Rosterline-Wait"] for each in script.arrived[-2:]] == ["30", "30"]
    refused = await send(client, content, **{"Rosterline-Wait": "a while"})
    assert refused.status_code == 400
