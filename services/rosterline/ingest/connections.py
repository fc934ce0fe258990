"""The connections that send commands: who they are, and how many verdicts each was told."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import asyncpg

from rosterline.events.commands import FINAL
from rosterline.ingest.errors import NewConnectionError
from rosterline.ingest.lines import Sender
from rosterline.ingest.store import fetch_numbers, fetch_senders
from rosterline.ingest.verdicts import Kept
from rosterline.oneroster.scopes import short_name

SENDER_SECONDS: Final = 1.0
LastTold = Callable[[str], Awaitable[int]]


def narrowed(sender: Sender, names: frozenset[str] | None) -> Sender:
    """The sender with those of its scopes that have one of these short names."""
    if names is None:
        return sender
    scopes = frozenset(scope for scope in sender.scopes if short_name(scope) in names)
    return replace(sender, scopes=scopes)


class Connections:
    """What is remembered of them; `last_told` says which numbers a connection has seen."""

    def __init__(self, connection: asyncpg.Connection, last_told: LastTold) -> None:
        self.connection = connection
        self.last_told = last_told
        self.senders: dict[str, tuple[float, Sender | None]] = {}
        self.client_ids: dict[str, str] = {}
        self.numbers: dict[str, int] = {}

    async def find(self, apps: Iterable[str]) -> Mapping[str, Sender | None]:
        """The connections of these names, remembered for a moment; raises NewConnectionError."""
        wanted = set(apps)
        now = time.monotonic()
        stale = {
            app
            for app in wanted
            if app not in self.senders or now - self.senders[app][0] > SENDER_SECONDS
        }
        if stale:
            found = await fetch_senders(self.connection, stale)
            for app, sender in found.items():
                if self.client_ids.setdefault(app, sender.client_id) != sender.client_id:
                    raise NewConnectionError(f"connection {app} was made anew")
            self.senders.update({app: (now, found.get(app)) for app in stale})
        return {app: self.senders[app][1] for app in wanted}

    async def numbered(self, kept: Kept) -> Kept:
        """The command with the number of its verdict, if that is to be published."""
        app = kept.verdict.app
        if not kept.is_told or kept.verdict.state not in FINAL or self.senders[app][1] is None:
            return kept
        if app not in self.numbers:
            stored = (await fetch_numbers(self.connection, [app]))[app]
            # A database that was restored from a backup must not use numbers twice.
            self.numbers[app] = max(stored, await self.last_told(app))
        self.numbers[app] += 1
        return replace(kept, number=self.numbers[app])
