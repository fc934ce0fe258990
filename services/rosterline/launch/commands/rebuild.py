"""`rosterline rebuild`: all records anew."""

import asyncio
from typing import Annotated

import typer

from rosterline.launch.display import print_line, progress_bar
from rosterline.launch.instance import find_settings
from rosterline.launch.operate import rebuild
from rosterline.launch.options import DataOption

app = typer.Typer(add_completion=False)


@app.command("rebuild")
def rebuild_command(
    *,
    release: Annotated[
        bool, typer.Option("--release", help="Even if it deletes much of a collection.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Compute all records anew from the copy of the SIS, and correct those that differ."""
    settings = find_settings(data, "dsn")
    with progress_bar() as progress:
        records = asyncio.run(rebuild(settings, progress, released=release))
    print_line(f"rebuilt: {records:,} records differed" if records else "rebuilt: nothing differed")
