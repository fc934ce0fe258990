"""Fixtures of the tests that run the real command."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory that no instance has used."""
    return tmp_path / "data"
