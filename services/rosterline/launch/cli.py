"""The command `rosterline`: parses, calls, and turns every expected failure into one line.

Exit codes: 0 done, 1 failed, 2 wrong usage. Each command is a module of `commands`, imported when
it is called: a service then loads nothing of the others, but for the explainer that the API asks.
"""

import os
import sys
from collections import UserDict
from importlib import import_module
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typing_extensions import override

from rosterline.launch.display import print_error, warn_only
from rosterline.launch.errors import UsageError, is_expected, one_line

SERVICES: Final = "Services"
ANSWERS: Final = "Answers"
CORRECTIONS: Final = "Corrections"
# In the order and in the boxes of the help.
COMMANDS: Final = {
    "up": None,
    "demo": None,
    "generate": None,
    "migrate": None,
    "check": None,
    "status": None,
    "tail": None,
    "connection": None,
    "nats-issuer": None,
    "version": None,
    "capture": SERVICES,
    "projector": SERVICES,
    "ingest": SERVICES,
    "api": SERVICES,
    "explain": ANSWERS,
    "report": ANSWERS,
    "rebuild": CORRECTIONS,
    "release": CORRECTIONS,
}


class Commands(UserDict[str, Any]):
    """The commands by name, each imported when it is asked for."""

    @override
    def __getitem__(self, name: str) -> Any:
        panel = self.data[name]
        module = import_module(f"rosterline.launch.commands.{name.replace('-', '_')}")
        command: Any = typer.main.get_command(module.app)
        command.name, command.rich_help_panel = name, panel
        return command


class Group(TyperGroup):
    """All commands."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what Typer passes on
        super().__init__(**attributes)
        self.commands = Commands(COMMANDS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        # Not `get`, which would take a KeyError within the module for an unknown command.
        return self.commands[cmd_name]


app = typer.Typer(
    name="rosterline",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def quietly() -> None:
    """A change feed for school rosters and scores."""
    warn_only()


def main() -> None:
    """The entry point: exit codes and one clear line instead of a traceback."""
    try:
        app()
    except BrokenPipeError:
        # The reader of a pipe has gone; nothing is to be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if not is_expected(error):
            raise
        fail(error, 2 if isinstance(error, UsageError) else 1)


def fail(error: Exception, code: int) -> NoReturn:
    """Say what went wrong, and end."""
    print_error(f"rosterline: {one_line(error)}")
    sys.exit(code)
