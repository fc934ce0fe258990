"""The services as processes that may be killed, and a keeper that starts them again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from rosterline.config.settings import Settings
from rosterline.telemetry import failpoints
from tests.support.running import until

SERVICES = ("capture sis", "capture records", "projector")
LOOK_SECONDS = 0.05
END_SECONDS = 10.0


@dataclass
class Chain:
    """Services of one installation; a dead one is started again until the chain is closed."""

    settings: Settings
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    deaths: dict[str, list[int]] = field(default_factory=dict)
    closing: bool = False

    def start(self, service: str, failpoint: str = "") -> None:
        """Start a service, with a failpoint armed for this one life."""
        fields = self.settings.model_dump()
        environment = {f"ROSTERLINE_{name.upper()}": str(value) for name, value in fields.items()}
        log = self.folder / f"{service.replace(' ', '-')}.log"
        with log.open("ab") as output:
            self.processes[service] = subprocess.Popen(
                [sys.executable, "-P", "-m", "rosterline", *service.split()],
                env=os.environ | environment | {failpoints.VARIABLE: failpoint},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def kill(self, service: str) -> None:
        """Kill a service without warning."""
        self.processes[service].kill()

    async def keep(self) -> None:
        """Start again whatever dies, and note how it died."""
        never = asyncio.Event()
        while not self.closing:
            for service, process in list(self.processes.items()):
                code = process.poll()
                if code is not None and not self.closing:
                    self.deaths.setdefault(service, []).append(code)
                    self.start(service)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await never.wait()
            except TimeoutError:
                continue

    async def __aenter__(self) -> Self:
        self.keeper = asyncio.create_task(self.keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing = True
        await self.keeper
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float) -> None:
        """Wait for a condition; a failure shows what the services logged."""
        try:
            await until(condition, seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s\n{self.logs()}") from None

    def logs(self) -> str:
        """The ends of all logs, for a failure's message."""
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text().splitlines()[-15:])
            for path in sorted(self.folder.glob("*.log"))
        )
