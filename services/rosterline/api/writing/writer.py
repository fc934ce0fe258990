"""Takes commands to ingest for a caller, and waits until what they did can be read."""

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rosterline.api.access.tokens import Caller
from rosterline.api.writing.bus import CommandBus
from rosterline.api.writing.commands import Command
from rosterline.api.writing.preferences import Preference
from rosterline.api.writing.receipts import Receipt, Receipts
from rosterline.api.writing.revisions import Revisions
from rosterline.config.settings import Settings
from rosterline.events.commands import (
    ANSWER_HEADER,
    ATOMIC_HEADER,
    COMMAND_HEADER,
    FINAL,
    NO_ANSWER,
    SCOPES_HEADER,
    WAIT_HEADER,
    State,
    Verdict,
)
from rosterline.events.subjects import batch_subject, command_subject
from rosterline.oneroster.scopes import WRITING, short_name

LOOK_SECONDS = 1.0
SHOWN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A command that is kept, and decided later; its writer may ask for it."""

    command_id: str
    lines: int


class Writer:
    """What the writes of an application share; who makes it runs bus and revisions."""

    def __init__(
        self, settings: Settings, bus: CommandBus, revisions: Revisions, receipts: Receipts
    ) -> None:
        self.settings = settings
        self.bus = bus
        self.receipts = receipts
        self._revisions = revisions

    async def run(self) -> None:
        """Hold the connections until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.bus.run())
            group.create_task(self._revisions.run())

    async def write(
        self, caller: Caller, command: Command, preference: Preference
    ) -> Verdict | Kept:
        """The verdict, once reads show what was stored; `Kept` when that was not asked for.

        So it is, too, when it takes longer than `Settings.write_seconds`. Raises ApiError 503 when
        the command could not be kept.
        """
        app, command_id = caller.vendor.app, str(uuid.uuid4())
        kept = Kept(command_id, max(1, len(command.pairs)))
        deadline = asyncio.get_running_loop().time() + self.settings.write_seconds
        sent_with = atomic(command) | scoped(caller.scopes)
        if preference.is_async:
            headers = later(preference) | sent_with
            await self._publish(app, command, command_id, headers)
        else:
            headers = {ANSWER_HEADER: self.bus.token} | sent_with
            with self.bus.awaiting(command_id) as verdict:
                await self._publish(app, command, command_id, headers)
                try:
                    async with asyncio.timeout_at(deadline):
                        return await self._readable(await self._decided(app, command_id, verdict))
                except TimeoutError:
                    pass
        await self.receipts.note(app, command_id, kept.lines)
        return kept

    async def find_receipt(self, app: str, name: str, *, limit: int, offset: int) -> Receipt | None:
        """How a command or batch stands: `queued` until reads show what was stored of it."""
        found = await self.receipts.find(app, name, limit=limit, offset=offset)
        if found is None or found.revision is None or found.state not in FINAL:
            return found
        try:
            async with asyncio.timeout(SHOWN_SECONDS):
                await self._revisions.wait_for(found.revision)
        except TimeoutError:
            return replace(found, state=State.QUEUED, status=None)
        return found

    async def _decided(self, app: str, command_id: str, told: asyncio.Future[Verdict]) -> Verdict:
        """The verdict as it is told, or as it is kept: what is told may be lost on its way."""
        while not (await asyncio.wait({told}, timeout=LOOK_SECONDS))[0]:
            if kept := await self.receipts.find_verdict(app, command_id):
                return kept
        return told.result()

    async def _readable(self, verdict: Verdict) -> Verdict:
        if verdict.revision is not None:
            await self._revisions.wait_for(verdict.revision)
        return verdict

    async def _publish(
        self, app: str, command: Command, command_id: str, headers: dict[str, str]
    ) -> None:
        district = self.settings.district
        subject = (
            batch_subject(district, app)
            if command.operation is None
            else command_subject(district, app, command.collection, command.operation)
        )
        await self.bus.publish(
            subject,
            command.data,
            {COMMAND_HEADER: command_id, **headers},
            seconds=self.settings.write_seconds,
        )


def later(preference: Preference) -> dict[str, str]:
    """The headers of a command whose writer asks for the verdict over HTTP."""
    headers = {ANSWER_HEADER: NO_ANSWER}
    if preference.wait_seconds is not None:
        headers[WAIT_HEADER] = str(preference.wait_seconds)
    return headers


def atomic(command: Command) -> dict[str, str]:
    """The headers of several records, of which all are stored or none."""
    return {ATOMIC_HEADER: "true"} if command.operation is None else {}


def scoped(scopes: Iterable[str]) -> dict[str, str]:
    """The header that tells ingest, which knows the connection alone, what the token allows."""
    return {SCOPES_HEADER: " ".join(sorted(map(short_name, WRITING.intersection(scopes))))}
