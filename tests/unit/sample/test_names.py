"""Names are plentiful, varied, and safe in a login."""

from collections import Counter
from random import Random

import pytest

from rosterline.sample.names import draw_identity, draw_tradition, plain_letters
from rosterline.sample.traditions import TRADITIONS


def test_there_are_several_hundred_given_and_family_names() -> None:
    given = {name for kind in TRADITIONS for name in (*kind.feminine, *kind.masculine)}
    family = {name for kind in TRADITIONS for name in kind.family}
    assert len(given) > 300
    assert len(family) > 300


def test_every_name_leaves_letters_for_a_login() -> None:
    for kind in TRADITIONS:
        for name in (*kind.feminine, *kind.masculine, *kind.family):
            assert plain_letters(name).isalpha(), name
            assert plain_letters(name).isascii(), name


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Đặng", "dang"), ("O'Brien", "obrien"), ("Weiß", "weiss"), ("de la Cruz", "delacruz")],
)
def test_logins_drop_marks_and_punctuation(name: str, plain: str) -> None:
    assert plain_letters(name) == plain


def test_some_family_names_are_frequent_and_many_are_rare() -> None:
    rng = Random(5)
    names = Counter(draw_identity(rng, draw_tradition(rng)).family for _ in range(20_000))
    ranked = [count for _, count in names.most_common()]
    assert 0.01 < ranked[0] / 20_000 < 0.06
    assert len(ranked) > 250


def test_siblings_share_the_family_name() -> None:
    rng = Random(5)
    tradition = draw_tradition(rng)
    assert draw_identity(rng, tradition, family="Ødegård").family == "Ødegård"
