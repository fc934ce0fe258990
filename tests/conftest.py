"""Fixtures that every folder may use; the servers behind them are in tests/support."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rosterline.launch import children
from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.support.servers import Databases, fresh_databases, template_server

PORT_SHARES = 8

# What an example takes says more of the machine than of us; and the first argument of a test is
# often a fixture, which Hypothesis takes for the `self` of a method.
settings.register_profile(
    "rosterline",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
settings.load_profile("rosterline")


@pytest.fixture(scope="session", autouse=True)
def own_ports() -> Iterator[None]:
    """Ports that no other worker of the run draws: a free one is bound only some time later."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    with pytest.MonkeyPatch.context() as monkeypatch:
        if worker:
            own = children.PORTS[int(worker.removeprefix("gw")) % PORT_SHARES :: PORT_SHARES]
            monkeypatch.setattr(children, "PORTS", own)
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the whole run."""
    folder = tmp_path_factory.mktemp("servers")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    with template_server(folder) as server:
        yield server


@pytest.fixture
def databases(postgres_server: EmbeddedPostgres) -> Iterator[Databases]:
    """A fresh pair of migrated databases for one test."""
    with fresh_databases(postgres_server) as made:
        yield made


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[EmbeddedNats]:
    """A NATS server of the test's own."""
    server = EmbeddedNats(tmp_path / "nats", sync_interval="2m")
    server.start()
    yield server
    server.stop()
