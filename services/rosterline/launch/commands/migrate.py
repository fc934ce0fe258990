"""`rosterline migrate`: both schemas, of the SIS that is made up here and of Rosterline."""

import typer

from rosterline.launch.display import print_line
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption
from rosterline.launch.up import migrate

app = typer.Typer(add_completion=False)


@app.command("migrate")
def migrate_command(data: DataOption = None) -> None:
    """Bring both databases to the schema of this version."""
    migrate(find_settings(data, "sis_dsn", "dsn"))
    print_line("both databases have the schema of this version")
