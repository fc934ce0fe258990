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
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port of the API; 0 takes any free one."),
]
StudentsOption = Annotated[int, typer.Option("--students", min=1, help="Active students.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed makes the same district.")]
