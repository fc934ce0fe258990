"""`rosterline check`: what a district's databases and NATS lack, before anything is changed."""

import asyncio
from collections.abc import Iterable
from typing import Final

import typer
from rich.text import Text

from rosterline.launch.check import Finding, inspect_all
from rosterline.launch.display import print_table
from rosterline.launch.errors import LaunchError
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption

STYLES: Final = {"ok": "green", "warning": "yellow", "error": "red"}

app = typer.Typer(add_completion=False)


@app.command("check")
def check_command(data: DataOption = None) -> None:
    """Look whether databases, slots, NATS and streams are fit; changes nothing."""
    findings = asyncio.run(inspect_all(find_settings(data, "sis_dsn", "dsn", "nats_url")))
    print_findings(findings)
    errors = [found for found in findings if found.severity == "error"]
    if errors:
        raise LaunchError(f"{len(errors)} to mend; the first: {errors[0].what}")


def print_findings(findings: Iterable[Finding]) -> None:
    """The findings as a table."""
    print_table(
        "Pre-flight",
        ["", "where", "finding", "what to do"],
        (
            [Text(found.severity, STYLES[found.severity]), found.place, found.what, found.remedy]
            for found in findings
        ),
    )
