"""The data folder: one holder, private files, and how commands find an instance."""

import json
import os
from pathlib import Path

import pytest

from rosterline.launch.errors import LaunchError, UsageError
from rosterline.launch.instance import (
    DataFolder,
    Endpoints,
    PartState,
    environment_settings,
    find_settings,
)

ENDPOINTS = Endpoints(
    api="http://127.0.0.1:8123",
    nats="nats://127.0.0.1:1",
    sis_dsn="postgresql://127.0.0.1/sis",
    dsn="postgresql://127.0.0.1/rosterline",
    pid=os.getpid(),
    pids={"api": 12},
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings of Rosterline."""
    for name in list(os.environ):
        if name.startswith("ROSTERLINE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A folder whose instance says how it is reached."""
    made = DataFolder.at(tmp_path)
    made.write_endpoints(ENDPOINTS)
    return made


def test_a_folder_has_one_holder_who_is_named(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path / "data")
    with (
        folder.locked(),
        pytest.raises(LaunchError, match=f"in use by process {os.getpid()}"),
        folder.locked(),
    ):
        pass
    with folder.locked():
        assert (tmp_path / "data" / "lock").read_text() == str(os.getpid())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(LaunchError, match="cannot be made"),
        DataFolder.at(tmp_path / "file" / "data").locked(),
    ):
        pass


def test_endpoints_are_private_and_read_back(folder: DataFolder) -> None:
    assert folder.endpoints_file.stat().st_mode & 0o777 == 0o600
    assert folder.endpoints() == ENDPOINTS
    folder.forget()
    assert folder.endpoints() is None


def test_states_are_read_back_while_the_instance_lives(folder: DataFolder) -> None:
    state = PartState(pid=12, state="running", restarts=0, last_exit=None, since="now")
    folder.write_states({"api": state})
    assert folder.states() == {"api": state}
    folder.forget()
    assert folder.states() == {}


def test_endpoints_of_a_dead_process_are_no_instance(folder: DataFolder) -> None:
    stale = json.loads(folder.endpoints_file.read_text()) | {"pid": 2**22 + 1}
    folder.endpoints_file.write_text(json.dumps(stale))
    with pytest.raises(LaunchError, match="no running instance"):
        find_settings(folder.path, "dsn")


def test_the_environment_is_used_when_no_folder_is_named(
    monkeypatch: pytest.MonkeyPatch, folder: DataFolder
) -> None:
    monkeypatch.chdir(folder.path)
    monkeypatch.setenv("ROSTERLINE_DSN", "postgresql://elsewhere/rosterline")
    assert find_settings(None, "dsn").dsn == "postgresql://elsewhere/rosterline"


def test_a_named_folder_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, folder: DataFolder
) -> None:
    monkeypatch.setenv("ROSTERLINE_DSN", "postgresql://elsewhere/rosterline")
    settings = find_settings(folder.path, "dsn")
    assert settings.dsn == ENDPOINTS.dsn
    assert settings.base_url == ENDPOINTS.api


def test_an_instance_in_the_usual_folder_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".rosterline").mkdir()
    DataFolder.at(None).write_endpoints(ENDPOINTS)
    assert find_settings(None, "dsn", "nats_url").nats_url == ENDPOINTS.nats


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROSTERLINE_DSN", "postgresql://elsewhere/rosterline")
    with pytest.raises(LaunchError, match="ROSTERLINE_DSN, ROSTERLINE_NATS_URL"):
        find_settings(None, "dsn", "nats_url")


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTERLINE_DISTRICT", "Not A Name")
    with pytest.raises(UsageError, match="ROSTERLINE_DISTRICT"):
        environment_settings()
