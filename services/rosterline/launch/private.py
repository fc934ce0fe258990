"""Files that only their owner may read: passwords, addresses with passwords."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def private_file(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def kept_password(path: Path) -> str:
    """The password in `path`, made at the first call."""
    return kept_secret(path, lambda: secrets.token_urlsafe(24))


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, made at the first call."""
    if not path.exists():
        private_file(path, make())
    return path.read_text().strip()
