"""`rosterline ingest`: the service, and what an operator does with messages that were put aside."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final

import asyncpg
import typer
from nats.aio.client import Client

from rosterline.bus.connection import connect
from rosterline.bus.topology import INGEST
from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection
from rosterline.events.commands import COMMAND_HEADER, DROPPED_HEADER, REDRIVEN_HEADER
from rosterline.ingest.dead_letters import (
    Letter,
    drop_settled,
    fetch_letters,
    mark_sent,
    own_headers,
)
from rosterline.ingest.service import serve
from rosterline.launch import registry
from rosterline.launch.display import print_json, print_line, print_table
from rosterline.launch.errors import LaunchError, UsageError
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, JsonOption
from rosterline.launch.services import run_one

PUBLISH_SECONDS: Final = 10.0
NO_LETTER: Final = "there is no dead letter {letter_id}; see `rosterline ingest dead-letters`"
app = typer.Typer(
    add_completion=False,
    help="Work commands on written records off; and those that could not be.",
    invoke_without_command=True,
)
LetterArgument = Annotated[int, typer.Argument(help="The dead letter's number.")]


@app.callback()
def ingest_command(context: typer.Context, data: DataOption = None) -> None:
    """Check and store what assessment systems and others send."""
    if context.invoked_subcommand is None:
        run_one(registry.INGEST, serve, data)


@app.command("dead-letters")
def dead_letters_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the messages that were put aside, and why."""
    letters = asyncio.run(list_letters(find_settings(data, "dsn")))
    if as_json:
        print_json([shown(letter) for letter in letters])
        return
    if not letters:
        print_line("no message was put aside")
        return
    print_table(
        "Dead letters",
        ["letter", "connection", "command", "subject", "received", "reason", "sent again"],
        ([str(value or "") for value in shown(letter).values()] for letter in letters),
    )


@app.command("redrive")
def redrive_command(
    letter: Annotated[int | None, typer.Argument(help="The dead letter's number.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that were put aside.")] = False,
    data: DataOption = None,
) -> None:
    """Send messages that were put aside again; a record that was written since stays as it is."""
    if (letter is None) is not every:
        raise UsageError("name one dead letter, or say --all")
    sent = asyncio.run(redrive(find_settings(data, "dsn", "nats_url"), letter))
    print_line(f"sent again: {sent}")


@app.command("drop")
def drop_command(letter: LetterArgument, data: DataOption = None) -> None:
    """Give a message that was put aside up: its sender is told that it was not stored."""
    dropped = asyncio.run(drop(find_settings(data, "dsn", "nats_url"), letter))
    print_line(f"dropped: {dropped.app}'s command {dropped.command_id}")


@dataclass(frozen=True, slots=True)
class Dropped:
    """Whose command is not stored."""

    app: str
    command_id: str


def shown(letter: Letter) -> dict[str, Any]:
    """A letter as it is shown: without what it holds."""
    return {
        "letter": letter.letter_id,
        "connection": letter.app,
        "command": letter.command_id,
        "subject": letter.subject,
        "received": letter.received_at.isoformat(timespec="seconds"),
        "reason": letter.reason,
        "sentAgain": letter.sent_again_at.isoformat(timespec="seconds")
        if letter.sent_again_at
        else None,
    }


async def list_letters(settings: Settings) -> list[Letter]:
    """All that were put aside."""
    async with open_connection(settings.dsn, "dead letters") as connection:
        return await fetch_letters(connection)


async def redrive(settings: Settings, letter_id: int | None) -> int:
    """Publish a letter again, or all; how many. Raises LaunchError."""
    async with (
        open_connection(settings.dsn, "redrive") as connection,
        connect(settings.nats_url, "redrive") as client,
    ):
        # What no connection has sent would be put aside once more.
        chosen = [letter for letter in await choose(connection, letter_id) if letter.app]
        for letter in chosen:
            await send(client, letter)
            await mark_sent(connection, letter.letter_id)
        return len(chosen)


async def drop(settings: Settings, letter_id: int) -> Dropped:
    """Let ingest refuse a letter's command; raises LaunchError."""
    async with (
        open_connection(settings.dsn, "drop") as connection,
        connect(settings.nats_url, "drop") as client,
    ):
        (letter,) = await choose(connection, letter_id)
        if not await drop_settled(connection, letter_id):
            await send(client, letter, {DROPPED_HEADER: "true"})
            await mark_sent(connection, letter_id)
    return Dropped(letter.app, letter.command_id)


async def choose(connection: asyncpg.Connection, letter_id: int | None) -> list[Letter]:
    """A letter, or all; raises LaunchError."""
    found = await fetch_letters(connection)
    chosen = [letter for letter in found if letter_id in {None, letter.letter_id}]
    if letter_id is not None and not chosen:
        raise LaunchError(NO_LETTER.format(letter_id=letter_id))
    return chosen


async def send(
    client: Client, letter: Letter, headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Publish a letter, under the name that its command had, be it one that we gave it."""
    known = {COMMAND_HEADER: letter.command_id, REDRIVEN_HEADER: str(letter.letter_id)}
    await client.jetstream().publish(
        letter.subject,
        letter.data,
        timeout=PUBLISH_SECONDS,
        stream=INGEST,
        headers=own_headers(letter.headers) | known | dict(headers),
    )
