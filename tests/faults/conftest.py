"""What tests need that end servers without warning."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosterline.launch.embedded import EmbeddedPostgres
from tests.support.servers import template_server


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that this test may kill."""
    with tempfile.TemporaryDirectory(prefix="rosterline-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with template_server(folder) as server:
            yield server
