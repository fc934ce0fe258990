"""Client secrets: made, hashed with Argon2, and checked off the event loop."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# A hash takes 64 MiB and tens of milliseconds: more at once would starve the readers.
MOST_AT_ONCE = 2


def make_secret() -> str:
    """A client secret of 256 random bits; its prefix lets secret scanners know it."""
    return f"rls_{secrets.token_urlsafe(32)}"


def hash_secret(secret: str) -> str:
    """What may be stored."""
    return PasswordHasher().hash(secret)


class SecretChecker:
    """Compares secrets with hashes, taking as long for a client that nobody knows."""

    def __init__(self) -> None:
        self._limit = asyncio.Semaphore(MOST_AT_ONCE)
        self._decoy: str | None = None

    async def matches(self, secret: str, stored: str | None) -> bool:
        """Whether the secret is the one that was hashed; False, as slowly, when there is none."""
        async with self._limit:
            if self._decoy is None:
                self._decoy = await asyncio.to_thread(hash_secret, make_secret())
            is_match = await asyncio.to_thread(_verify, stored or self._decoy, secret)
        return is_match and stored is not None


def _verify(stored: str, secret: str) -> bool:
    try:
        return PasswordHasher().verify(stored, secret)
    except (VerificationError, InvalidHashError):
        return False
