"""The data folder of `up`: its lock, where its parts listen, and how its services fare.

`endpoints.json` holds passwords and is readable by its owner only; it goes when `up` stops.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from rosterline.config.settings import Settings
from rosterline.launch.errors import LaunchError, UsageError
from rosterline.launch.private import private_file

DEFAULT_FOLDER = Path(".rosterline")


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where a running instance is reached; `pid` is `up`'s own, `pids` those of its parts."""

    api: str
    nats: str
    sis_dsn: str
    dsn: str
    pid: int
    pids: Mapping[str, int]

    @classmethod
    def of(cls, settings: Settings, *, api: str, pids: Mapping[str, int]) -> "Endpoints":
        """Those of an instance that this process runs."""
        return cls(
            api=api,
            nats=settings.nats_url,
            sis_dsn=settings.sis_dsn,
            dsn=settings.dsn,
            pid=os.getpid(),
            pids=pids,
        )


@dataclass(frozen=True, kw_only=True)
class PartState:
    """How a part fares: `running`, `waiting` for its next start, or `stopped`."""

    pid: int | None
    state: str
    restarts: int
    last_exit: str | None
    since: str


@dataclass(frozen=True)
class DataFolder:
    """A folder that belongs to one `up` at a time; `path` is absolute."""

    path: Path

    @classmethod
    def at(cls, path: Path | None) -> "DataFolder":
        """The folder that an option named, or the usual one."""
        return cls((path or DEFAULT_FOLDER).resolve())

    @property
    def logs(self) -> Path:
        """The folder of the services' logs."""
        return self.path / "logs"

    @property
    def endpoints_file(self) -> Path:
        """Where a running instance says how it is reached."""
        return self.path / "endpoints.json"

    @property
    def supervisor_file(self) -> Path:
        """Where a running instance says how its services fare."""
        return self.path / "supervisor.json"

    def port_file(self, part: str) -> Path:
        """Where a part's port is noted for the next start."""
        return self.path / f"{part}.port"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for the length of the block; the kernel frees it when the process dies.

        Raises LaunchError when another process holds it.
        """
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LaunchError(
                f"data directory {self.path} cannot be made: {error.strerror}"
            ) from error
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise LaunchError(
                    f"data directory {self.path} in use by process {file.read().strip()}; "
                    "stop it, or choose another with --data"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def write_endpoints(self, endpoints: Endpoints) -> None:
        """Tell other commands how this instance is reached."""
        replace_file(self.endpoints_file, asdict(endpoints))

    def write_states(self, states: Mapping[str, PartState]) -> None:
        """Tell `status` how the parts fare."""
        replace_file(self.supervisor_file, {name: asdict(state) for name, state in states.items()})

    def forget(self) -> None:
        """Nothing runs here any more."""
        self.endpoints_file.unlink(missing_ok=True)

    def endpoints(self) -> Endpoints | None:
        """How the instance that runs here is reached; None when nothing runs here."""
        found = read_json(self.endpoints_file)
        if found is None or not is_alive(found["pid"]):
            return None
        return Endpoints(**found)

    def states(self) -> dict[str, PartState]:
        """How the parts of the instance that runs here fare; empty when nothing runs here."""
        if self.endpoints() is None:
            return {}
        found = read_json(self.supervisor_file) or {}
        return {name: PartState(**state) for name, state in found.items()}


def replace_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write a private JSON file so that a reader sees the old or the new one, never a part."""
    fresh = path.with_suffix(".new")
    private_file(fresh, json.dumps(content, indent=2) + "\n")
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file, None when there is no such file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def environment_settings() -> Settings:
    """The settings of the environment; raises UsageError naming the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise UsageError(f"ROSTERLINE_{name}: {first['msg']}") from error


def settings_with_port(port: int | None) -> Settings:
    """The environment's settings, and the port that was asked for."""
    settings = environment_settings()
    return settings if port is None else settings.model_copy(update={"port": port})


def find_settings(data: Path | None, *needed: str) -> Settings:
    """Settings whose `needed` addresses are set: the environment's, else those of the instance that
    runs in the data folder. A folder that was named goes before the environment.

    Raises LaunchError when nothing runs there.
    """
    settings = environment_settings()
    if data is None and all(getattr(settings, name) for name in needed):
        return settings
    folder = DataFolder.at(data)
    endpoints = folder.endpoints()
    if endpoints is None:
        variables = ", ".join(f"ROSTERLINE_{name.upper()}" for name in needed)
        raise LaunchError(
            f"no running instance in {folder.path}: start one with `rosterline up`, "
            f"name its folder with --data, or set {variables}"
        )
    api = urlsplit(endpoints.api)
    return settings.model_copy(
        update={
            "sis_dsn": endpoints.sis_dsn,
            "dsn": endpoints.dsn,
            "nats_url": endpoints.nats,
            "host": api.hostname or settings.host,
            "port": api.port or settings.port,
        }
    )
