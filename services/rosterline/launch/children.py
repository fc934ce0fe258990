"""Child processes: ending them in time, and finding those that a killed parent left behind."""

import errno
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from random import SystemRandom

from rosterline.launch.errors import LaunchError

STOP_SECONDS = 3.5
POLL_SECONDS = 0.02
# Below the range from which Linux takes the ports of outgoing connections: there a client that
# waits for its server to come back can, by chance, connect to itself and keep the port for good.
PORTS = range(15_000, 32_000)


class ServerError(LaunchError):
    """An embedded server that did not start; the message holds the end of its log."""


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    while True:
        port = SystemRandom().choice(PORTS)
        if is_free("127.0.0.1", port):
            return port


def kept_port(path: Path) -> int:
    """The port of the last start, written in `path`, while it is free; else a new one.

    So addresses that others have noted stay good from one start to the next.
    """
    kept = path.read_text() if path.exists() else ""
    if kept.isdigit() and is_free("127.0.0.1", int(kept)):
        return int(kept)
    port = free_port()
    path.write_text(str(port))
    return port


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now; raises LaunchError for a host that is not here."""
    try:
        family, kind, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            return False
        raise LaunchError(f"cannot listen on {host}: {error.strerror}") from error
    return True


def end_of(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""


def stop_process(
    process: subprocess.Popen[bytes], gently: signal.Signals, hard: signal.Signals
) -> None:
    """End a child: first `gently`, and after `STOP_SECONDS` the hard way."""
    if process.poll() is not None:
        return
    process.send_signal(gently)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(hard)
        process.wait()


def end_leftover(pid_file: Path, mark: str, stop: signal.Signals) -> None:
    """End the server that an earlier, killed parent left running, and remove its pid file.

    `mark` stands on the server's command line; another process that has the number now is left
    alone. Raises ServerError when it does not end.
    """
    if not pid_file.exists():
        return
    number = pid_file.read_text().partition("\n")[0].strip()
    if number.isdigit() and is_running(int(number), mark):
        os.kill(int(number), stop)
        deadline = time.monotonic() + STOP_SECONDS
        while is_running(int(number), mark):
            if time.monotonic() > deadline:
                raise ServerError(f"process {number} of an earlier start does not end; end it")
            time.sleep(POLL_SECONDS)
    pid_file.unlink(missing_ok=True)


def is_running(pid: int, mark: str) -> bool:
    """Whether the process lives and has `mark` on its command line."""
    proc = Path("/proc")
    if not (proc / "self").exists():
        return mark in shown_by_ps(pid)
    try:
        arguments = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
    return mark in arguments.replace(b"\0", b" ").decode(errors="replace")


def shown_by_ps(pid: int) -> str:
    """A process's command line, where there is no /proc (macOS)."""
    listed = subprocess.run(
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout
