"""1EdTech's own OpenAPI files, which are not ours to keep here: found beside the repository."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]


def read_official(name: str) -> dict[str, Any]:
    """One of the files; skips the test where they are absent."""
    given = os.environ.get("ROSTERLINE_OPENAPI_DIR")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "spec" / "openapi"
    path = folder / name
    if not path.is_file():
        pytest.skip(
            f"1EdTech's {name} is not here; set ROSTERLINE_OPENAPI_DIR to the folder that holds it"
        )
    document: dict[str, Any] = json.loads(path.read_text())
    return document
