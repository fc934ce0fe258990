"""The load that benchmarks put on a server: it counts what came, and nothing that is no answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.bench.keepalive import LoadError, Outcome
from tests.bench.load import Load, run_load

RECORD = b'{"dateLastModified":"2026-09-01T08:00:00.000Z"}'
Reply = Callable[[bytes], bytes]


def answer(body: bytes, *, status: str = "200 OK", link: str = "") -> bytes:
    """A response to one request."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{link}\r\n"
    return head.encode() + body


@asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[int]:
    """A server that answers request after request, in two pieces; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_head(reader):
            whole = reply(request.split(b" ")[1])
            writer.write(whole[:20])
            await writer.drain()
            writer.write(whole[20:])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """A request; nothing at the end of the connection."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def put(load: Callable[[int], Load], reply: Reply) -> Outcome:
    """What a load on such a server brings."""
    async with serving(reply) as port:
        run: Awaitable[Outcome] = run_load(load(port))
        return await run


async def test_every_answer_and_every_record_in_it_is_counted() -> None:
    body = b"[" + b",".join([RECORD] * 3) + b"]"
    outcome = await put(
        lambda port: Load(port, "/users", "t", 0.5, connections=2), lambda _: answer(body)
    )
    assert len(outcome.spans) >= 2
    assert outcome.records == 3 * len(outcome.spans)
    assert outcome.spans == sorted(outcome.spans)


async def test_a_pull_follows_the_next_links_to_their_end() -> None:
    asked: list[bytes] = []

    def reply(path: bytes) -> bytes:
        asked.append(path)
        number = int(path.rpartition(b"=")[2])
        link = f'Link: <http://h:1/users?page={number + 1}>; rel="next"\r\n' if number < 3 else ""
        return answer(RECORD, link=link)

    outcome = await put(
        lambda port: Load(port, "/users?page=1", "t", 30, follows_links=True, repeats=False), reply
    )
    assert asked == [b"/users?page=1", b"/users?page=2", b"/users?page=3"]
    assert outcome.records == 3


async def test_an_answer_that_is_none_ends_the_load() -> None:
    with pytest.raises(LoadError, match="503"):
        await put(
            lambda port: Load(port, "/users", "t", 30),
            lambda _: answer(b"{}", status="503 Service Unavailable"),
        )
