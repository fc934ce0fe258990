"""`rosterline capture sis` and `rosterline capture records`: the services, in this process."""

from functools import partial
from typing import Annotated

import typer

from rosterline.capture.service import serve_records, serve_sis
from rosterline.db.tables import sis
from rosterline.launch import registry
from rosterline.launch.errors import UsageError
from rosterline.launch.options import DataOption
from rosterline.launch.services import run_one

SnapshotOption = Annotated[
    str,
    typer.Option(help="Tables to send whole before going on, separated by commas, or all."),
]

app = typer.Typer(
    add_completion=False,
    help="One capture: a database's WAL into NATS.",
    no_args_is_help=True,
)


@app.command("sis")
def capture_sis_command(data: DataOption = None, snapshot: SnapshotOption = "") -> None:
    """Capture the SIS database into stream SIS."""
    tables = sis.TABLES if snapshot == "all" else tuple(filter(None, snapshot.split(",")))
    unknown = sorted(set(tables) - set(sis.TABLES))
    if unknown:
        raise UsageError(
            f"no table of the SIS: {', '.join(unknown)}; "
            f"choose from {', '.join(sorted(sis.TABLES))}"
        )
    run_one(registry.CAPTURE_SIS, partial(serve_sis, resnapshot=tables), data)


@app.command("records")
def capture_records_command(data: DataOption = None) -> None:
    """Capture written records and outbox messages into streams RECORDS and ONEROSTER."""
    run_one(registry.CAPTURE_RECORDS, serve_records, data)
