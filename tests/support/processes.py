"""The real command as a process: start `rosterline up`, wait for it, look at it, end it."""

import asyncio
import json
import os
import signal
import sysconfig
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

COMMAND = Path(sysconfig.get_path("scripts")) / "rosterline"
READY_SECONDS = 120.0
PATIENCE_SECONDS = 60.0
ANSWER_SECONDS = 20.0
# The product gives itself less than five (tests/unit/launch/test_up.py), if the machine keeps up.
END_SECONDS = 15.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """What a command that has ended left."""

    code: int
    out: str
    err: str


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of Rosterline, and then `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROSTERLINE_")}
    return kept | dict(extra or {})


async def run_command(
    *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> Outcome:
    """Run the command to its end."""
    return await run_program(str(COMMAND), *arguments, environment=environment, seconds=seconds)


async def run_program(
    *words: str, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> Outcome:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *words,
        env=clean_environment(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Return when `condition` holds; raise TimeoutError when it does not within the time."""
    never = asyncio.Event()
    async with asyncio.timeout(seconds):
        while not condition():
            with suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), LOOK_SECONDS)


def is_alive(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@dataclass
class RunningInstance:
    """A `rosterline up` or `demo` under test."""

    folder: Path
    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def endpoints(self) -> dict[str, Any]:
        """How it is reached now."""
        found: dict[str, Any] = json.loads((self.folder / "endpoints.json").read_text())
        return found

    @property
    def states(self) -> dict[str, Any]:
        """How its parts fare now."""
        found: dict[str, Any] = json.loads((self.folder / "supervisor.json").read_text())
        return found

    @property
    def api(self) -> str:
        """Base address of the API."""
        return str(self.endpoints["api"])

    def is_ready(self) -> bool:
        """Whether the API answers roster requests; with its servers away it may answer nothing."""
        try:
            answer = httpx.get(f"{self.api}/health/ready", timeout=ANSWER_SECONDS)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def pids(self) -> set[int]:
        """All its processes but the command's own."""
        return set(self.endpoints["pids"].values())

    async def follow(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        """Keep what it prints."""
        async for line in stream:
            into.append(line.decode().rstrip("\n"))  # noqa: PERF401 - read while it is filled

    async def until_line(self, start: str, seconds: float = READY_SECONDS) -> str:
        """The first line on standard output that begins with `start`."""

        def found() -> bool:
            return self.process.returncode is not None or any(
                line.startswith(start) for line in self.lines
            )

        await until(found, seconds)
        lines = [line for line in self.lines if line.startswith(start)]
        assert lines, f"ended with {self.process.returncode}: {self.errors}"
        return lines[0]

    async def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; returns the exit code and the seconds that the end took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code = await self.process.wait()
        return code, time.monotonic() - begun


@asynccontextmanager
async def started(
    folder: Path,
    *arguments: str,
    command: str = "up",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningInstance]:
    """A command that keeps running, from its start; ended with the block."""
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        command,
        "--data",
        str(folder),
        *arguments,
        env=clean_environment(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    instance = RunningInstance(folder, process)
    assert process.stdout is not None
    assert process.stderr is not None
    followers = [
        asyncio.create_task(instance.follow(process.stdout, instance.lines)),
        asyncio.create_task(instance.follow(process.stderr, instance.errors)),
    ]
    try:
        yield instance
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.gather(*followers)


@asynccontextmanager
async def running(
    folder: Path,
    *arguments: str,
    command: str = "up",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningInstance]:
    """As `started`, from the moment on when it says that it is ready, on a free port."""
    ports = () if "--port" in arguments else ("--port", "0")
    async with started(
        folder, *ports, *arguments, command=command, environment=environment
    ) as instance:
        await instance.until_line("ready ")
        yield instance
