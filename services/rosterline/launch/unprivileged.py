"""Starting PostgreSQL where it refuses to run: as root, it is started as `nobody` instead.

Where `nobody` cannot reach the program or the data (a checkout below /root), the server gets a user
namespace of its own, in which root's files belong to `nobody`.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = "nobody"


def can_reach(path: Path, uid: int) -> bool:
    """Whether a user without groups may pass through every folder above `path`."""
    for folder in path.resolve().parents:
        facts = folder.stat()
        owned = facts.st_uid == uid and facts.st_mode & 0o100
        if not owned and not facts.st_mode & 0o001:
            return False
    return True


def end_with_parent(stop: signal.Signals) -> Callable[[], None]:
    """What a child of this process does to get `stop` when its parent dies, however it dies.

    The thread that starts the child counts as the parent.
    """
    parent = os.getpid()

    def prepare() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(stop), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def become(uid: int, gid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def enter_namespace(uid: int, gid: int) -> None:
    """Be `uid` in a new user namespace whose only user is the root outside it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot leave root: {os.strerror(code)}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} 0 1")
    Path("/proc/self/gid_map").write_text(f"{gid} 0 1")


def postgres_preparation(
    data: Path, program: Path, stop: signal.Signals | None
) -> Callable[[], None]:
    """What a child does before it becomes PostgreSQL; `data` is given to its user where needed.

    With `stop` the child gets that signal when its parent dies.
    """
    drop: Callable[[], None] | None = None
    bind = end_with_parent(stop) if stop is not None else None
    if os.geteuid() == 0:
        user = pwd.getpwnam(NOBODY)
        uid, gid = user.pw_uid, user.pw_gid
        if can_reach(program, uid) and can_reach(data, uid):
            give_to(data, uid, gid)
            drop = lambda: become(uid, gid)  # noqa: E731
        else:
            give_to(data, 0, 0)
            drop = lambda: enter_namespace(uid, gid)  # noqa: E731

    def prepare() -> None:
        if drop is not None:
            drop()
        if bind is not None:
            bind()

    return prepare


def give_to(data: Path, uid: int, gid: int) -> None:
    """Make `uid` the owner of the data folder and all in it."""
    if data.stat().st_uid == uid:
        return
    for folder, _, files in os.walk(data):
        os.chown(folder, uid, gid)
        for name in files:
            os.chown(Path(folder) / name, uid, gid)
