"""The key that admits vendors to NATS: its seed signs, its public key stands in the server's file.

An Ed25519 key in the form that NATS gives to an account's: the public key begins with A, the seed
with SA.
"""

import secrets
from typing import Final

import nkeys  # type: ignore[import-untyped]  # has no types

SEED_BYTES: Final = 32


class InvalidSeedError(Exception):
    """What was given is no seed of an issuer; the message does not repeat it."""


class Issuer:
    """A key pair; raises InvalidSeedError for what is no seed of an account's key."""

    def __init__(self, seed: str) -> None:
        try:
            prefix, _ = nkeys.decode_seed(seed.encode())
            self._keys = nkeys.from_seed(seed.encode())
            self.public_key: str = self._keys.public_key.decode()
        except (nkeys.NkeysError, ValueError, TypeError) as error:
            raise InvalidSeedError("this is no seed of a NATS key") from error
        if prefix != nkeys.PREFIX_BYTE_ACCOUNT:
            raise InvalidSeedError("this is the seed of another kind of NATS key: one begins SA")

    def sign(self, data: bytes) -> bytes:
        """The signature of the bytes."""
        signature: bytes = self._keys.sign(data)
        return signature


def make_seed() -> str:
    """The seed of a new issuer; whoever has it can admit anybody."""
    seed: bytes = nkeys.encode_seed(secrets.token_bytes(SEED_BYTES), nkeys.PREFIX_BYTE_ACCOUNT)
    return seed.decode()
