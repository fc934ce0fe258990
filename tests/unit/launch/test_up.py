"""How `up` ends: each part has its share of five seconds, and a second signal waits for none."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosterline.config.settings import Settings
from rosterline.launch import up
from rosterline.launch.instance import DataFolder
from rosterline.launch.up import Instance
from tests.support.processes import is_alive, until
from tests.unit.launch.test_supervise import STUBBORN, Program

PARTS = ("projector", "nats", "postgres")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """An instance of which nothing runs; what a failed test leaves running is ended."""
    made = Instance(DataFolder(tmp_path), Settings(), None, lambda _: None, lambda _: None)
    yield made
    made.supervisor.kill()


def heeds_no_end(pid: int) -> bool:
    """Whether a process ignores SIGTERM already."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (ignored,) = (line.split()[1] for line in lines if line.startswith("SigIgn:"))
    return bool(int(ignored, 16) & 1 << signal.SIGTERM - 1)


async def start_stubborn(instance: Instance, name: str) -> int:
    """A part that must be killed; the id of its process."""
    part = Program(name, STUBBORN)
    await instance.supervisor.start(part)
    await until(lambda: heeds_no_end(part.started[0]))
    return part.started[0]


def test_services_and_servers_are_given_less_than_five_seconds_together() -> None:
    assert up.SERVICES_SECONDS + up.NATS_SECONDS + up.POSTGRES_SECONDS < 5


async def test_what_heeds_no_signal_is_killed_when_its_share_is_over(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "SERVICES_SECONDS", 0.1)
    monkeypatch.setattr(up, "NATS_SECONDS", 0.1)
    monkeypatch.setattr(up, "POSTGRES_SECONDS", 0.1)
    pids = [await start_stubborn(instance, name) for name in PARTS]
    async with asyncio.timeout(30):
        await instance.end()
    assert not [pid for pid in pids if is_alive(pid)]


async def test_the_first_signal_kills_nothing_and_the_second_everything(
    instance: Instance,
) -> None:
    pids = [await start_stubborn(instance, name) for name in PARTS]
    instance.interrupt()
    assert instance.stop.is_set()
    assert [instance.is_killed, *map(is_alive, pids)] == [False, True, True, True]
    instance.interrupt()
    assert instance.is_killed
    await until(lambda: not any(map(is_alive, pids)))
    await instance.end()
