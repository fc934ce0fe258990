"""Warnings of the services' logs reach the terminal; logs do not fill the disk."""

from pathlib import Path

import pytest

from rosterline.launch import logs
from rosterline.launch.logs import LogWatch

WARNING = '{"event": "nats.disconnected", "name": "api", "level": "warning", "timestamp": "t"}\n'
INFO = '{"event": "listening", "level": "info"}\n'


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (WARNING, ["api: warning: nats.disconnected name=api"]),
        (INFO, []),
        (
            "rosterline: another capture is running\n",
            ["api: rosterline: another capture is running"],
        ),
        ('{"event": "odd"}\n', []),
        ('["a list"]\n', ['api: ["a list"]']),
    ],
)
def test_warnings_and_bare_lines_are_shown(tmp_path: Path, line: str, shown: list[str]) -> None:
    seen: list[str] = []
    watch = LogWatch(tmp_path, seen.append)
    (tmp_path / "api.log").write_text(line)
    watch.look()
    assert seen == shown


def test_only_whole_new_lines_are_shown(tmp_path: Path) -> None:
    shown: list[str] = []
    log = tmp_path / "api.log"
    log.write_text(WARNING)
    watch = LogWatch(tmp_path, shown.append)
    watch.look()
    assert shown == []
    with log.open("a") as file:
        file.write(INFO + WARNING + WARNING[:20])
        file.flush()
        watch.look()
        file.write(WARNING[20:])
    assert shown == ["api: warning: nats.disconnected name=api"]
    watch.look()
    assert len(shown) == 2


def test_a_log_that_grows_large_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 100)
    shown: list[str] = []
    watch = LogWatch(tmp_path, shown.append)
    with (tmp_path / "api.log").open("a") as file:
        file.write(WARNING * 3)
        file.flush()
        watch.look()
        assert (tmp_path / "api.log").stat().st_size == 0
        assert (tmp_path / "api.log.1").read_text() == WARNING * 3
        file.write(WARNING)
    watch.look()
    assert len(shown) == 4
