"""Keeps the parts of an instance running: starts them, restarts with backoff, ends them in order.

A part that dies is news for `status`, never a reason to end the others.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ParamSpec, Protocol, TypeVar

import structlog

from rosterline.launch.children import ServerError
from rosterline.launch.instance import PartState

log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 30.0
KILL_SECONDS = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Part(Protocol):
    """A server or service: one process, started again and again."""

    @property
    def label(self) -> str:
        """Name in `status`, in `endpoints.json` and of the log."""

    @property
    def stop_signals(self) -> tuple[signal.Signals, signal.Signals]:
        """What ends it cleanly, and what ends it at once."""

    def prepare(self) -> None:
        """What must be done before each start; may block, runs in any thread."""

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process, as the leader of its own group; does not block."""

    def wait_until_ready(self) -> None:
        """Return when it can be used; may block; raises ServerError when it gave up."""


@dataclass
class Kept:
    """A part under supervision."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    state: str = "starting"
    restarts: int = 0
    last_exit: str | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self.process.pid if self.process is not None and self.state == "running" else None

    def enter(self, state: str) -> None:
        """Note a change of state."""
        self.state = state
        self.since = datetime.now(UTC)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it has started, were it dead itself."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


class Supervisor:
    """Keeps parts running; calls `changed` whenever a state differs from before."""

    def __init__(self, changed: Callable[["Supervisor"], None]) -> None:
        self.kept: dict[str, Kept] = {}
        self.changed = changed
        # Each part has a thread that waits for its end; the default pool may have fewer.
        self.threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="part")

    async def in_thread(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """Run blocking work beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *args)

    async def start(self, part: Part) -> None:
        """Start a part, return when it can be used, and keep it from then on."""
        kept = Kept(part)
        await self.in_thread(part.prepare)
        self.launch(kept)
        self.kept[part.label] = kept
        kept.task = asyncio.create_task(self.keep(kept), name=part.label)
        self.changed(self)
        await self.in_thread(part.wait_until_ready)

    def launch(self, kept: Kept) -> None:
        """Start the process. The loop's thread does it: for the kernel it is the child's parent."""
        kept.process = kept.part.launch()
        kept.enter("running")

    async def keep(self, kept: Kept) -> None:
        """Wait for the part's end and start it again, until it is told to stop."""
        delay = 0.0
        while not kept.stopping.is_set():
            begun = time.monotonic()
            await self.wait_for_end(kept)
            if kept.stopping.is_set():
                break
            delay = restart_delay(delay, time.monotonic() - begun)
            kept.enter("waiting")
            self.changed(self)
            log.warning("part.died", part=kept.part.label, exit=kept.last_exit, restart_in=delay)
            if await happens(kept.stopping, delay):
                break
            await self.restart(kept)
        kept.enter("stopped")
        self.changed(self)

    async def wait_for_end(self, kept: Kept) -> None:
        """Return when the process has ended, and end what it has left behind."""
        if kept.process is None:
            return
        code = await self.in_thread(kept.process.wait)
        kept.last_exit = describe_exit(code)
        kept.signal_group(signal.SIGKILL)

    async def restart(self, kept: Kept) -> None:
        """Start the process once more; a failure counts as its end."""
        kept.restarts += 1
        kept.process = None
        try:
            await self.in_thread(kept.part.prepare)
            if not kept.stopping.is_set():
                self.launch(kept)
        except (OSError, ServerError) as error:
            kept.last_exit = str(error)
        self.changed(self)

    async def stop(self, labels: Iterable[str], seconds: float) -> None:
        """End parts, cleanly within `seconds`, by force after that."""
        ending = [self.kept[label] for label in labels if label in self.kept]
        for kept in ending:
            kept.stopping.set()
            kept.send(kept.part.stop_signals[0])
        tasks = [kept.task for kept in ending if kept.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=max(seconds, 0.05))
        if late:
            for kept in ending:
                if kept.task in late:
                    log.warning("part.killed", part=kept.part.label)
                    kept.signal_group(kept.part.stop_signals[1])
            await asyncio.wait(late, timeout=KILL_SECONDS)

    def kill(self) -> None:
        """End every part at once."""
        for kept in self.kept.values():
            kept.stopping.set()
            kept.signal_group(kept.part.stop_signals[1])

    def states(self) -> dict[str, PartState]:
        """How every part fares."""
        return {
            label: PartState(
                pid=kept.pid,
                state=kept.state,
                restarts=kept.restarts,
                last_exit=kept.last_exit,
                since=kept.since.isoformat(timespec="milliseconds"),
            )
            for label, kept in self.kept.items()
        }


def restart_delay(previous: float, alive_seconds: float) -> float:
    """How long to wait before the next start: doubled each time, as at first after a steady run."""
    if not previous or alive_seconds >= STEADY_SECONDS:
        return FIRST_DELAY_SECONDS
    return min(previous * 2, LONGEST_DELAY_SECONDS)


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within the time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
