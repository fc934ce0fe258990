"""`rosterline release`: lets go on what the guard held."""

import asyncio
from typing import Annotated

import typer

from rosterline.launch.display import print_line
from rosterline.launch.instance import find_settings
from rosterline.launch.operate import release_hold
from rosterline.launch.options import DataOption

app = typer.Typer(add_completion=False)


@app.command("release")
def release_command(
    hold: Annotated[
        int | None, typer.Argument(help="The hold's number; not needed when there is only one.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Let a transaction go on that was held because it deletes much."""
    released = asyncio.run(release_hold(find_settings(data, "dsn"), hold))
    losses = ", ".join(map(str, released.losses))
    print_line(f"released: transaction {released.transaction} may delete {losses}")
