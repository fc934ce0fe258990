"""`rosterline connection …`: vendors' connections. A secret is shown once, when it is made."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from rosterline.api.access import connections
from rosterline.api.viewing.switches import Switches, Turns
from rosterline.bus.connection import BusUnreachableError, connect
from rosterline.bus.topology import verdict_stream
from rosterline.bus.vendors import DOMAIN, inbox_prefix
from rosterline.config.settings import Settings
from rosterline.db.pools import open_connection
from rosterline.launch.display import print_json, print_line, print_table
from rosterline.launch.instance import find_settings
from rosterline.launch.options import DataOption, JsonOption
from rosterline.oneroster.scopes import WRITING, find_scope

T = TypeVar("T")

app = typer.Typer(
    add_completion=False,
    help="Vendors: what they may see, and their credentials.",
    no_args_is_help=True,
)
AppArgument = Annotated[str, typer.Argument(help="The vendor's app name.")]
SecondaryEmail = Annotated[
    bool | None,
    typer.Option(
        "--secondary-email/--no-secondary-email",
        help="Show the secondary email address instead of the email (1.2).",
    ),
]
GradebookSync = Annotated[
    bool | None,
    typer.Option(
        "--gradebook-sync/--no-gradebook-sync",
        help="Gradebook sync; guardians and relatives too, where the installation asks for it.",
    ),
]
Tombstones = Annotated[
    bool | None,
    typer.Option(
        "--tombstones/--no-tombstones", help="Show deleted records in unfiltered lists too."
    ),
]


def with_database(
    data: Path | None, work: Callable[[asyncpg.Connection, Settings], Awaitable[T]]
) -> T:
    """Do something on the Rosterline database."""
    settings = find_settings(data, "dsn")

    async def run() -> T:
        async with open_connection(settings.dsn, "connection") as connection:
            return await work(connection, settings)

    return asyncio.run(run())


def listed(text: str | None) -> list[str] | None:
    """The parts of an option that takes several values, separated by commas or spaces."""
    return None if text is None else text.replace(",", " ").split()


def named(switches: Switches) -> str:
    """The switches that are on, and whether guardians and relatives are not seen."""
    names = ("secondary_email", "gradebook_sync", "tombstones")
    on = [name.replace("_", " ") for name in names if getattr(switches, name)]
    return ", ".join([*on, *([] if switches.sees_agents else ["no agents"])]) or "none"


def show_credentials(
    made: connections.NewConnection, *, as_json: bool, nats: dict[str, str] | None = None
) -> None:
    """The only time that a secret is seen; `nats` is what else a client of NATS is told."""
    if as_json:
        credentials = {"client_id": made.client_id, "client_secret": made.client_secret}
        print_json({"app": made.app} | credentials | ({"nats": nats} if nats else {}))
        return
    print_line(f"client_id      {made.client_id}\nclient_secret  {made.client_secret}")
    if nats:
        print_line(
            f"nats           {nats['url']}, inbox prefix {nats['inbox_prefix']}, "
            f"JetStream domain {nats['domain']}"
        )
    print_line("The secret is not shown again: write it down now.")


def nats_access(
    settings: Settings, version: str, scopes: list[str] | None, client_id: str
) -> dict[str, str] | None:
    """How a connection reaches NATS beside its credentials; None when it may not write, or nobody
    knows the address.
    """
    writes = any(find_scope(version, name) in WRITING for name in scopes or [])
    if not writes or not settings.vendors_nats_url:
        return None
    return {
        "url": settings.vendors_nats_url,
        "inbox_prefix": inbox_prefix(client_id),
        "domain": DOMAIN,
    }


async def forget_verdicts(settings: Settings, app: str) -> bool:
    """Delete the stream of a connection's verdicts; False when NATS cannot be reached."""
    if not settings.nats_url:
        return False
    try:
        async with connect(settings.nats_url, "connection") as client:
            with suppress(NotFoundError):
                await client.jetstream().delete_stream(verdict_stream(app))
    except (BusUnreachableError, NatsError):
        return False
    return True


@app.command("add")
def add_command(
    app: AppArgument,
    *,
    version: Annotated[str, typer.Option(help="OneRoster version: 1.1 or 1.2.")] = "1.2",
    schools: Annotated[
        str | None, typer.Option(help="School GUIDs, separated by commas; without it all schools.")
    ] = None,
    scopes: Annotated[
        str | None, typer.Option(help="Scopes, separated by commas; without it roster.readonly.")
    ] = None,
    secondary_email: SecondaryEmail = None,
    gradebook_sync: GradebookSync = None,
    tombstones: Tombstones = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a connection and show its credentials, once."""
    turns = Turns(secondary_email, gradebook_sync, tombstones)
    names = listed(scopes)

    async def add(
        db: asyncpg.Connection, settings: Settings
    ) -> tuple[connections.NewConnection, Settings]:
        made = await connections.add(
            db,
            app,
            version,
            scopes=names,
            schools=listed(schools),
            switches=Switches().turned(turns, settings),
        )
        return made, settings

    made, settings = with_database(data, add)
    nats = nats_access(settings, version, names, made.client_id)
    show_credentials(made, as_json=as_json, nats=nats)


@app.command("list")
def list_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show all connections."""
    found = with_database(data, lambda db, _: connections.list_all(db))
    if as_json:
        print_json(found)
        return
    print_table(
        "Connections",
        ["app", "client_id", "version", "scopes", "schools", "switches"],
        (
            [
                row.app,
                row.client_id,
                row.version,
                " ".join(row.scopes),
                "all" if row.schools is None else " ".join(row.schools),
                named(row.switches),
            ]
            for row in found
        ),
    )


@app.command("set")
def set_command(
    app: AppArgument,
    *,
    secondary_email: SecondaryEmail = None,
    gradebook_sync: GradebookSync = None,
    tombstones: Tombstones = None,
    data: DataOption = None,
) -> None:
    """Turn switches of a connection; others stay. What that changes reaches its next delta."""
    turns = Turns(secondary_email, gradebook_sync, tombstones)
    after = with_database(data, lambda db, settings: connections.turn(db, app, turns, settings))
    print_line(f"connection {app}: {named(after)}")


@app.command("rotate")
def rotate_command(app: AppArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Give a connection a new secret; the old one ends at once."""
    show_credentials(
        with_database(data, lambda db, _: connections.rotate(db, app)), as_json=as_json
    )


@app.command("remove")
def remove_command(app: AppArgument, data: DataOption = None) -> None:
    """End a connection: its commands and verdicts are forgotten, what it has stored stays."""

    async def remove(db: asyncpg.Connection, settings: Settings) -> bool:
        await connections.remove(db, app)
        return await forget_verdicts(settings, app)

    is_forgotten = with_database(data, remove)
    print_line(f"connection {app} removed")
    if not is_forgotten:
        print_line(f"NATS cannot be reached: delete its stream {verdict_stream(app)} there")
