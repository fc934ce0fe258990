"""`rosterline tail`: change events of stream ONEROSTER as they come, one a line, none left out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rosterline.bus.connection import connect
from rosterline.bus.topology import ONEROSTER, identity
from rosterline.config.settings import Settings
from rosterline.events.subjects import gap_subject, version_subjects
from rosterline.launch.supervise import happens

log = structlog.get_logger(__name__)

VERSION = "v1p2"
FETCH_MESSAGES = 200
FETCH_SECONDS = 2.0
RETRY_SECONDS = 0.5
FORGET_SECONDS = 60.0
CLOUDEVENT_PREFIX = "ce-"


@dataclass(frozen=True)
class Event:
    """A message of ONEROSTER and its place there."""

    sequence: int
    subject: str
    headers: dict[str, str]
    data: bytes

    @property
    def is_gap(self) -> bool:
        """Whether it says that events may be missing before it."""
        return self.subject.endswith(".gap")

    def as_json(self) -> str:
        """One CloudEvent in JSON format; `streamsequence` is what `--from` takes."""
        attributes = {
            name.removeprefix(CLOUDEVENT_PREFIX): value
            for name, value in self.headers.items()
            if name.startswith(CLOUDEVENT_PREFIX)
        }
        if "content-type" in self.headers:
            attributes["datacontenttype"] = self.headers["content-type"]
        if self.is_gap:
            attributes["type"] = "rosterline.gap"
        whole = {"streamsequence": self.sequence} | attributes
        # A fragment is written as it is: the data stays byte for byte what a GET answers.
        return orjson.dumps(whole | {"data": orjson.Fragment(self.data or b"null")}).decode()

    def as_line(self) -> str:
        """Time, operation, entity, sourcedId, id; nothing of the record."""
        if self.is_gap:
            return f"{self.sequence} gap: events may be missing here; read all records anew"
        *_, entity, operation = self.subject.split(".")
        attribute = self.headers.get
        return (
            f"{attribute('ce-time', '-')}  {operation:<7}  {entity:<16}  "
            f"{attribute('ce-subject', '-')}  {attribute('ce-id', '-')}"
        )


@dataclass
class Place:
    """Where a reader stands: the stream it reads, and the sequence it reads next."""

    stream: str
    following: int


async def tail(
    settings: Settings,
    show: Callable[[Event], None],
    stop: asyncio.Event,
    *,
    start: int | None = None,
) -> None:
    """Show every event from stream sequence `start`, or only new ones, until `stop`."""
    subjects = [
        version_subjects(settings.district, VERSION),
        gap_subject(settings.district),
    ]
    async with connect(settings.nats_url, "tail") as client:
        place = Place("", start or 0)
        while not stop.is_set():
            try:
                await find_place(client.jetstream(), place)
                async for event in read(client, subjects, place, stop):
                    show(event)
            except (NatsError, OSError, TimeoutError) as error:
                log.debug("tail.interrupted", error=type(error).__name__)
                await happens(stop, RETRY_SECONDS)


async def find_place(jetstream: JetStreamContext, place: Place) -> None:
    """Begin behind the last event, or from the first one of a stream that has been made anew."""
    info = await jetstream.stream_info(ONEROSTER)
    stream = identity(info)
    if place.stream and place.stream != stream:
        log.warning("tail.stream_replaced", what="the stream was made anew; read from its start")
        place.following = 1
    elif not place.following:
        place.following = info.state.last_seq + 1
    place.stream = stream


async def read(
    client: Client, subjects: list[str], place: Place, stop: asyncio.Event
) -> AsyncIterator[Event]:
    """Events from `place` on, which moves with them; ends when a new consumer is due.

    The consumer is not acknowledged to: what is lost with a connection shows as a gap in its own
    numbers, and the next consumer begins there.
    """
    subscription = await client.jetstream().pull_subscribe(
        "",
        stream=ONEROSTER,
        config=ConsumerConfig(
            filter_subjects=subjects,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=place.following,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=FORGET_SECONDS,
            mem_storage=True,
        ),
    )
    expected = 1
    connection = client.stats["reconnects"]
    try:
        while not stop.is_set() and client.stats["reconnects"] == connection:
            for message in await fetch(subscription, stop):
                number = message.metadata.sequence
                if number.consumer != expected:
                    return
                expected += 1
                place.following = number.stream + 1
                yield Event(number.stream, message.subject, message.headers or {}, message.data)
    finally:
        with suppress(NatsError):
            await subscription.unsubscribe()


async def fetch(subscription: JetStreamContext.PullSubscription, stop: asyncio.Event) -> list[Msg]:
    """The next messages; none when there are none for a while, or at `stop`."""
    fetching = asyncio.ensure_future(subscription.fetch(FETCH_MESSAGES, timeout=FETCH_SECONDS))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return await fetching if fetching.done() else []
    except TimeoutError:
        return []
    finally:
        fetching.cancel()
        stopping.cancel()
        await asyncio.gather(fetching, stopping, return_exceptions=True)
