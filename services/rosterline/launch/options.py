"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", file_okay=False, help="Data directory of the instance (default: .rosterline)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
