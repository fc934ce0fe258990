"""Runs the API: a pool on the Rosterline database, and Uvicorn in this process.

At a stop it accepts no more and closes idle keep-alive connections; requests at work may end within
DRAIN_SECONDS, then the database is taken from them and they answer 503.

Uvicorn with httptools takes what clients send: a raw `>` in a query, which stricter parsers refuse,
stands in every delta request that is typed by hand. It knows no end of a request, so that is here.
"""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rosterline.api.access import connections
from rosterline.api.access.throttle import Throttle
from rosterline.api.app import create_app, create_writer
from rosterline.api.errors import CodeMinor, payload
from rosterline.api.limits import MOST_REQUEST_BYTES, MOST_WRITE_BYTES, most_bytes
from rosterline.api.nats.door import admit_vendors
from rosterline.api.responses import JSON
from rosterline.api.routes.explain import Explainer
from rosterline.config.errors import OperatorError
from rosterline.config.settings import Settings
from rosterline.db.pools import open_pool

POOL_SIZE = 10
BACKLOG = 1024
# A stop takes no longer than these together.
DRAIN_SECONDS = 2
CUT_SECONDS = 1
# A request begins in what asyncio reads at once, up to 256 KiB; before it are blank lines at most.
MOST_READ_BYTES = 524_288

log = structlog.get_logger()


class PortTakenError(OperatorError):
    """The address cannot be listened on; the message says which, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ServerFailedError(Exception):
    """The HTTP server ended by itself."""


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    *,
    make_explainer: Callable[[Settings], Explainer] | None = None,
) -> None:
    """Answer requests until `stop` is set; raises PortTakenError or DatabaseUnreachableError.

    Without `make_explainer` nothing is explained.
    """
    with bind(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        settings = settings.model_copy(update={"port": port})
        async with open_pool(
            settings.dsn, "api", size=POOL_SIZE, statement_seconds=settings.statement_seconds
        ) as pool:
            async with pool.acquire() as connection:
                for name in await connections.reconcile(connection, settings):
                    log.info("connection follows the installation's settings", app=name)
            explainer = make_explainer(settings) if make_explainer else None
            writer = create_writer(settings, pool)
            throttle = Throttle(settings)
            app = create_app(settings, pool, explainer=explainer, writer=writer, throttle=throttle)
            admitting = admit_vendors(settings, pool, throttle)
            async with _background(writer.run()), _background(admitting):
                await _run(app, listener, stop, pool, trusted_proxies=settings.trusted_proxies)


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The work beside the block, ended with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def bind(host: str, port: int) -> socket.socket:
    """A socket of one's own on the address; port 0 takes a free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _taken(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Only listening shows that another socket, bound with SO_REUSEADDR too, is first.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _taken(host, port, error) from error
    return listener


class _Server(uvicorn.Server):
    """Leaves signals to the command, which sets `stop`."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """Takes no request without an end, and refuses in OneRoster's words what is none.

    `_size` counts what came of a request behind the bytes in which it began, `_most` is how much
    may. A batch alone may have any length: it is read only as fast as it is worked off.
    """

    _size = 0
    _most: float = MOST_READ_BYTES
    _is_in_head = False

    @override
    def data_received(self, data: bytes) -> None:
        if self._most == math.inf and self.cycle.response_complete:
            # Refused: what still comes is dropped until its sender could have read so.
            self._size, self._most = 0, MOST_WRITE_BYTES
        self._size += len(data)
        if self._size <= self._most:
            super().data_received(data)
        elif self._is_in_head:
            self._refuse(431, f"The request's head is larger than {MOST_REQUEST_BYTES} bytes")
        else:
            self.transport.close()

    @override
    def on_message_begin(self) -> None:
        self._size, self._most, self._is_in_head = 0, MOST_REQUEST_BYTES, True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()
        self._most = most_bytes(self.scope["method"], self.scope["path"])

    @override
    def on_message_complete(self) -> None:
        self._size, self._most = 0, MOST_READ_BYTES
        super().on_message_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "This is no request of HTTP/1.1 with an address of printable characters")

    def _refuse(self, status: int, message: str) -> None:
        """Answer and close; an answer that is under way is not mixed with another."""
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]  # None until the first request
            body = payload(status, CodeMinor.INVALID_DATA, message)
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {JSON}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()


async def _run(
    app: FastAPI,
    listener: socket.socket,
    stop: asyncio.Event,
    pool: asyncpg.Pool,
    *,
    trusted_proxies: str,
) -> None:
    server = _Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            # Tracebacks may hold personal data; the application logs its own failures.
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            forwarded_allow_ips=trusted_proxies,
            backlog=BACKLOG,
            timeout_graceful_shutdown=DRAIN_SECONDS + CUT_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port)
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not stop.is_set():
            raise ServerFailedError("the HTTP server ended by itself") from serving.exception()
    finally:
        stopping.cancel()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=DRAIN_SECONDS)
        if not serving.done():
            pool.terminate()
        await serving


def _taken(host: str, port: int, error: OSError) -> PortTakenError:
    return PortTakenError(
        f"cannot listen on {host}:{port}: {error.strerror}; stop what uses the port, or choose "
        "another with ROSTERLINE_PORT (and an address of this machine with ROSTERLINE_HOST)"
    )
