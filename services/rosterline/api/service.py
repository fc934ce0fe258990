"""Runs the API: a pool on the Rosterline database, and Granian in this process.

At a stop Granian accepts no more and closes idle keep-alive connections; requests at work may end
within DRAIN_SECONDS, then the database is taken from them and they answer 503.
"""

import asyncio
import socket

import asyncpg
import structlog
from fastapi import FastAPI
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from rosterline.api.app import create_app
from rosterline.config.settings import Settings
from rosterline.db.pools import open_pool

POOL_SIZE = 10
# A stop takes no longer than these together.
DRAIN_SECONDS = 2.0
CUT_SECONDS = 1.0
# Granian's threads let go of their last Python objects just after it has stopped; an interpreter
# that ends in that moment prints a panic of theirs.
LINGER_SECONDS = 0.1

log = structlog.get_logger()


class PortTakenError(Exception):
    """The address cannot be listened on; the message says which, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ServerFailedError(Exception):
    """The HTTP server ended by itself."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Answer requests until `stop` is set; raises PortTakenError or DatabaseUnreachableError."""
    port = probe_port(settings.host, settings.port)
    settings = settings.model_copy(update={"port": port})
    async with open_pool(settings.dsn, "api", size=POOL_SIZE) as pool:
        await _run(create_app(settings, pool), settings, stop, pool)


def probe_port(host: str, port: int) -> int:
    """The port, or a free one for 0.

    Granian listens with SO_REUSEPORT, so a second server would start beside a first one in silence
    and get a part of its requests; a socket without it shows that the port is taken.
    """
    family, kind, protocol, _, address = _resolve(host, port)
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise PortTakenError(
                f"cannot listen on {host}:{port}: {error.strerror}; "
                "stop what uses the port, or choose another with ROSTERLINE_PORT"
            ) from error
        return int(probe.getsockname()[1])


def _resolve(
    host: str, port: int
) -> tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise PortTakenError(
            f"cannot listen on {host!r}: {error.strerror}; set ROSTERLINE_HOST to an address of "
            "this machine"
        ) from error


async def _run(app: FastAPI, settings: Settings, stop: asyncio.Event, pool: asyncpg.Pool) -> None:
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    log.info("listening", address=settings.base_url)
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not stop.is_set():
            raise ServerFailedError("the HTTP server ended by itself") from serving.exception()
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it untyped
        await _drain(serving, pool)


async def _drain(serving: asyncio.Task[None], pool: asyncpg.Pool) -> None:
    """Wait for the requests at work; end those that hang in the database, then any."""
    await asyncio.wait({serving}, timeout=DRAIN_SECONDS)
    if not serving.done():
        pool.terminate()
        await asyncio.wait({serving}, timeout=CUT_SECONDS)
    serving.cancel()
    await asyncio.wait({serving})
    await asyncio.sleep(LINGER_SECONDS)
