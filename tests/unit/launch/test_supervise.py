"""The supervisor: backoff, restart, order of the end; with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.launch.children import ServerError
from rosterline.launch.supervise import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    STEADY_SECONDS,
    Supervisor,
    describe_exit,
    restart_delay,
)
from tests.support.processes import is_alive, until

SLEEPER = "import threading; threading.Event().wait()"
STUBBORN = (
    f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); {SLEEPER}"
)
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEPER}']); {SLEEPER}"


@dataclass
class Program:
    """A part that runs a line of Python."""

    label: str
    code: str
    stop_signals: tuple[signal.Signals, signal.Signals] = (signal.SIGTERM, signal.SIGKILL)
    started: list[int] = field(default_factory=list)
    failures: int = 0

    def prepare(self) -> None:
        if self.started and self.failures:
            self.failures -= 1
            raise ServerError("cannot be prepared")

    def launch(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", self.code],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process.pid)
        return process

    def wait_until_ready(self) -> None:
        pass


def supervisor() -> Supervisor:
    return Supervisor(lambda _: None)


def test_the_first_restart_comes_soon_and_later_ones_ever_later() -> None:
    delays = [restart_delay(0.0, 0.0)]
    for _ in range(10):
        delays.append(restart_delay(delays[-1], 0.0))
    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays[-1] == LONGEST_DELAY_SECONDS


@given(st.floats(0, 1000), st.floats(0, 100_000))
def test_a_delay_is_bounded_and_starts_over_after_a_steady_run(
    previous: float, alive: float
) -> None:
    delay = restart_delay(previous, alive)
    assert 0 < delay <= LONGEST_DELAY_SECONDS
    if alive >= STEADY_SECONDS:
        assert delay == FIRST_DELAY_SECONDS


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "killed by SIGKILL"),
        (-99, "killed by signal 99"),
    ],
)
def test_an_exit_is_told_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


async def test_a_part_that_dies_is_started_again_and_counted() -> None:
    keeper, part = supervisor(), Program("part", SLEEPER)
    await keeper.start(part)
    os.kill(part.started[0], signal.SIGKILL)
    await until(lambda: len(part.started) == 2)
    state = keeper.states()["part"]
    assert (state.state, state.restarts, state.last_exit) == ("running", 1, "killed by SIGKILL")
    assert state.pid == part.started[1]
    await keeper.stop(["part"], 5)
    assert keeper.states()["part"].state == "stopped"
    assert not is_alive(part.started[1])


async def test_a_part_that_cannot_be_prepared_is_tried_again() -> None:
    keeper, part = supervisor(), Program("part", SLEEPER, failures=1)
    await keeper.start(part)
    os.kill(part.started[0], signal.SIGKILL)
    await until(lambda: keeper.states()["part"].last_exit == "cannot be prepared")
    await until(lambda: len(part.started) == 2)
    assert keeper.states()["part"].restarts == 2
    await keeper.stop(["part"], 5)


async def test_what_a_dead_part_has_started_ends_with_it() -> None:
    keeper, part = supervisor(), Program("part", PARENT)
    await keeper.start(part)
    children = Path(f"/proc/{part.started[0]}/task/{part.started[0]}/children")
    await until(lambda: bool(children.read_text().strip()))
    child = int(children.read_text())
    os.kill(part.started[0], signal.SIGKILL)
    await until(lambda: not is_alive(child))
    await keeper.stop(["part"], 5)


async def test_a_part_that_heeds_no_signal_is_killed_in_time() -> None:
    keeper, part = supervisor(), Program("part", STUBBORN)
    await keeper.start(part)
    async with asyncio.timeout(5):
        await keeper.stop(["part"], 0.3)
    assert not is_alive(part.started[0])


async def test_a_part_in_backoff_ends_at_once() -> None:
    keeper, part = supervisor(), Program("part", "raise SystemExit(7)")
    await keeper.start(part)
    await until(
        lambda: keeper.kept["part"].restarts >= 2 and keeper.kept["part"].state == "waiting"
    )
    async with asyncio.timeout(2):
        await keeper.stop(["part"], 5)
    assert keeper.states()["part"].last_exit == "exit code 7"


async def test_kill_ends_every_part_at_once() -> None:
    keeper = supervisor()
    parts = [Program(name, STUBBORN) for name in ("one", "two")]
    for part in parts:
        await keeper.start(part)
    keeper.kill()
    await until(lambda: not any(is_alive(part.started[0]) for part in parts), seconds=5)
    await keeper.stop(["one", "two"], 1)
    assert {state.state for state in keeper.states().values()} == {"stopped"}
