"""`rosterline tail`: change events of stream ONEROSTER as they come, one a line, none left out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from rosterline.bus.connection import connect
from rosterline.bus.reader import (
    ReaderLostError,
    StreamGapError,
    StreamMessage,
    StreamReader,
    open_reader,
)
from rosterline.bus.topology import ONEROSTER, identity
from rosterline.config.settings import Settings
from rosterline.events.subjects import gap_subject, version_subjects
from rosterline.launch.supervise import happens
from rosterline.oneroster.vocabulary import Version

log = structlog.get_logger(__name__)

VERSIONS = {"1.2": Version.V1P2, "1.1": Version.V1P1}
READ_MESSAGES = 200
RETRY_SECONDS = 0.5
CLOUDEVENT_PREFIX = "ce-"


def is_gap(event: StreamMessage) -> bool:
    """Whether it says that events may be missing before it."""
    return event.subject.endswith(".gap")


def as_json(event: StreamMessage) -> str:
    """One CloudEvent in JSON format; `streamsequence` is what `--from` takes."""
    attributes = {
        name.removeprefix(CLOUDEVENT_PREFIX): value
        for name, value in event.headers.items()
        if name.startswith(CLOUDEVENT_PREFIX)
    }
    if "content-type" in event.headers:
        attributes["datacontenttype"] = event.headers["content-type"]
    if is_gap(event):
        attributes["type"] = "rosterline.gap"
    whole = {"streamsequence": event.sequence} | attributes
    # A fragment is written as it is: the data stays byte for byte what a GET answers.
    return orjson.dumps(whole | {"data": orjson.Fragment(event.data or b"null")}).decode()


def as_line(event: StreamMessage) -> str:
    """Time, operation, entity, sourcedId, id; nothing of the record."""
    if is_gap(event):
        return f"{event.sequence} gap: events may be missing here; read all records anew"
    *_, entity, operation = event.subject.split(".")
    attribute = event.headers.get
    return (
        f"{attribute('ce-time', '-')}  {operation:<7}  {entity:<16}  "
        f"{attribute('ce-subject', '-')}  {attribute('ce-id', '-')}"
    )


@dataclass
class Place:
    """Where a reader stands: the stream it reads, and the last sequence it has read."""

    stream: str
    after: int | None
    missing: int | None = None


async def tail(
    settings: Settings,
    show: Callable[[StreamMessage], None],
    stop: asyncio.Event,
    *,
    start: int | None = None,
    version: Version = Version.V1P2,
) -> None:
    """Show every event from stream sequence `start`, or only new ones, until `stop`."""
    subjects = (
        version_subjects(settings.district, version).removesuffix(">"),
        gap_subject(settings.district),
    )
    async with connect(settings.nats_url, "tail") as client:
        place = Place("", None if start is None else start - 1)
        while not stop.is_set():
            try:
                after = await find_place(client.jetstream(), place)
                async with open_reader(client, ONEROSTER, after) as reader:
                    await show_all(
                        reader, place, stop, lambda event: show_if(event, subjects, show)
                    )
            except StreamGapError:
                step_over(place)
            except BrokenPipeError:
                raise
            except (ReaderLostError, NatsError, OSError) as error:
                log.debug("tail.interrupted", error=type(error).__name__)
                await happens(stop, RETRY_SECONDS)


def show_if(
    event: StreamMessage, subjects: tuple[str, ...], show: Callable[[StreamMessage], None]
) -> None:
    """Show an event of the district and version that were asked for."""
    if event.subject.startswith(subjects):
        show(event)


async def find_place(jetstream: JetStreamContext, place: Place) -> int:
    """The sequence to read behind: the last one shown, or the start of a stream that is new."""
    info = await jetstream.stream_info(ONEROSTER)
    stream = identity(info)
    if place.stream and place.stream != stream:
        log.warning("tail.stream_replaced", what="the stream was made anew; read from its start")
        place.after = 0
    elif place.after is None:
        place.after = info.state.last_seq
    place.stream = stream
    place.after = max(place.after or 0, info.state.first_seq - 1)
    return place.after


async def show_all(
    reader: StreamReader, place: Place, stop: asyncio.Event, show: Callable[[StreamMessage], None]
) -> None:
    """Show what comes until `stop`; the place moves with what was shown."""
    stopping = asyncio.ensure_future(stop.wait())
    reading: asyncio.Future[list[StreamMessage]] | None = None
    try:
        while not stop.is_set():
            reading = asyncio.ensure_future(reader.read(READ_MESSAGES))
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return
            for message in await reading:
                place.after = message.sequence
                show(message)
    finally:
        pending = [task for task in (reading, stopping) if task is not None]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def step_over(place: Place) -> None:
    """Pass a message that is missing twice: once may be lost on the way, twice is deleted."""
    if place.missing == place.after:
        log.warning("tail.message_missing", sequence=(place.after or 0) + 1)
        place.after = (place.after or 0) + 1
    place.missing = place.after
