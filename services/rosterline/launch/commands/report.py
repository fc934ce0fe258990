"""`rosterline report`: how many are kept out, and why. Writes nothing."""

import asyncio

import typer

from rosterline.launch.display import print_line
from rosterline.launch.explain import count
from rosterline.launch.explained import print_report
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, JsonOption

app = typer.Typer(add_completion=False)


@app.command("report")
def report_command(*, as_json: JsonOption = False, data: DataOption = None) -> None:
    """Count how many of the district's people and classes are kept out, and why."""
    counts = asyncio.run(count(find_settings(data, "dsn")))
    if as_json:
        print_line(counts.model_dump_json(indent=2))
    else:
        print_report(counts)
