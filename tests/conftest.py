"""Fixtures that every folder may use; the servers behind them are in tests/support."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rosterline.launch.embedded import EmbeddedNats, EmbeddedPostgres
from tests.support.servers import Databases, fresh_databases, template_server


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
