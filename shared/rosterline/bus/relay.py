"""Fenced publishing: nothing is stored unless it comes right after what we know is last.

Every publish names the sequence that must be last in the stream. A second writer, or a publish of
our own whose fate is unknown, makes the next one fail; the writer then reads the stream's end again
and goes on from there. So nothing is ever stored twice, and no dedupe window is needed.
"""

import asyncio
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import orjson
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from rosterline.bus.topology import identity

ACK_SECONDS = 10.0
LOOK_SECONDS = 0.25
# How much the last measurement counts, and what preparing a batch can cost at most, in seconds.
NEWS = 0.1
MOST_PREPARING = 0.02
LARGEST_BATCH = 500
LARGEST_BATCH_BYTES = 4_000_000
EXPECTED_LAST = "Nats-Expected-Last-Sequence"
BATCH_ID = "Nats-Batch-Id"
BATCH_SEQUENCE = "Nats-Batch-Sequence"
BATCH_COMMIT = "Nats-Batch-Commit"
WRONG_LAST_SEQUENCE = {10070, 10071, 10164}
Answer = TypeVar("Answer")


class FencedError(Exception):
    """The stream's end is not where we left it: another writer, or a publish of unknown fate."""


class PublishError(Exception):
    """A publish that failed or whose fate is unknown: read the stream's end, and go on there."""


class TooLargeError(Exception):
    """A single row or event that is larger than NATS allows a message to be."""


class Outgoing(Protocol):
    """A message on its way to a stream."""

    @property
    def subject(self) -> str:
        """Where it goes."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, but for those that say what it comes behind."""

    @property
    def data(self) -> bytes:
        """What it holds."""


Message = TypeVar("Message", bound=Outgoing)


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The end of a stream: its identity, last sequence, and the headers of its last message."""

    identity: str
    sequence: int
    headers: dict[str, str] | None
    data: bytes = b""


async def read_end(jetstream: JetStreamContext, stream: str) -> StreamEnd:
    """The stream's end."""
    info = await jetstream.stream_info(stream)
    sequence = info.state.last_seq
    if sequence == 0:
        return StreamEnd(identity(info), 0, None)
    try:
        message = await jetstream.get_msg(stream, seq=sequence)
    except NotFoundError:
        return StreamEnd(identity(info), sequence, None)
    return StreamEnd(identity(info), sequence, message.headers or {}, message.data or b"")


@dataclass(slots=True)
class Costs:
    """What publishing takes here, in seconds: the disk decides. The first guesses are a fast one's.

    The tail of a queue is a batch now and then, so both ways go on being measured.
    """

    single: float = 0.0003
    batch: float = 0.008

    def are_few(self, count: int) -> bool:
        """Whether so many messages are stored sooner one by one."""
        return count == 1 or count * self.single < self.batch

    def note_single(self, seconds: float) -> None:
        """What one message has taken by itself."""
        self.single += (seconds - self.single) * NEWS

    def note_batch(self, seconds: float) -> None:
        """What an atomic batch has taken; a large one's messages are not its fixed cost."""
        self.batch += (min(seconds, MOST_PREPARING) - self.batch) * NEWS


class Relay:
    """The one writer of a stream, from the sequence that it was given."""

    def __init__(self, client: Client, jetstream: JetStreamContext, last_sequence: int) -> None:
        self.client = client
        self.jetstream = jetstream
        self.last_sequence = last_sequence
        self.costs = Costs()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Store all messages in order, or raise FencedError, PublishError or TooLargeError.

        Up to `LARGEST_BATCH` messages go as one atomic batch, which costs one sync to disk but much
        to prepare: a few go one by one, as long as that is the cheaper way on this machine.
        """
        for batch in batches(messages):
            self.refuse_too_large(batch)
            began = time.monotonic()
            if self.costs.are_few(len(batch)):
                for message in batch:
                    await self.publish_one(message)
                self.costs.note_single((time.monotonic() - began) / len(batch))
            else:
                await self.publish_batch(batch)
                self.costs.note_batch(time.monotonic() - began)

    def refuse_too_large(self, batch: Sequence[Outgoing]) -> None:
        """A message beyond the server's limit would never get through: say so."""
        limit = self.client.max_payload
        for message in batch:
            if len(message.data) > limit - 4096:
                raise TooLargeError(
                    f"a message of {len(message.data)} bytes for {message.subject} is larger than "
                    f"NATS allows ({limit}); raise max_payload on the server"
                )

    async def publish_one(self, message: Outgoing) -> None:
        """Store one message."""
        headers = {**message.headers, EXPECTED_LAST: str(self.last_sequence)}
        try:
            ack = await self.answer(
                self.jetstream.publish(
                    message.subject, message.data, timeout=ACK_SECONDS, headers=headers
                )
            )
        except APIError as error:
            raise refusal(error.err_code, error.description) from error
        except (NatsError, TimeoutError, OSError) as error:
            raise PublishError(f"no acknowledgement from NATS: {error!r}") from error
        self.last_sequence = ack.seq

    async def answer(self, request: Coroutine[Any, Any, Answer]) -> Answer:
        """The server's answer; PublishError at once when the connection that was asked is lost.

        What is asked while there is no connection is sent with the next one.
        """
        lost_with = self.client.stats["reconnects"] + (1 if self.client.is_connected else 2)
        asking = asyncio.ensure_future(request)
        try:
            while not (await asyncio.wait([asking], timeout=LOOK_SECONDS))[0]:
                if self.client.stats["reconnects"] >= lost_with:
                    raise PublishError("the connection was lost before NATS answered")
            return asking.result()
        finally:
            asking.cancel()

    async def publish_batch(self, messages: Sequence[Outgoing]) -> None:
        """Store several messages, all or none (NATS ADR-50)."""
        batch_id = uuid.uuid4().hex
        reply = b""
        try:
            for number, message in enumerate(messages, start=1):
                headers = {**message.headers, BATCH_ID: batch_id, BATCH_SEQUENCE: str(number)}
                if number == 1:
                    headers[EXPECTED_LAST] = str(self.last_sequence)
                if number < len(messages):
                    await self.client.publish(message.subject, message.data, headers=headers)
                    continue
                headers[BATCH_COMMIT] = "1"
                answer = await self.answer(
                    self.client.request(
                        message.subject, message.data, timeout=ACK_SECONDS, headers=headers
                    )
                )
                reply = answer.data
        except (NatsError, TimeoutError, OSError) as error:
            raise PublishError(f"no acknowledgement from NATS: {error!r}") from error
        answered = orjson.loads(reply)
        if "error" in answered:
            failure = answered["error"]
            raise refusal(failure.get("err_code"), failure.get("description"))
        self.last_sequence = answered["seq"]


def refusal(code: int | None, description: str | None) -> FencedError | PublishError:
    """The exception for an error that the server answered."""
    if code in WRONG_LAST_SEQUENCE:
        return FencedError(f"the stream has moved: {description}")
    return PublishError(f"NATS refused a message: {description} ({code})")


def batches(messages: Sequence[Message]) -> list[list[Message]]:
    """The messages in runs that one atomic batch can hold."""
    runs: list[list[Message]] = []
    size = 0
    for message in messages:
        size += len(message.data)
        if not runs or len(runs[-1]) >= LARGEST_BATCH or size > LARGEST_BATCH_BYTES:
            runs.append([])
            size = len(message.data)
        runs[-1].append(message)
    return runs
