"""Batches of any length over HTTP: taken in as they come, and told of line by line."""

import asyncio
from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from rosterline.api.writing import batches
from rosterline.api.writing.batches import MOST_AHEAD
from rosterline.api.writing.lines import MOST_LINE_BYTES, MOST_LINES
from rosterline.bus.topology import INGEST
from rosterline.oneroster.scopes import WRITING
from tests.support.office import Office
from tests.support.running import PATIENCE_SECONDS, until
from tests.support.streams import client_of, read_all
from tests.support.writing import told_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCOPES = ["gradebook.createput", "gradebook.delete", "gradebook.createpost", "gradebook.readonly"]
NDJSON = {"Content-Type": "application/x-ndjson"}
CATEGORIES = "/ims/oneroster/gradebook/v1p2/categories"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    """One that may write the gradebook."""
    client = await office.served.connect("writer", scopes=SCOPES)
    yield client
    await client.aclose()


def category(number: int, title: str = "Homework") -> bytes:
    """A line that puts a category."""
    return b'{"category":{"sourcedId":"c%d","title":"%b"}}' % (number, title.encode())


def untitled(number: int) -> bytes:
    """A line that is refused."""
    return b'{"category":{"sourcedId":"c%d"}}' % number


async def send(client: httpx.AsyncClient, content: Any, **headers: str) -> httpx.Response:
    """A batch."""
    return await client.post("/ingest/batch", content=content, headers=NDJSON | headers)


async def messages_of(office: Office, batch_id: str) -> list[tuple[str, dict[str, str], bytes]]:
    """The messages as which a batch was sent to ingest."""
    async with client_of(office.nats.url) as nats:
        messages = await read_all(nats, INGEST)
    return [each for each in messages if each[1].get("Rosterline-Batch") == batch_id]


async def test_a_batch_is_stored_line_by_line(office: Office, client: httpx.AsyncClient) -> None:
    lines = [category(number) for number in range(2 * MOST_LINES + 3)]
    answer = await send(client, b"\n".join([*lines, b'{"delete": "categories/c0"}', b""]))
    assert answer.status_code == 202
    place = answer.headers["Location"]
    batch_id = place.removeprefix("/ingest/")
    count = len(lines) + 1
    assert answer.json() == {"id": batch_id, "state": "queued", "lines": count}
    counts = {"lines": count, "stored": count, "rejected": 0}
    page = {"limit": 100, "offset": 0, "rejections": []}
    assert await told_of(client, place) == {"id": batch_id, "state": "stored", **counts, **page}
    messages = await messages_of(office, batch_id)
    starts = [int(headers["Rosterline-First-Line"]) for _, headers, _ in messages]
    assert starts == [1, MOST_LINES + 1, 2 * MOST_LINES + 1]
    assert {headers["Rosterline-Answer"] for _, headers, _ in messages} == {"none"}
    assert {subject for subject, _, _ in messages} == {"ingest.district.writer.batch"}
    # Whoever reads a later write reads the earlier ones.
    assert (await client.put(f"{CATEGORIES}/c1", json={"category": {"title": "Quiz"}})).is_success
    shown = await client.get(CATEGORIES, params={"filter": "title='Homework'", "limit": 9000})
    assert len(shown.json()["categories"]) >= len(lines) - 2
    assert "c0" not in {each["sourcedId"] for each in shown.json()["categories"]}


async def test_what_is_wrong_is_told_by_the_line_in_which_it_stands(
    client: httpx.AsyncClient,
) -> None:
    long = category(7, "x" * MOST_LINE_BYTES)
    lines = [b"", category(1), b"no JSON", b"  ", untitled(2), long, category(3)]
    lines += [category(number) for number in range(10, 10 + MOST_LINES)]
    lines += [b'{"delete": "categories/nothing"}']
    answer = await send(client, b"\r\n".join(lines))
    assert answer.json()["lines"] == len(lines) - 2
    told = await told_of(client, answer.headers["Location"])
    assert (told["state"], told["rejected"]) == ("mixed", 4)
    assert told["stored"] == told["lines"] - 4
    found = [(each["line"], each["status"]) for each in told["rejections"]]
    assert found == [(3, 422), (5, 422), (6, 422), (len(lines), 404)]
    second = told["rejections"][1]
    description = second.pop("description")
    assert "title" in description
    assert second == {
        "line": 5,
        "collection": "categories",
        "sourcedId": "c2",
        "status": 422,
        "codeMinor": "invaliddata",
    }
    assert str(MOST_LINE_BYTES) in told["rejections"][2]["description"]
    page = await told_of(client, answer.headers["Location"], limit=2, offset=1)
    assert [each["line"] for each in page["rejections"]] == [5, 6]
    assert (page["rejected"], page["limit"], page["offset"]) == (4, 2, 1)
    for wrong in ("limit=0", "limit=x", "limit=10001", "offset=-1"):
        refused = await client.get(f"{answer.headers['Location']}?{wrong}")
        assert refused.status_code == 400


async def test_a_batch_is_queued_until_all_of_it_is_decided(
    office: Office, client: httpx.AsyncClient
) -> None:
    content = b"\n".join(category(number) for number in range(MOST_LINES + 1))
    async with office.without("ingest"):
        answer = await send(client, content)
        place = answer.headers["Location"]
        queued = (await client.get(place)).json()
        assert (queued["state"], queued["lines"]) == ("queued", MOST_LINES + 1)
    assert (await told_of(client, place))["state"] == "stored"


async def test_the_writes_of_others_come_in_between_a_long_batch(
    office: Office, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    content = b"\n".join(category(number) for number in range((MOST_AHEAD + 4) * MOST_LINES))
    sent = await office.count_messages()

    async def is_ahead() -> bool:
        return await office.count_messages() - sent >= MOST_AHEAD

    async with asyncio.TaskGroup() as tasks, office.without("ingest"):
        sending = tasks.create_task(send(client, content))
        await until(is_ahead)
        body = {"category": {"title": "Quiz"}}
        path, headers = f"{CATEGORIES}/{office.new_id()}", {"Prefer": "respond-async"}
        other = await office.client.put(path, json=body, headers=headers)
        assert other.status_code == 202
        assert (await office.last_message())[0].endswith("categories.put")
        assert await office.count_messages() - sent == MOST_AHEAD + 1
        assert not sending.done()
    answer = sending.result()
    assert answer.json()["lines"] == (MOST_AHEAD + 4) * MOST_LINES
    assert (await told_of(client, answer.headers["Location"]))["state"] == "stored"
    assert await office.count_messages() - sent == MOST_AHEAD + 5


async def test_a_batch_is_taken_whole_while_nothing_is_decided(
    office: Office, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PATIENCE_SECONDS", 0.2)
    content = b"\n".join(category(number) for number in range((MOST_AHEAD + 4) * MOST_LINES))
    sent = await office.count_messages()
    async with office.without("ingest"):
        answer = await send(client, content)
        assert answer.status_code == 202
        assert await office.count_messages() - sent == MOST_AHEAD + 4
    assert (await told_of(client, answer.headers["Location"]))["state"] == "stored"


@pytest.mark.parametrize("sizes", [[0], [1, 1, 1], [2], [3], [9]])
async def test_a_mark_before_the_first_line_says_nothing(
    client: httpx.AsyncClient, sizes: list[int]
) -> None:
    content = BOM_UTF8 + category(8)

    async def pieces() -> AsyncIterator[bytes]:
        rest = content
        for size in sizes:
            yield rest[:size]
            rest = rest[size:]
        yield rest

    answer = await send(client, pieces())
    assert (await told_of(client, answer.headers["Location"]))["state"] == "stored"


async def test_lines_that_are_all_too_long_are_all_refused(client: httpx.AsyncClient) -> None:
    answer = await send(client, b"\n".join([b"x" * (MOST_LINE_BYTES + 1)] * 2))
    assert answer.status_code == 202
    told = await told_of(client, answer.headers["Location"])
    assert (told["state"], told["lines"], told["rejected"]) == ("rejected", 2, 2)


async def test_the_longest_line_that_is_taken_is_read(client: httpx.AsyncClient) -> None:
    frame = len(category(9, ""))
    answer = await send(client, category(9, "x" * (MOST_LINE_BYTES - frame)))
    assert (await told_of(client, answer.headers["Location"]))["state"] == "stored"


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n"])
async def test_a_batch_without_lines_is_none(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await send(client, content)
    assert answer.status_code == 422
    assert "empty" in answer.json()["imsx_description"]


async def test_a_batch_is_json_line_by_line(client: httpx.AsyncClient) -> None:
    for kind in ("application/json", "text/plain", ""):
        answer = await send(client, category(1), **{"Content-Type": kind})
        assert answer.status_code == 415
        assert "application/x-ndjson" in answer.json()["imsx_description"]
    packed = await send(client, category(1), **{"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    for kind in ("application/jsonl", "Application/X-NDJSON; charset=utf-8"):
        assert (await send(client, category(1), **{"Content-Type": kind})).status_code == 202


async def test_a_batch_needs_every_scope_by_which_its_connection_writes(office: Office) -> None:
    sent = await office.count_messages()
    scopes = [scope for scope in WRITING if "v1p2" in scope]
    narrow = await office.served.connect("narrow", scopes=scopes, scope=min(scopes))
    reader = await office.served.connect("only-reads", scopes=["gradebook.readonly"])
    for client, said in ((narrow, "gradebook.delete"), (reader, "no scope")):
        answer = await send(client, category(1))
        assert answer.status_code == 403
        assert said in answer.json()["imsx_description"]
        await client.aclose()
    assert (await send(office.served.http, category(1))).status_code == 401
    assert await office.count_messages() == sent


async def test_a_connection_of_1_1_is_answered_in_its_words(office: Office) -> None:
    older = await office.served.connect("older", "1.1", scopes=["gradebook.createput"])
    wrong = await send(older, b"")
    assert wrong.json()["statusInfoSet"][0]["imsx_codeMinor"] == "invalid data"
    answer = await send(older, category(100))
    assert (await told_of(older, answer.headers["Location"]))["state"] == "stored"
    await older.aclose()


async def test_the_time_to_wait_goes_with_every_message(
    office: Office, client: httpx.AsyncClient
) -> None:
    content = b"\n".join(category(number) for number in range(MOST_LINES + 1))
    answer = await send(client, content, **{"Rosterline-Wait": "30"})
    place = answer.headers["Location"]
    await told_of(client, place)
    messages = await messages_of(office, place.removeprefix("/ingest/"))
    assert [headers["Rosterline-Wait"] for _, headers, _ in messages] == ["30", "30"]
    refused = await send(client, content, **{"Rosterline-Wait": "a while"})
    assert refused.status_code == 400
