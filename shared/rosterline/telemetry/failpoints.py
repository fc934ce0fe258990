"""Fault points: named moments at which a test can kill the process.

`ROSTERLINE_FAILPOINT=name:n` in the environment kills the process (SIGKILL) when it reaches `name`
for the n-th time. Unarmed, a point costs one comparison. Each constant has a test in tests/faults.
"""

import os
import signal
from typing import Final

VARIABLE = "ROSTERLINE_FAILPOINT"

CAPTURE_AFTER_SLOT: Final = "capture.after_slot_before_snapshot"
CAPTURE_DURING_SNAPSHOT: Final = "capture.during_snapshot"
CAPTURE_AFTER_SNAPSHOT: Final = "capture.after_snapshot_before_stream"
CAPTURE_BEFORE_PUBLISH: Final = "capture.after_decode_before_publish"
CAPTURE_AFTER_PUBLISH: Final = "capture.after_publish_before_confirm"
CAPTURE_BETWEEN_PARTS: Final = "capture.between_parts"
CAPTURE_AFTER_CONFIRM: Final = "capture.after_confirm"
PROJECTOR_AFTER_FETCH: Final = "projector.after_fetch_before_apply"
PROJECTOR_AFTER_MIRROR: Final = "projector.after_mirror_before_write"
PROJECTOR_BEFORE_COMMIT: Final = "projector.after_write_before_commit"
PROJECTOR_AFTER_COMMIT: Final = "projector.after_commit"
PROJECTOR_DURING_LOAD: Final = "projector.during_first_load"
PROJECTOR_DURING_DAY: Final = "projector.during_a_new_day"
PROJECTOR_DURING_REBUILD: Final = "projector.during_rebuild"
INGEST_AFTER_FETCH: Final = "ingest.after_fetch_before_work"
INGEST_BEFORE_COMMIT: Final = "ingest.after_write_before_commit"
INGEST_AFTER_COMMIT: Final = "ingest.after_commit_before_telling"
INGEST_BEFORE_ACK: Final = "ingest.after_telling_before_ack"

ALL: Final = tuple(
    value
    for name, value in list(globals().items())
    if name.startswith(("CAPTURE_", "PROJECTOR_", "INGEST_"))
)


class Failpoint:
    """The armed point of this process, if any."""

    def __init__(self, setting: str) -> None:
        name, _, count = setting.partition(":")
        self.name = name
        self.remaining = int(count or "1")

    def reach(self, name: str) -> None:
        """Die here if `name` is armed and its count is up."""
        if name != self.name:
            return
        self.remaining -= 1
        if self.remaining == 0:
            os.kill(os.getpid(), signal.SIGKILL)


_armed = Failpoint("")


def arm(setting: str) -> None:
    """Arm a point; an empty setting disarms. Called once, by `launch`."""
    global _armed  # noqa: PLW0603 - the one switch of the process, set before any work begins
    _armed = Failpoint(setting)


def reach(name: str) -> None:
    """Mark a fault point."""
    if _armed.name:
        _armed.reach(name)
