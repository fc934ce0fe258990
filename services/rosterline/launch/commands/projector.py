"""`rosterline projector`: the service, in this process."""

import typer

from rosterline.launch import registry
from rosterline.launch.options import DataOption
from rosterline.launch.services import run_one
from rosterline.projector.service import serve

app = typer.Typer(add_completion=False)


@app.command("projector")
def projector_command(data: DataOption = None) -> None:
    """Turn changes of the SIS into OneRoster records and events."""
    run_one(registry.PROJECTOR, serve, data)
