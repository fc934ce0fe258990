"""The README's first request works when it is pasted while the demo runs."""

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from rosterline.config.settings import Settings
from tests.docs.test_documents import FENCE, README
from tests.support.processes import COMMAND, clean_environment, running

pytestmark = pytest.mark.e2e

SECONDS = 60.0
OWN_COMMAND = ".venv/bin/rosterline"
ADDRESS = f"http://127.0.0.1:{Settings.model_fields['port'].default}"


def first_request(api: str) -> str:
    """The commands below that heading, at the address of a running instance."""
    _, _, rest = README.partition("\n## A first request\n")
    match = FENCE.search(rest)
    assert match is not None
    commands = match[2]
    assert OWN_COMMAND in commands
    assert ADDRESS in commands
    return commands.replace(OWN_COMMAND, str(COMMAND)).replace(ADDRESS, api)


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


def documents(text: str) -> list[dict[str, list[dict[str, object]]]]:
    """JSON documents that stand one behind the other."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text.rstrip()):
        document, place = decoder.raw_decode(text, place)
        found.append(document)
        place += len(text[place:]) - len(text[place:].lstrip())
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands need curl")
async def test_the_first_request_works_when_pasted(tmp_path: Path) -> None:
    folder = tmp_path / ".rosterline"
    async with running(folder, "--students", "60", "--rate", "5", command="demo") as instance:
        answers = documents(await paste(first_request(instance.api), tmp_path))
        assert [list(answer) for answer in answers] == [["users"], ["enrollments"]]
        students, enrollments = (next(iter(answer.values())) for answer in answers)
        assert len(students) == len(enrollments) == 1
        assert str(students[0]["roles"]).count("student") >= 1
        code, _ = await instance.end(signal.SIGINT)
    assert code == 0
