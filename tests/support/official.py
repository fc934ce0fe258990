"""1EdTech's own OpenAPI files, which are not ours to keep here: found beside the repository."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rosterline.api.endpoints import Service

REPOSITORY = Path(__file__).parents[2]
FILES = {
    Service.ROSTERING: "onerosterv1p2rostersservice_openapi3_v1p0.json",
    Service.GRADEBOOK: "onerosterv1p2gradebookservice_openapi3_v1p0.json",
    Service.RESOURCES: "onerosterv1p2resourcesservice_openapi3_v1p0.json",
}


def read_official(name: str) -> dict[str, Any]:
    """One of the files; skips the test where they are absent."""
    given = os.environ.get("ROSTERLINE_OPENAPI_DIR")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "spec" / "openapi"
    path = folder / name
    if not path.is_file():
        pytest.skip(
            f"1EdTech's {name} is not here; set ROSTERLINE_OPENAPI_DIR to the folder that holds it"
        )
    return _parse(path)


def official(service: Service) -> dict[str, Any]:
    """The file of a service; skips the test where it is absent."""
    return read_official(FILES[service])


@cache
def _parse(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document
