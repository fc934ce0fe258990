"""Client secrets: made or derived, hashed with Argon2, and checked off the event loop.

The secret of a connection that may sign its requests is derived from a signing key, so that its
signatures can be verified although only a hash of the secret is stored.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from rosterline.api.access.throttle import Attempt, Throttle

# A hash takes 64 MiB and tens of milliseconds: more at once would starve the readers.
MOST_AT_ONCE = 2
# It lets secret scanners know a secret.
PREFIX = "rls_"
BYTES = 32


def make_secret() -> str:
    """A client secret of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(BYTES)


def make_salt() -> str:
    """What makes a derived secret another one than any before."""
    return secrets.token_urlsafe(BYTES)


def derive_secret(key: str, client_id: str, salt: str) -> str:
    """The client secret that a signing key, a client and a salt always give."""
    text = f"oauth1|{client_id}|{salt}"
    digest = hmac.digest(key.encode(), text.encode(), hashlib.sha256)
    return PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_secret(secret: str) -> str:
    """What may be stored."""
    return PasswordHasher().hash(secret)


class SecretChecker:
    """Compares secrets with hashes, taking as long for a client that nobody knows."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._limit = asyncio.Semaphore(MOST_AT_ONCE)
        self._decoy: str | None = None

    async def matches(self, secret: str, stored: str | None, attempt: Attempt) -> bool:
        """Whether the secret is the one that was hashed; False, as slowly, when there is none.

        Raises ApiError 429, and hashes nothing, for an attempt after too many that failed.
        """
        await self._throttle.check(attempt)
        async with self._limit:
            # Once more: those before it in the queue have failed in the meantime.
            await self._throttle.check(attempt)
            if self._decoy is None:
                self._decoy = await asyncio.to_thread(hash_secret, make_secret())
            is_match = await asyncio.to_thread(_verify, stored or self._decoy, secret)
            is_right = is_match and stored is not None
            if not is_right:
                await self._throttle.note_failure(attempt)
        return is_right


def _verify(stored: str, secret: str) -> bool:
    try:
        return PasswordHasher().verify(stored, secret)
    except (VerificationError, InvalidHashError):
        return False
