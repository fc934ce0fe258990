"""The commands that do one thing and end."""

import json
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import Outcome, run_command
from tests.support.servers import Databases

pytestmark = pytest.mark.e2e


@pytest.fixture
def addresses(databases: Databases) -> Mapping[str, str]:
    """An environment that names the test's databases."""
    return {"ROSTERLINE_SIS_DSN": databases.sis_dsn, "ROSTERLINE_DSN": databases.dsn}


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--port", "70000"],
        ["up", "--nonsense"],
        ["demo", "--students", "0"],
        ["generate"],
        ["tail", "--from", "zero"],
        ["nonsense"],
        ["connection", "add"],
    ],
)
async def test_wrong_usage_ends_with_code_2(arguments: list[str]) -> None:
    outcome = await run_command(*arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err


async def test_a_wrong_setting_is_named_and_ends_with_code_2() -> None:
    outcome = await run_command("up", environment={"ROSTERLINE_PORT": "eighty"})
    assert outcome.code == 2
    assert outcome.err.startswith("rosterline: ROSTERLINE_PORT: ")


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["check"], ["tail"], ["migrate"], ["connection", "list"], ["capture", "sis"]],
)
async def test_a_command_that_finds_no_instance_says_how_to_name_one(
    arguments: list[str], folder: Path
) -> None:
    outcome = await run_command(*arguments, "--data", str(folder))
    assert outcome.code == 1
    assert outcome.err.startswith(f"rosterline: no running instance in {folder}: ")
    assert "rosterline up" in outcome.err


async def test_generate_fills_an_empty_sis_once(
    addresses: Mapping[str, str], databases: Databases
) -> None:
    first = await run_command("generate", "--students", "25", environment=addresses)
    assert (first.code, "rows in" in first.out) == (0, True)
    with psycopg.connect(databases.sis_dsn) as sis:
        row = sis.execute("SELECT count(*) FROM sis.enrollment").fetchone()
    assert row is not None
    assert row[0] >= 25
    second = await run_command("generate", "--students", "25", environment=addresses)
    assert second.code == 1
    assert second.err.splitlines()[-1].startswith("rosterline: ")


async def test_connections_are_added_listed_rotated_and_removed(
    addresses: Mapping[str, str],
) -> None:
    async def call(*arguments: str) -> Outcome:
        return await run_command("connection", *arguments, environment=addresses)

    school = "0c1b5c1e-6a3f-4d9a-9f0e-0d5f2b7c8a11"
    added = json.loads((await call("add", "acme", "--schools", school, "--json")).out)
    assert set(added) == {"app", "client_id", "client_secret"}
    again = await call("add", "acme")
    assert again.code == 1
    assert "rotate" in again.err
    [listed] = json.loads((await call("list", "--json")).out)
    assert (listed["app"], listed["schools"]) == ("acme", [school])
    assert "secret" not in json.dumps(listed)
    rotated = json.loads((await call("rotate", "acme", "--json")).out)
    assert rotated["client_id"] == added["client_id"]
    assert rotated["client_secret"] != added["client_secret"]
    assert (await call("remove", "acme")).code == 0
    assert (await call("remove", "acme")).code == 1
    assert json.loads((await call("list", "--json")).out) == []


async def test_a_connections_switches_are_set_turned_and_listed(
    addresses: Mapping[str, str],
) -> None:
    environment = {**addresses, "ROSTERLINE_AGENTS_NEED_GRADEBOOK_SYNC": "true"}

    async def call(*arguments: str) -> Outcome:
        return await run_command("connection", *arguments, environment=environment)

    async def switches() -> dict[str, dict[str, bool]]:
        listed = json.loads((await call("list", "--json")).out)
        return {row["app"]: row["switches"] for row in listed}

    def named(secondary_email: bool, gradebook_sync: bool, tombstones: bool) -> dict[str, bool]:
        return {
            "secondary_email": secondary_email,
            "gradebook_sync": gradebook_sync,
            "tombstones": tombstones,
            "sees_agents": gradebook_sync,
        }

    full = await call("add", "full", "--secondary-email", "--gradebook-sync", "--tombstones")
    assert full.code == 0
    assert (await call("add", "bare")).code == 0
    assert await switches() == {
        "full": named(True, True, True),
        "bare": named(False, False, False),
    }
    turned = await call("set", "full", "--no-gradebook-sync", "--no-tombstones")
    assert turned.out == "connection full: secondary email, no agents\n"
    assert (
        await call("set", "bare", "--gradebook-sync")
    ).out == "connection bare: gradebook sync\n"
    assert await switches() == {
        "full": named(True, False, False),
        "bare": named(False, True, False),
    }
    table = (await call("list")).out
    assert "secondary email, no agents" in table
    for arguments in (("add", "old", "--version", "1.1"), ("set", "nobody")):
        refused = await call(*arguments, "--secondary-email")
        assert (refused.code, refused.out) == (1, "")
        assert ("SECONDARY_EMAIL_V1P1" in refused.err) == ("old" in arguments)
    assert set(await switches()) == {"full", "bare"}


async def test_help_names_every_command() -> None:
    outcome = await run_command("--help")
    assert outcome.code == 0
    services = {"capture", "projector", "ingest", "api"}
    others = {"up", "demo", "generate", "migrate", "check", "status", "tail", "connection"}
    assert services | others | {"version"} <= set(outcome.out.split())
