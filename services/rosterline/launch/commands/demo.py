"""`rosterline demo`: everything on one machine, and a district that changes."""

from typing import Annotated

import typer

from rosterline.launch.demo import Demo
from rosterline.launch.display import print_line
from rosterline.launch.instance import DataFolder, settings_with_port
from rosterline.launch.options import DataOption, PortOption, SeedOption, StudentsOption
from rosterline.launch.up import run_instance

app = typer.Typer(add_completion=False)


@app.command("demo")
def demo_command(
    students: StudentsOption = 1000,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Changes a second.")] = 2.0,
    seed: SeedOption = 1,
    data: DataOption = None,
    port: PortOption = None,
) -> None:
    """Run everything with a made-up district that changes as you watch."""
    folder = DataFolder.at(data)
    guest = Demo(folder=folder.path, students=students, rate=rate, seed=seed, show=print_line)
    run_instance(folder, settings_with_port(port), guest)
