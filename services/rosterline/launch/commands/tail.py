"""`rosterline tail`: the feed as it comes, in a terminal."""

import asyncio
import signal
from collections.abc import Callable
from typing import Annotated

import typer

from rosterline.bus.reader import StreamMessage
from rosterline.config.settings import Settings
from rosterline.launch import tail
from rosterline.launch.display import print_line
from rosterline.launch.errors import UsageError
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, JsonOption
from rosterline.oneroster.vocabulary import Version

app = typer.Typer(add_completion=False)


@app.command("tail")
def tail_command(
    start: Annotated[
        int | None, typer.Option("--from", min=1, help="Stream sequence; without it only new ones.")
    ] = None,
    version: Annotated[str, typer.Option(help="OneRoster version: 1.2 or 1.1.")] = "1.2",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print change events as they come: time, operation, entity, sourcedId, event id."""
    if version not in tail.VERSIONS:
        raise UsageError(f"version {version!r} is unknown: choose {' or '.join(tail.VERSIONS)}")
    form = tail.as_json if as_json else tail.as_line

    def show(event: StreamMessage) -> None:
        print_line(form(event))

    asyncio.run(
        tail_until_signal(
            find_settings(data, "nats_url"), show, start=start, version=tail.VERSIONS[version]
        )
    )


async def tail_until_signal(
    settings: Settings,
    show: Callable[[StreamMessage], None],
    *,
    start: int | None,
    version: Version,
) -> None:
    """Tail until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await tail.tail(settings, show, stop, start=start, version=version)
