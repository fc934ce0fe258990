"""`compose.yaml` and `deploy/` say only what the product, its settings and the servers know."""

import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from rosterline.bus.issuer import Issuer, make_seed
from rosterline.bus.vendors import server_accounts
from rosterline.config.settings import Settings
from rosterline.launch.cli import app

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
LASTING = {name: service for name, service in SERVICES.items() if name != "migrate"}
PINNED = re.compile(r"^[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$")
VARIABLES = {f"ROSTERLINE_{name.upper()}" for name in Settings.model_fields}


def accepted(words: list[str]) -> bool:
    """Whether the command line takes the words; raises what it raises when it does not."""
    command: Any = get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    return bool(command.make_context("rosterline", rest))


def test_each_service_of_the_product_has_a_container() -> None:
    assert set(OURS) == {
        "migrate",
        "capture-sis",
        "capture-records",
        "projector",
        "ingest",
        "api",
    }


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_a_command_that_exists(name: str) -> None:
    assert accepted(OURS[name]["command"])


@pytest.mark.parametrize("name", OURS)
def test_a_container_sets_only_settings_that_exist(name: str) -> None:
    assert set(OURS[name]["environment"]) <= VARIABLES


@pytest.mark.parametrize("name", LASTING)
def test_a_container_that_stays_is_checked_and_restarted(name: str) -> None:
    service = LASTING[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["capture-sis", "capture-records", "projector", "ingest"])
def test_a_health_check_calls_a_command_that_exists(name: str) -> None:
    program, *arguments = LASTING[name]["healthcheck"]["test"][1:]
    assert program == "rosterline"
    assert accepted(arguments)


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned(name: str) -> None:
    assert PINNED.match(SERVICES[name]["image"])


def test_base_images_of_our_own_are_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert bases
    assert all(PINNED.match(base.removesuffix("-bookworm")) for base in bases)


def test_mounted_files_exist() -> None:
    mounts = [
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert mounts
    assert not [mount for mount in mounts if not (ROOT / mount).is_file()]


def test_passwords_are_asked_for_and_never_given() -> None:
    text = (ROOT / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{(\w+):\?\}", text))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/env.example").read_text().splitlines()
        if "=" in line
    )
    assert wanted == {name for name, value in example.items() if not value}
    assert set(re.findall(r"\$\{(\w+):-", text)) == {name for name in example if example[name]}


def test_postgres_writes_logical_wal_within_bounds() -> None:
    command = SERVICES["postgres"]["command"]
    assert "wal_level=logical" in command
    assert any(option.startswith("max_slot_wal_keep_size=") for option in command)


def test_the_nats_configuration_is_accepted_by_nats() -> None:
    checked = subprocess.run(
        [
            Path(sysconfig.get_path("scripts")) / "nats-server",
            "-t",
            "-c",
            ROOT / "deploy/nats/nats.conf",
        ],
        env=os.environ | {"NATS_PASSWORD": "secret", "NATS_ISSUER": Issuer(make_seed()).public_key},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert "sync_interval: always" in (ROOT / "deploy/nats/nats.conf").read_text()


def test_vendors_reach_on_a_server_of_ones_own_just_what_they_reach_on_ours() -> None:
    configuration = (ROOT / "deploy/nats/nats.conf").read_text()
    assert server_accounts("rosterline", "$NATS_PASSWORD", "$NATS_ISSUER") in configuration


def test_the_table_of_settings_is_the_settings() -> None:
    expected = [
        f"| `ROSTERLINE_{name.upper()}` "
        f"| {f'`{field.default}`' if field.default != '' else ''} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    table = [
        line
        for line in (ROOT / "deploy/README.md").read_text().splitlines()
        if line.startswith("| `ROSTERLINE_")
    ]
    assert table == expected
