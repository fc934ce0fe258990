"""`rosterline up` on embedded servers: start, supervision, end."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.support.processes import (
    END_SECONDS,
    is_alive,
    run_command,
    running,
    started,
    until,
)

pytestmark = pytest.mark.e2e

SERVICES = {"capture-sis", "capture-records", "projector", "ingest", "api"}
SERVERS = {"postgres", "nats"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_up_says_ready_once_and_ends_cleanly(folder: Path, number: signal.Signals) -> None:
    async with running(folder) as instance:
        endpoints = instance.endpoints
        assert instance.is_ready()
        assert set(endpoints["pids"]) == SERVICES | SERVERS
        assert (folder / "endpoints.json").stat().st_mode & 0o777 == 0o600
        pids = instance.pids()
        code, seconds = await instance.end(number)
    assert code == 0
    assert seconds < END_SECONDS
    assert instance.lines == [f"ready {endpoints['api']}"]
    assert not [pid for pid in pids if is_alive(pid)]
    assert not (folder / "endpoints.json").exists()


async def test_a_second_up_on_the_same_folder_is_refused_and_harms_nothing(folder: Path) -> None:
    async with running(folder) as instance:
        second = await run_command("up", "--data", str(folder), "--port", "0")
        assert second.code == 1
        assert f"in use by process {instance.process.pid}" in second.err
        assert len(second.err.splitlines()) == 1
        assert instance.is_ready()


async def test_a_taken_port_is_named_and_leaves_nothing_running(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = await run_command("up", "--data", str(folder), "--port", str(port))
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        f"rosterline: port {port} is in use; choose another with --port (0 takes any free one)"
    ]
    assert not (folder / "nats.pid").exists()


async def test_a_killed_service_is_restarted_and_its_death_is_visible(folder: Path) -> None:
    async with running(folder) as instance:
        before = instance.endpoints["pids"]["projector"]
        os.kill(before, signal.SIGKILL)
        await until(lambda: instance.endpoints["pids"].get("projector", before) != before)
        state = instance.states["projector"]
        assert state["state"] == "running"
        assert state["restarts"] == 1
        assert state["last_exit"] == "killed by SIGKILL"
        assert any("projector" in line and "SIGKILL" in line for line in instance.errors)
        shown = await run_command("status", "--data", str(folder))
        assert "killed by SIGKILL" in shown.out


@pytest.mark.parametrize("server", sorted(SERVERS))
async def test_a_killed_server_comes_back_where_it_was(folder: Path, server: str) -> None:
    async with running(folder) as instance:
        before = instance.endpoints
        os.kill(before["pids"][server], signal.SIGKILL)
        await until(
            lambda: (
                instance.endpoints["pids"].get(server, before["pids"][server])
                != before["pids"][server]
            )
        )
        after = instance.endpoints
        assert (after["nats"], after["dsn"]) == (before["nats"], before["dsn"])
        await until(instance.is_ready)


async def test_nothing_outlives_a_killed_up_and_the_next_one_works(folder: Path) -> None:
    async with running(folder) as instance:
        pids = instance.pids()
        instance.process.kill()
        await until(lambda: not any(is_alive(pid) for pid in pids))
    unreachable = await run_command("status", "--data", str(folder))
    assert unreachable.code == 1
    assert "no running instance" in unreachable.err
    async with running(folder) as again:
        assert again.is_ready()


async def test_an_up_right_after_a_killed_one_takes_the_folder_over(folder: Path) -> None:
    async with running(folder) as instance:
        instance.process.kill()
        await instance.process.wait()
        async with running(folder) as again:
            assert again.is_ready()


async def test_a_signal_during_the_start_ends_it_cleanly(folder: Path) -> None:
    async with started(folder, "--port", "0") as instance:
        await until((folder / "postgres.log").exists)
        code, seconds = await instance.end()
    assert (code, instance.lines) == (0, [])
    assert seconds < END_SECONDS
    assert not (folder / "postgres" / "postmaster.pid").exists()


async def test_a_second_signal_ends_it_at_once(folder: Path) -> None:
    async with running(folder) as instance:
        pids = instance.pids()
        os.kill(instance.endpoints["pids"]["projector"], signal.SIGSTOP)
        instance.process.send_signal(signal.SIGINT)
        await until(lambda: instance.states["api"]["state"] == "stopped")
        code, seconds = await instance.end(signal.SIGINT)
    assert code == 130
    assert seconds < 5
    assert not [pid for pid in pids if is_alive(pid)]


async def test_a_service_that_does_not_end_is_killed_in_time(folder: Path) -> None:
    async with running(folder) as instance:
        pids = instance.pids()
        os.kill(instance.endpoints["pids"]["projector"], signal.SIGSTOP)
        code, seconds = await instance.end()
    assert code == 0
    assert seconds < END_SECONDS
    assert not [pid for pid in pids if is_alive(pid)]
