"""The issuer's key: in the form that NATS knows, and never repeated when it is wrong."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from rosterline.bus.issuer import InvalidSeedError, Issuer, make_seed

SEED = "SAALZOPGUQLHNT7XBDCEUD5IKWHT6PZULBSWFG6TWXYFHZNAQOYT7S7IOU"
PUBLIC_KEY = "ACJU5HJFJ2FDADQBEUEHGOWDBYEQS3NGV6D3IIOSUBTV47MJCFKDX6QL"
USERS_SEED = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y"


def test_a_seed_gives_always_the_same_public_key() -> None:
    assert Issuer(SEED).public_key == PUBLIC_KEY


def test_a_signature_is_verified_with_the_public_key() -> None:
    raw = base64.b32decode(PUBLIC_KEY)[1:33]
    assert VerifyKey(raw).verify(b"data", Issuer(SEED).sign(b"data")) == b"data"


def test_a_new_seed_is_another_one_each_time() -> None:
    first, second = make_seed(), make_seed()
    assert first.startswith("SA")
    assert Issuer(first).public_key.startswith("A")
    assert Issuer(first).public_key != Issuer(second).public_key


@pytest.mark.parametrize("seed", ["", "seed", SEED[:-4], SEED.lower(), USERS_SEED, PUBLIC_KEY])
def test_what_is_no_seed_of_an_issuer_is_refused_and_not_repeated(seed: str) -> None:
    with pytest.raises(InvalidSeedError) as refused:
        Issuer(seed)
    assert len(seed) < 5 or seed not in str(refused.value)


@given(st.text())
def test_any_text_is_a_seed_or_refused(text: str) -> None:
    with suppress(InvalidSeedError):
        assert Issuer(text).public_key.startswith("A")
