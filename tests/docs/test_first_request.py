"""The README's first requests work when they are pasted while the demo runs."""

import asyncio
import json
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rosterline.config.settings import Settings
from tests.docs.test_documents import FENCE, README
from tests.support.processes import COMMAND, clean_environment, running

pytestmark = pytest.mark.e2e

SECONDS = 60.0
OWN_COMMAND = ".venv/bin/rosterline"
OWN_PYTHON = ".venv/bin/python"
# A district in which nobody leaves between two commands.
STILL = ("--students", "60", "--rate", "0")
FIRST_HOUR = "Scores in: an assessment vendor's first hour"
ADDRESS = f"http://127.0.0.1:{Settings.model_fields['port'].default}"


def commands_below(heading: str, api: str) -> str:
    """The commands below a heading, at the address of a running instance."""
    _, _, rest = README.partition(f"\n## {heading}\n")
    match = FENCE.search(rest)
    assert match is not None
    commands = match[2]
    assert OWN_COMMAND in commands
    assert ADDRESS in commands
    commands = commands.replace(OWN_COMMAND, str(COMMAND)).replace(OWN_PYTHON, sys.executable)
    return commands.replace(ADDRESS, api)


async def paste(commands: str, folder: Path) -> str:
    """What a shell answers in the folder; a command that fails ends it."""
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-eu",
        "-o",
        "pipefail",
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment({"PATH": os.environ["PATH"]}),
    )
    async with asyncio.timeout(SECONDS):
        out, err = await shell.communicate(commands.encode())
    assert shell.returncode == 0, err.decode()
    return out.decode()


def documents(text: str) -> list[dict[str, Any]]:
    """JSON documents that stand one behind the other."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text.rstrip()):
        document, place = decoder.raw_decode(text, place)
        found.append(document)
        place += len(text[place:]) - len(text[place:].lstrip())
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands need curl")
async def test_the_first_request_works_when_pasted(tmp_path: Path) -> None:
    folder, begun = tmp_path / ".rosterline", datetime.now(UTC).date()
    async with running(folder, *STILL, command="demo") as instance:
        commands = commands_below("A first request", instance.api)
        answers = documents(await paste(commands, tmp_path))
        answered = datetime.now(UTC).date()
        assert [list(answer) for answer in answers] == [["users"], ["enrollments"]]
        students, enrollments = (next(iter(answer.values())) for answer in answers)
        assert len(students) == 1
        # What the demo has loaded is of today, unless that has become yesterday.
        assert len(enrollments) == 1 or begun != answered
        assert str(students[0]["roles"]).count("student") >= 1
        code, _ = await instance.end(signal.SIGINT)
    assert code == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands need curl")
async def test_an_assessment_vendors_first_hour_works_when_pasted(tmp_path: Path) -> None:
    folder = tmp_path / ".rosterline"
    async with running(folder, *STILL, command="demo") as instance:
        commands = commands_below(FIRST_HOUR, instance.api)
        lines = (await paste(commands, tmp_path)).split("\n", 3)
        assert lines[:3] == ["201"] * 3
        told, _, verdict = lines[3].partition("verdict.exam.")
        results, refused, batch = documents(told)
        assert {each["scoreStatus"] for each in results["assessmentResults"]} == {
            "fully graded",
            "not submitted",
        }
        assert "linked to an Assessment Result (score) record" in str(refused["imsx_description"])
        assert batch["lines"] == 3
        state, _, said = verdict.partition(" ")
        assert (state, json.loads(said)["command"]) == ("stored", "first")
        code, _ = await instance.end(signal.SIGINT)
    assert code == 0
