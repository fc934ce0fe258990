"""FastStream's part: one connection to NATS, and a subscriber that hands over message by message.

Its defaults lose messages. Here nothing is declared or decoded by it, nothing acknowledged or
answered, and the next message comes only when the one before is seen through.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from typing_extensions import override

from rosterline.bus.connection import (
    CONNECT_SECONDS,
    BusUnreachableError,
    options,
    without_credentials,
)
from rosterline.bus.topology import INGEST, INGEST_CONSUMER
from rosterline.events.subjects import INGEST_SUBJECTS

log = structlog.get_logger(__name__)

# A unit takes less; whoever stops does not wait much longer.
END_SECONDS: Final = 1.5
# A request that was lost with a connection is made again after this.
WAIT_SECONDS: Final = 1.0


class Logs:
    """FastStream's words in our log; without tracebacks, which may show what a message holds."""

    def log(
        self,
        level: int,
        msg: Any,  # noqa: ANN401 - whatever is logged
        /,
        *,
        exc_info: Any = None,  # noqa: ANN401, ARG002 - left out
        extra: Mapping[str, Any] | None = None,  # noqa: ARG002 - left out
    ) -> None:
        """One of its lines: what it tells at every start and message is for who looks closely."""
        log.log(
            level if level >= logging.WARNING else logging.DEBUG, "ingest.faststream", said=str(msg)
        )


class PatientClient(Client):
    """A client that reads a subject that is no text as well as it can, and goes on reading."""

    @override
    def _build_message(self, sid: Any, subject: bytes, *rest: Any) -> Any:
        text = subject.decode(errors="replace")
        if text.encode() != subject:
            log.warning("ingest.subject_is_no_text", subject=text)
        return super()._build_message(sid, text.encode(), *rest)


class PatientBroker(NatsBroker):
    """A broker on such a client."""

    @override
    async def _connect(self) -> Client:
        client = PatientClient()
        await client.connect(**self._connection_kwargs)
        self.config.connect(client)
        return client


async def undecoded(message: NatsMessage) -> NatsMessage:
    """What is malformed must be answered, too: nothing is decoded before we see it."""
    return message


@asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[NatsBroker]:
    """A broker that is connected for the length of the block; raises BusUnreachableError."""
    closing = False

    async def disconnected() -> None:
        if not closing:
            log.warning("nats.disconnected", name=name)

    async def reconnected() -> None:
        log.info("nats.reconnected", name=name)

    broker = PatientBroker(
        url,
        **options(name),
        disconnected_cb=disconnected,
        reconnected_cb=reconnected,
        logger=Logs(),
        log_level=logging.DEBUG,
        graceful_timeout=END_SECONDS,
        apply_types=False,
    )
    try:
        # A client that reconnects for ever would also make its first attempt for ever.
        async with asyncio.timeout(CONNECT_SECONDS):
            await broker.connect()
    except (OSError, NatsError, TimeoutError) as error:
        raise BusUnreachableError(
            f"NATS at {without_credentials(url)} cannot be reached: {error}"
        ) from error
    try:
        yield broker
    finally:
        closing = True
        await broker.stop()


@asynccontextmanager
async def subscribed(
    broker: NatsBroker, receive: Callable[[Msg], Awaitable[None]]
) -> AsyncIterator["asyncio.Future[None]"]:
    """Hand messages over for the length of the block; the future has the error that ended it."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def handle(message: NatsMessage) -> None:
        if failed.done():
            return
        try:
            await receive(message.raw_message)
        except Exception as error:  # noqa: BLE001 - FastStream would log it and go on with the next
            failed.set_exception(error)

    subscriber = broker.subscriber(
        INGEST_SUBJECTS,
        durable=INGEST_CONSUMER,
        stream=JStream(INGEST, declare=False),
        pull_sub=PullSub(batch_size=1, timeout=WAIT_SECONDS),
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        decoder=undecoded,
    )
    subscriber(handle)
    try:
        await broker.start()
        yield failed
    finally:
        await subscriber.stop()
        if not failed.cancel() and not failed.cancelled():
            # Whoever stops does not ask for it; asyncio would complain.
            failed.exception()
