"""`rosterline generate`: a made-up district for tests and benchmarks."""

import asyncio

import typer

from rosterline.launch.display import print_line, progress_bar
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, SeedOption, StudentsOption
from rosterline.sample.generate import generate

app = typer.Typer(add_completion=False)


@app.command("generate")
def generate_command(
    students: StudentsOption, seed: SeedOption = 1, data: DataOption = None
) -> None:
    """Fill the SIS database with a made-up district."""
    settings = find_settings(data, "sis_dsn")
    with progress_bar() as progress:
        made = asyncio.run(
            generate(settings.sis_dsn, students=students, seed=seed, progress=progress)
        )
    print_line(f"{made.total:,} rows in {len(made.rows)} tables")
