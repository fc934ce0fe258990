"""`rosterline api`: the service, in this process."""

from functools import partial

import typer

from rosterline.api.service import serve
from rosterline.launch import registry
from rosterline.launch.explainer import explainer_for
from rosterline.launch.options import DataOption, PortOption
from rosterline.launch.services import run_one

app = typer.Typer(add_completion=False)


@app.command("api")
def api_command(data: DataOption = None, port: PortOption = None) -> None:
    """Answer OneRoster requests over HTTP."""
    changed = {} if port is None else {"port": port}
    run_one(registry.API, partial(serve, make_explainer=explainer_for), data, changed)
