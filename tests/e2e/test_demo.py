"""`rosterline demo` and what it suggests."""

import asyncio
import json
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import (
    END_SECONDS,
    RunningInstance,
    clean_environment,
    run_command,
    running,
)

pytestmark = pytest.mark.e2e


def suggested(instance: RunningInstance) -> list[str]:
    """The commands that the demo prints, those that end by themselves."""
    first = next(n for n, line in enumerate(instance.lines) if "TOKEN=" in line)
    last = next(n for n, line in enumerate(instance.lines) if "changes as they come" in line)
    return instance.lines[first:last]


async def paste(lines: list[str]) -> list[str]:
    """What a shell answers, a line for each command."""
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-e",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=clean_environment(),
    )
    out, _ = await shell.communicate("\n".join(lines).encode())
    assert shell.returncode == 0
    return out.decode().splitlines()


async def test_the_demo_changes_and_its_suggestions_work_when_pasted(folder: Path) -> None:
    async with running(folder, "--students", "30", "--rate", "20", command="demo") as instance:
        await instance.until_line("Ctrl-C")
        students, delta = [json.loads(line) for line in await paste(suggested(instance))]
        assert len(students["users"]) == 2
        assert {"sourcedId", "dateLastModified"} <= set(delta["users"][0])
        tail = next(line.strip() for line in instance.lines if " tail --data " in line)
        assert tail.endswith(f" tail --data {folder}")
        shell = await asyncio.create_subprocess_shell(
            f"{tail} | head -n 2", stdout=asyncio.subprocess.PIPE, env=clean_environment()
        )
        async with asyncio.timeout(30):
            out, _ = await shell.communicate()
        assert shell.returncode == 0
        assert len(out.decode().splitlines()) == 2
        for command, told in (("explain", "Rows of the SIS"), ("report", "Kept out")):
            line = next(line.strip() for line in instance.lines if f" {command} " in line)
            shell = await asyncio.create_subprocess_shell(
                line, stdout=asyncio.subprocess.PIPE, env=clean_environment()
            )
            out, _ = await shell.communicate()
            assert (shell.returncode, told in out.decode()) == (0, True)
        listed = await run_command("connection", "list", "--json", "--data", str(folder))
        assert [row["app"] for row in json.loads(listed.out)] == ["demo"]
        code, seconds = await instance.end()
    assert code == 0
    assert seconds < END_SECONDS


async def test_a_second_demo_keeps_the_district_and_gives_a_new_token(folder: Path) -> None:
    people = "SELECT count(*), min(person_guid::text) FROM sis.person"
    tokens, districts = [], []
    for _ in range(2):
        async with running(folder, "--students", "20", "--rate", "0", command="demo") as instance:
            tokens.append(await instance.until_line("  TOKEN="))
            await instance.until_line("Ctrl-C")
            with psycopg.connect(instance.endpoints["sis_dsn"]) as sis:
                districts.append(sis.execute(people).fetchone())
    assert tokens[0] != tokens[1]
    assert districts[0] == districts[1]
