"""A service as a process: how `up` starts one, and what that process does."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from rosterline.config.settings import Settings
from rosterline.launch.instance import find_settings
from rosterline.launch.registry import Service
from rosterline.launch.unprivileged import end_with_parent
from rosterline.telemetry import failpoints
from rosterline.telemetry.logging import configure_logging

# Records by the thousand live for a moment and hold no cycles: looking for some cost a sixth of a
# first load.
COLLECT_AFTER = (50_000, 20, 50)
Serve = Callable[[Settings, asyncio.Event], Awaitable[None]]
PASSED_ON = (
    "sis_dsn",
    "sis_capture_dsn",
    "dsn",
    "nats_url",
    "nats_issuer_seed",
    "host",
    "port",
    "public_url",
)


@dataclass(frozen=True)
class ServicePart:
    """A service under supervision; settings reach it through the environment."""

    service: Service
    settings: Settings
    logs: Path

    @property
    def label(self) -> str:
        """The service's name."""
        return self.service.name

    @property
    def stop_signals(self) -> tuple[signal.Signals, signal.Signals]:
        """Services close what they have opened on SIGTERM, and survive being killed."""
        return signal.SIGTERM, signal.SIGKILL

    def prepare(self) -> None:
        """Nothing to do."""

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process, its log in the data folder."""
        with (self.logs / f"{self.label}.log").open("ab") as log:
            # -P: a folder named `rosterline` where the command was called is not the product.
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "rosterline", *self.service.arguments],
                env=os.environ | environment(self.settings),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - it takes no lock of ours
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """A service connects in its own time; the API's readiness speaks for all."""


def environment(settings: Settings) -> dict[str, str]:
    """Settings that `up` has decided, as a service's environment."""
    return {f"ROSTERLINE_{name.upper()}": str(getattr(settings, name)) for name in PASSED_ON}


async def run_service(name: str, serve: Serve, settings: Settings) -> None:
    """Run a service in this process until SIGINT or SIGTERM."""
    configure_logging(name)
    gc.set_threshold(*COLLECT_AFTER)
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def run_one(
    service: Service, serve: Serve, data: Path | None, changed: dict[str, Any] | None = None
) -> None:
    """Run a service in this process, with the settings of an installation."""
    settings = find_settings(data, *service.needs).model_copy(update=changed or {})
    uvloop.run(run_service(service.name, serve, settings))
