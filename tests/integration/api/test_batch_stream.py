"""A batch over a real socket: memory stays bounded, and what breaks off is kept as far as it came.

The API is a process of its own, so that its memory is its own.
"""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from rosterline.api.access import connections
from rosterline.api.dialects import EDTECH_V1P2
from rosterline.api.limits import MOST_BODY_BYTES, MOST_WRITE_BYTES
from rosterline.api.writing.lines import MOST_LINES
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.support.abuse import Api, ask_token, check_quiet, running_api, with_database
from tests.support.api import ReadModel
from tests.support.running import until
from tests.support.servers import fresh_databases
from tests.support.streams import client_of, last_sequence, read_all

LINES = 50_000
MOST_GROWTH = 32_000_000
# What the sockets of both sides and the API hold of a batch that nobody takes.
MOST_HELD = 16_000_000
PATH = "/ingest/batch"
NDJSON = {"Content-Type": "application/x-ndjson"}
Running = tuple[Api, httpx.Client]


async def make_writer(connection: asyncpg.Connection) -> connections.NewConnection:
    """A connection that may write, before a read model that is ready."""
    await ReadModel(connection).become_ready()
    return await connections.add(connection, "writer", scopes=["gradebook.createput"])


@pytest.fixture(scope="module")
def running(postgres_server: EmbeddedPostgres, bus: EmbeddedNats) -> Iterator[Running]:
    """A running API, and a client with a token."""
    with fresh_databases(postgres_server) as databases:
        made = with_database(databases.dsn, make_writer)
        with running_api(databases.dsn, nats_url=bus.url) as api:
            token = ask_token(api, made, EDTECH_V1P2, "")
            headers = {"Authorization": f"Bearer {token}"} | NDJSON
            with httpx.Client(base_url=api.address, headers=headers, timeout=60) as client:
                yield api, client


def lines(count: int) -> Iterator[bytes]:
    """Lines of some four hundred bytes."""
    for number in range(count):
        record = {"sourcedId": f"c{number}", "title": "Homework", "metadata": {"note": "x" * 350}}
        yield json.dumps({"category": record}).encode() + b"\n"


def memory_of(api: Api) -> int:
    """The most that the process has held, in bytes."""
    status = Path(f"/proc/{api.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def test_a_batch_of_50000_lines_is_taken_in_bounded_memory(
    running: Running, bus: EmbeddedNats
) -> None:
    api, client = running
    assert client.post(PATH, content=lines(1000)).status_code == 202
    before = memory_of(api)
    async with client_of(bus.url) as nats:
        first = await last_sequence(nats, "INGEST")
        content = b"".join(lines(LINES))
        for body in (content, lines(LINES)):
            answer = client.post(PATH, content=body)
            assert answer.status_code == 202, answer.text
            assert answer.json()["lines"] == LINES
        assert memory_of(api) - before < MOST_GROWTH
        messages = (await read_all(nats, "INGEST"))[first:]
    assert len(messages) == 2 * LINES / MOST_LINES
    half = messages[: len(messages) // 2]
    assert b"\n".join(data for _, _, data in half) + b"\n" == content
    assert max(len(data) for _, _, data in messages) < 600_000
    check_quiet(api)


async def test_who_sends_faster_than_is_acknowledged_is_slowed_down(
    running: Running, bus: EmbeddedNats
) -> None:
    _, client = running
    taken = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for line in lines(2 * LINES):
            taken += len(line)
            yield line

    answers: list[httpx.Response] = []
    sending = threading.Thread(target=lambda: answers.append(client.post(PATH, content=counted())))
    assert bus.process is not None
    bus.process.send_signal(signal.SIGSTOP)
    try:
        sending.start()
        sending.join(2)
        held = taken
        assert 0 < held < MOST_HELD
    finally:
        bus.process.send_signal(signal.SIGCONT)
    sending.join(60)
    (answer,) = answers
    assert answer.status_code == 202, answer.text
    assert answer.json()["lines"] == 2 * LINES


async def test_a_batch_that_breaks_off_leaves_what_was_taken(
    running: Running, bus: EmbeddedNats
) -> None:
    api, client = running
    async with client_of(bus.url) as nats:
        first = await last_sequence(nats, "INGEST")
        host, port = api.address.removeprefix("http://").split(":")
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
            f"Authorization: {client.headers['Authorization']}\r\nContent-Length: 99999999\r\n\r\n"
        )
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + b"".join(lines(MOST_LINES + 2)))

            async def has_arrived() -> bool:
                return await last_sequence(nats, "INGEST") > first

            await until(has_arrived)
        message = await nats.jetstream().get_msg("INGEST", first + 1)
        assert await last_sequence(nats, "INGEST") == first + 1
    assert message.data == b"".join(lines(MOST_LINES)).strip()
    assert message.headers is not None
    assert client.get(f"/ingest/{message.headers['Rosterline-Batch']}").status_code == 404
    check_quiet(api)


def test_a_single_write_that_breaks_off_is_no_fault_of_ours(running: Running) -> None:
    api, client = running
    host, port = api.address.removeprefix("http://").split(":")
    head = (
        "PUT /ims/oneroster/gradebook/v1p2/categories/broken HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {client.headers['Authorization']}\r\nContent-Length: 999\r\n\r\n"
    )
    for _ in range(3):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + b'{"category": ')
            # Answered after it, on a connection of its own: the first request is being read.
            assert client.get("/ingest/nothing").status_code == 404
    for _ in range(3):
        assert client.get("/ingest/nothing").status_code == 404
    check_quiet(api)


def test_who_is_refused_cannot_go_on_sending(running: Running) -> None:
    api, _ = running
    start = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    assert api.flood(start.encode(), chunk * 16) < MOST_WRITE_BYTES + MOST_HELD


@pytest.mark.parametrize("size", [MOST_BODY_BYTES + 1, 8 * MOST_BODY_BYTES])
def test_who_sends_too_large_a_body_can_read_that_it_is(running: Running, size: int) -> None:
    api, client = running
    path = "/ims/oneroster/gradebook/v1p2/categories/c1"
    for body in (b"x" * size, iter([b"x" * (size // 2)] * 3)):
        answer = client.put(path, content=body)
        assert answer.status_code == 413
        assert f"{MOST_BODY_BYTES} bytes" in answer.json()["imsx_description"]
    check_quiet(api)
