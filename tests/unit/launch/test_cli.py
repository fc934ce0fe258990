"""The command loads what it runs and nothing else, and tells what is expected in one line."""

import subprocess
import sys
from collections import UserDict
from pathlib import Path
from typing import Any

import asyncpg
import nats.errors
import pytest
import sqlalchemy.exc
import typer
from typing_extensions import override

from rosterline.bus.connection import BusUnreachableError
from rosterline.launch import commands
from rosterline.launch.cli import COMMANDS, app
from rosterline.launch.errors import LaunchError, is_expected, one_line

GROUP: Any = typer.main.get_command(app)
SERVICES = ("capture", "projector", "ingest", "api")
# The API asks the projector's explainer; preflight and the feed's health are looked at by others.
EXPLAINED = {"api": {"projector"}}


def loaded_by(module: str) -> set[str]:
    """What a process has loaded that has imported this module."""
    code = f"import sys, {module}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_every_command_is_a_module_and_every_module_a_command() -> None:
    folder = Path(commands.__path__[0])
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_changes_the_shell(name: str) -> None:
    command = GROUP.commands[name]
    assert not [each.name for each in command.params if "completion" in (each.name or "")]


class Faulty(UserDict[str, Any]):
    """Commands whose modules are broken."""

    @override
    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)


def test_a_fault_within_a_command_is_no_unknown_command() -> None:
    group: Any = typer.main.get_command(app)
    group.commands = Faulty(COMMANDS)
    with pytest.raises(KeyError):
        group.get_command(None, "up")
    assert group.get_command(None, "upp") is None


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_loads_nothing_of_the_others(name: str) -> None:
    loaded = loaded_by(f"rosterline.launch.commands.{name}")
    assert f"rosterline.{name}.service" in loaded
    others = {*SERVICES, "sample"} - {name} - EXPLAINED.get(name, set())
    assert not {f"rosterline.{other}" for other in others} & loaded
    assert ("fastapi" in loaded) is (name == "api")
    assert "alembic" not in loaded


def test_the_command_itself_loads_no_service_and_no_server() -> None:
    loaded = loaded_by("rosterline.launch.cli")
    assert not {"fastapi", "nats", "sqlalchemy", "psycopg", "faststream"} & loaded
    assert not {f"rosterline.{name}" for name in (*SERVICES, "sample")} & loaded


@pytest.mark.parametrize(
    "error",
    [
        LaunchError("no"),
        BusUnreachableError("no"),
        ConnectionRefusedError("no"),
        asyncpg.UndefinedTableError("no"),
        nats.errors.NoRespondersError(),
        sqlalchemy.exc.OperationalError("SELECT", None, Exception("no")),
    ],
)
def test_what_an_operator_can_mend_is_told_in_a_line(error: Exception) -> None:
    assert is_expected(error)
    assert "\n" not in one_line(error)


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), asyncpg.InterfaceError("x")])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert not is_expected(error)
