"""The API's end of NATS: commands go out and are acknowledged, verdicts come back.

The connection is made in the background and tried for ever: without it everything else is answered,
and writes are refused at once.
"""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js.errors import APIError, NoStreamResponseError
from pydantic import ValidationError

from rosterline.api.errors import too_large, unavailable
from rosterline.bus.connection import LOST_NATS, connect
from rosterline.bus.topology import INGEST, ensure_streams
from rosterline.db.lives import live_on
from rosterline.events.commands import Verdict
from rosterline.events.subjects import answer_subject

ATTEMPT_SECONDS = 2.0
RETRY_SECONDS = 0.5
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 1.0

AWAY = "Nothing can be written at the moment; what was sent was not kept. Try again shortly"
UNKNOWN = (
    "It could not be learned whether what was sent was kept: send it again, a second time changes "
    "nothing"
)

log = structlog.get_logger()


class CommandBus:
    """Publishes commands, and hands out the verdicts that come to `token`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._awaited: dict[str, asyncio.Future[Verdict]] = {}
        self.token = uuid.uuid4().hex

    @property
    def is_connected(self) -> bool:
        """Whether a command would be sent now."""
        return self._client is not None and self._client.is_connected

    async def run(self) -> None:
        """Keep the connection until cancelled; losing NATS is no error."""
        if not self._url:
            log.warning("nothing can be written: no address of NATS is set")
            return

        async def life() -> None:
            async with connect(self._url, "api") as client:
                await self._serve(client)

        def tell(error: Exception) -> None:
            log.warning("NATS is away: writes are refused", error=type(error).__name__)

        await live_on(asyncio.Event(), life, LOST_NATS, tell)

    async def publish(
        self, subject: str, data: bytes, headers: Mapping[str, str], *, seconds: float
    ) -> None:
        """Return once the command is kept; raises ApiError 503, or 413.

        COMMAND_HEADER names it, so trying again repeats nothing.
        """
        has_tried = False
        try:
            async with asyncio.timeout(seconds):
                while self.is_connected:
                    has_tried = True
                    if await self._try(subject, data, headers):
                        return
        except TimeoutError:
            pass
        raise unavailable(UNKNOWN if has_tried else AWAY)

    @contextmanager
    def awaiting(self, command_id: str) -> Iterator[asyncio.Future[Verdict]]:
        """The verdict on a command that is published in the block, with `token` in its headers."""
        future = asyncio.get_running_loop().create_future()
        self._awaited[command_id] = future
        try:
            yield future
        finally:
            del self._awaited[command_id]
            future.cancel()

    async def _serve(self, client: Client) -> None:
        await client.subscribe(answer_subject(self.token), cb=self._arrive)
        await ensure_streams(client.jetstream(), [INGEST])
        self._client = client
        try:
            # It reconnects by itself, for ever, unless the server does not know it any more.
            while not client.is_closed:  # noqa: ASYNC110 - the client tells nobody
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._client = None

    async def _try(self, subject: str, data: bytes, headers: Mapping[str, str]) -> bool:
        client = self._client
        if client is None:
            return False
        jetstream = client.jetstream()
        try:
            await jetstream.publish(
                subject, data, timeout=ATTEMPT_SECONDS, stream=INGEST, headers=dict(headers)
            )
        except NoStreamResponseError:
            await self._make_stream(client)
            return False
        except MaxPayloadError:
            raise too_large("This is more than one message of NATS may hold here") from None
        except APIError as error:
            log.warning("the stream takes no command", error=error.description)
            raise unavailable(AWAY) from None
        except (NatsError, OSError, TimeoutError):
            await asyncio.sleep(PAUSE_SECONDS)
            return False
        return True

    async def _make_stream(self, client: Client) -> None:
        """Somebody removed it, or the server is another one."""
        try:
            await ensure_streams(client.jetstream(), [INGEST])
        except (NatsError, OSError, TimeoutError):
            # JetStream answers a moment after the server does.
            await asyncio.sleep(RETRY_SECONDS)

    async def _arrive(self, message: Msg) -> None:
        try:
            verdict = Verdict.model_validate_json(message.data)
        except ValidationError:
            log.error("a verdict cannot be read")  # noqa: TRY400 - what it holds may be personal
            return
        future = self._awaited.get(verdict.command)
        if future is not None and not future.done():
            future.set_result(verdict)
