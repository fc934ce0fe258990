"""The services' logs: JSON lines in the data folder, whose warnings also go to the terminal."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rosterline.launch.supervise import happens

LOUD: Final = frozenset({"warning", "error", "critical"})
QUIET_KEYS: Final = frozenset({"event", "level", "timestamp", "service", "exception"})
LOOK_SECONDS = 0.3
LARGEST_BYTES = 50_000_000


@dataclass
class LogWatch:
    """Follows the logs of a folder from where they stood when it was made."""

    folder: Path
    show: Callable[[str], None]
    offsets: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Skip what an earlier run has written."""
        self.offsets = {log: log.stat().st_size for log in self.folder.glob("*.log")}

    async def follow(self, stop: asyncio.Event) -> None:
        """Show new warnings until `stop`, and keep logs from filling the disk."""
        while not await happens(stop, LOOK_SECONDS):
            self.look()
        self.look()

    def look(self) -> None:
        """Show what has been written since the last look."""
        for log in sorted(self.folder.glob("*.log")):
            for line in self.new_lines(log):
                entry = parse_line(line)
                if entry is None:
                    self.show(f"{log.stem}: {line}")
                elif entry.get("level") in LOUD:
                    self.show(f"{log.stem}: {describe(entry)}")
            if self.offsets[log] > LARGEST_BYTES:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                # Services append, so an emptied file is written on from its beginning.
                os.truncate(log, 0)
                self.offsets[log] = 0

    def new_lines(self, log: Path) -> Iterator[str]:
        """Whole lines beyond the last look."""
        with log.open("rb") as file:
            file.seek(self.offsets.get(log, 0))
            fresh = file.read()
        whole, _, rest = fresh.rpartition(b"\n")
        self.offsets[log] = self.offsets.get(log, 0) + len(fresh) - len(rest)
        yield from whole.decode(errors="replace").splitlines()


def parse_line(line: str) -> dict[str, Any] | None:
    """A log entry; None for a line of something else, such as a traceback."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def describe(entry: dict[str, Any]) -> str:
    """A log entry as the terminal shows it."""
    details = " ".join(f"{key}={entry[key]}" for key in entry if key not in QUIET_KEYS)
    return f"{entry['level']}: {entry.get('event', '')} {details}".rstrip()
