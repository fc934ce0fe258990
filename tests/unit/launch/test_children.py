"""Ports and leftovers."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosterline.launch.children import PORTS, end_leftover, free_port, is_free, kept_port
from rosterline.launch.errors import LaunchError

# Of Linux, unless somebody has changed it.
FIRST_OUTGOING = 32_768


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process with the word `leftover-mark` on its command line."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import threading; print(flush=True); threading.Event().wait()",
            "leftover-mark",
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.stdout.close()
    process.kill()
    process.wait()


def kernel_setting(name: str, usual: str) -> str:
    """How Linux binds and takes ports here; `usual` where nothing says so."""
    file = Path("/proc/sys/net/ipv4", name)
    return file.read_text() if file.exists() else usual


def test_a_free_port_lies_below_those_of_outgoing_connections() -> None:
    assert free_port() in PORTS
    first_outgoing = int(kernel_setting("ip_local_port_range", f"{FIRST_OUTGOING}").split()[0])
    if first_outgoing < FIRST_OUTGOING:
        pytest.skip(f"this machine's outgoing connections have ports from {first_outgoing} on")
    assert max(PORTS) < first_outgoing


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_a_host_that_is_not_here_is_named() -> None:
    if int(kernel_setting("ip_nonlocal_bind", "0")):
        pytest.skip("this machine lets anyone listen on addresses that it has not")
    with pytest.raises(LaunchError, match=r"192\.0\.2\.1"):
        is_free("192.0.2.1", 8080)


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    first = kept_port(tmp_path / "port")
    assert kept_port(tmp_path / "port") == first
    with socket.create_server(("127.0.0.1", first)):
        second = kept_port(tmp_path / "port")
    assert second != first
    assert kept_port(tmp_path / "port") == second


def test_a_leftover_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{sleeper.pid}\nmore\n")
    end_leftover(pid_file, "leftover-mark", signal.SIGKILL)
    assert sleeper.wait(5) == -signal.SIGKILL
    assert not pid_file.exists()


def test_another_process_with_the_number_of_a_leftover_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(str(sleeper.pid))
    end_leftover(pid_file, "another-mark", signal.SIGKILL)
    assert sleeper.poll() is None
    assert not pid_file.exists()
