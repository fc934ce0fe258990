"""A batch of any length → messages of stream INGEST, one after another as it comes in.

Nothing is held but the message that is being filled: who sends faster than JetStream acknowledges
is slowed down by the connection. Ingest works in the order of its stream, so a batch runs only a
few messages ahead of it: the writes of others come in between. A batch that breaks off leaves what
was acknowledged; sent again it changes nothing of that.
"""

import asyncio
import uuid
from codecs import BOM_UTF8
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field

from rosterline.api.access.tokens import Caller
from rosterline.api.errors import ApiError, invalid
from rosterline.api.writing.lines import MOST_LINE_BYTES, Cut, LineCutter, Message, Packer
from rosterline.api.writing.preferences import Preference
from rosterline.api.writing.receipts import Receipts
from rosterline.api.writing.writer import Writer, later, scoped
from rosterline.events.commands import (
    BATCH_HEADER,
    COMMAND_HEADER,
    FIRST_LINE_HEADER,
    Rejection,
)
from rosterline.events.subjects import batch_subject

TOO_LONG = f"The line is longer than {MOST_LINE_BYTES} bytes"

MOST_AHEAD = 4
LOOK_SECONDS = 0.05
MOST_IN_A_TURN = 1000
PATIENCE_SECONDS = 3.0


@dataclass(slots=True)
class Pace:
    """Keeps a batch a few messages ahead of ingest, unless that gets nowhere for a while."""

    receipts: Receipts
    done: int = 0
    is_given_up: bool = False

    async def keep(self, app: str, batch_id: str, sent: int) -> None:
        """Return when one more message may follow those that were sent."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while not self.is_given_up and sent - self.done >= MOST_AHEAD:
            try:
                done = await self.receipts.count_looked_at(app, batch_id)
            except ApiError:
                done = self.done
            if done > self.done:
                self.done, deadline = done, loop.time() + PATIENCE_SECONDS
            elif loop.time() > deadline:
                # What is published is durable: better many messages in the stream than none.
                self.is_given_up = True
            else:
                await asyncio.sleep(LOOK_SECONDS)


@dataclass(slots=True)
class Batch:
    """A batch that is being taken in."""

    writer: Writer
    caller: Caller
    preference: Preference
    batch_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    lines: int = 0
    kept: int = 0
    commands: int = 0
    refused: list[Rejection] = field(default_factory=list)
    _packer: Packer = field(default_factory=Packer)
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.writer.receipts)

    async def take(self, chunks: AsyncIterable[bytes]) -> None:
        """Publish all of it; once it returns, the batch can be asked for.

        Raises ApiError, which says how many lines were kept.
        """
        cutter = LineCutter()
        async for chunk in without_mark(chunks):
            for cut in cutter.feed(chunk):
                await self._add(cut)
            # What is there already is read without a pause.
            await asyncio.sleep(0)
        for cut in cutter.finish():
            await self._add(cut)
        await self._publish(self._packer.take())
        if not self.lines:
            raise invalid("The batch is empty: each line is the body of a PUT, or a deletion")
        await self.writer.receipts.note_batch(
            self.caller.vendor.app,
            self.batch_id,
            lines=self.lines,
            commands=self.commands,
            refused=self.refused,
        )

    async def _add(self, cut: Cut) -> None:
        self.lines += 1
        if self.lines % MOST_IN_A_TURN == 0:
            await asyncio.sleep(0)
        if cut.text is not None:
            await self._publish(self._packer.add(cut.number, cut.text))
            return
        self.refused.append(
            Rejection(line=cut.number, status=422, code_minor="invaliddata", description=TOO_LONG)
        )

    async def _publish(self, message: Message | None) -> None:
        if message is None:
            return
        await self._pace.keep(self.caller.vendor.app, self.batch_id, self.commands)
        headers = {
            COMMAND_HEADER: f"{self.batch_id}-{self.commands + 1}",
            BATCH_HEADER: self.batch_id,
            FIRST_LINE_HEADER: str(message.first_line),
            **later(self.preference),
            **scoped(self.caller.scopes),
        }
        settings = self.writer.settings
        subject = batch_subject(settings.district, self.caller.vendor.app)
        try:
            await self.writer.bus.publish(
                subject, message.data, headers, seconds=settings.write_seconds
            )
        except ApiError as error:
            raise self._broken_off(error) from error
        self.commands += 1
        self.kept += message.filled

    def _broken_off(self, error: ApiError) -> ApiError:
        if not self.kept:
            return error
        told = f"The first {self.kept} lines are kept and will be worked off. {error.message}"
        return ApiError(error.status, error.code, told, headers=error.headers)


async def without_mark(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The chunks without the mark that some programs put before UTF-8."""
    head, has_begun = b"", False
    async for chunk in chunks:
        if has_begun:
            yield chunk
            continue
        head += chunk
        has_begun = len(head) >= len(BOM_UTF8) or not BOM_UTF8.startswith(head)
        if has_begun:
            yield head.removeprefix(BOM_UTF8)
    if not has_begun:
        yield head
