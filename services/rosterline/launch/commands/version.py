"""`rosterline version`: which one is installed."""

from importlib.metadata import version

import typer

from rosterline.launch.display import print_line

app = typer.Typer(add_completion=False)


@app.command("version")
def version_command() -> None:
    """Print the version."""
    print_line(version("rosterline"))
