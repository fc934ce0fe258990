"""`rosterline up`: everything on one machine."""

import typer

from rosterline.launch.instance import DataFolder, settings_with_port
from rosterline.launch.options import DataOption, PortOption
from rosterline.launch.up import run_instance

app = typer.Typer(add_completion=False)


@app.command("up")
def up_command(data: DataOption = None, port: PortOption = None) -> None:
    """Run everything on this machine.

    Starts PostgreSQL and NATS of its own unless ROSTERLINE_SIS_DSN, ROSTERLINE_DSN and
    ROSTERLINE_NATS_URL name yours.
    """
    run_instance(DataFolder.at(data), settings_with_port(port), None)
