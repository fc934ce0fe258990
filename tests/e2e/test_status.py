"""`rosterline status` of a healthy instance and of one whose parts are missing."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rosterline.launch.embedded import EmbeddedNats
from tests.support.processes import PATIENCE_SECONDS, run_command, running
from tests.support.running import until
from tests.support.servers import Databases

pytestmark = pytest.mark.e2e

STATUS_KEYS = {
    *("ready", "api", "last_stamp", "services", "hops", "tasks", "holds"),
    *("waiting_lines", "dead_letters"),
}
HOP_KEYS = {"events", "seconds", "bytes", "active", "wal_status", "error"}
PART_KEYS = {"pid", "state", "restarts", "last_exit", "since"}


async def status_when_well(folder: Path) -> dict[str, Any]:
    """What is told once nothing is amiss: `ready` waits for no more than reads need."""

    async def ask() -> dict[str, Any] | None:
        outcome = await run_command("status", "--data", str(folder), "--json")
        return json.loads(outcome.out) if outcome.code == 0 else None

    status: dict[str, Any] = await until(ask, seconds=PATIENCE_SECONDS)
    return status


async def test_status_shows_services_lags_and_readiness(folder: Path) -> None:
    async with running(folder) as instance:
        status = await status_when_well(folder)
        assert set(status) == STATUS_KEYS
        assert status["ready"] is True
        assert status["api"] == instance.api
        assert set(status["services"]) == set(instance.endpoints["pids"])
        assert all(set(part) == PART_KEYS for part in status["services"].values())
        assert set(status["hops"]) == {
            "sis_to_stream",
            "stream_to_projector",
            "outbox_to_stream",
            "stream_to_ingest",
            "records_to_projector",
        }
        assert all(set(hop) == HOP_KEYS for hop in status["hops"].values())
        assert status["hops"]["stream_to_projector"]["events"] == 0
        assert status["hops"]["sis_to_stream"]["active"] is True
        assert status["hops"]["stream_to_projector"]["active"] is True
        assert status["hops"]["stream_to_ingest"]["active"] is True
        hop = await run_command("status", "--data", str(folder), "--hop", "outbox_to_stream")
        assert (hop.code, json.loads(hop.out)["active"]) == (0, True)
        shown = await run_command("status", "--data", str(folder))
        assert shown.code == 0
        assert "capture-sis" in shown.out
        assert "stream SIS → projector" in shown.out


async def test_status_says_what_cannot_be_reached(
    databases: Databases, nats_server: EmbeddedNats
) -> None:
    nats_server.stop()
    environment = {
        "ROSTERLINE_SIS_DSN": databases.sis_dsn,
        "ROSTERLINE_DSN": databases.dsn,
        "ROSTERLINE_NATS_URL": nats_server.url,
        "ROSTERLINE_PORT": "1",
    }
    outcome = await run_command("status", "--json", environment=environment)
    status = json.loads(outcome.out)
    assert outcome.code == 1
    assert status["ready"] is False
    assert "NATS" in status["hops"]["stream_to_projector"]["error"]
    assert "does not exist" in status["hops"]["sis_to_stream"]["error"]
    hop = await run_command("status", "--hop", "sis_to_stream", environment=environment)
    assert hop.code == 1
    shown = await run_command("status", environment=environment)
    assert shown.code == 1
    assert "unreachable" in shown.out


async def test_a_second_capture_of_a_running_instance_is_refused(folder: Path) -> None:
    async with running(folder) as instance:
        before = instance.endpoints["pids"]["capture-sis"]
        outcome = await run_command("capture", "sis", "--data", str(folder))
        assert outcome.code == 1
        assert "another capture is running" in outcome.err
        assert instance.endpoints["pids"]["capture-sis"] == before


async def test_capture_of_an_embedded_sis_cannot_write_it(folder: Path) -> None:
    async with running(folder) as instance:
        password = (folder / "capture.password").read_text()
        address = instance.endpoints["sis_dsn"].partition("@")[2]
        with (
            psycopg.connect(f"postgresql://rosterline_capture:{password}@{address}") as capture,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            capture.execute("DELETE FROM sis.district")
