"""Draws names of people, and writes them as the parts of logins and addresses."""

import unicodedata
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from rosterline.sample.traditions import ENGLISH, TRADITIONS, Tradition

CUMULATIVE = tuple(accumulate(tradition.share for tradition in TRADITIONS))
# Higher makes the first names of a list more frequent than the last.
SKEW = 1.7
OWN_TRADITION_CHANCE = 0.65
# Letters that Unicode does not decompose into a base letter and a mark.
PLAIN = str.maketrans({"đ": "d", "Đ": "d", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "ß": "ss"})


class Identity(NamedTuple):
    """A person's name and sex ('F', 'M' or 'X')."""

    given: str
    middle: str | None
    family: str
    preferred: str | None
    sex: str
    tradition: Tradition


def draw(rng: Random, names: tuple[str, ...]) -> str:
    """One of the names, the first ones more often."""
    return names[int(len(names) * rng.random() ** SKEW)]


def draw_tradition(rng: Random) -> Tradition:
    """The tradition of a family, by their shares."""
    return rng.choices(TRADITIONS, cum_weights=CUMULATIVE)[0]


def draw_given(rng: Random, tradition: Tradition, sex: str) -> str:
    """A given name, of the tradition or as common in the country."""
    chosen = tradition if rng.random() < OWN_TRADITION_CHANCE else ENGLISH
    feminine = sex == "F" or (sex == "X" and rng.random() < 0.5)
    return draw(rng, chosen.feminine if feminine else chosen.masculine)


def draw_sex(rng: Random) -> str:
    """'F', 'M', or 'X' in one of a hundred."""
    chance = rng.random()
    if chance < 0.01:
        return "X"
    return "F" if chance < 0.505 else "M"


def draw_identity(rng: Random, tradition: Tradition, *, family: str | None = None) -> Identity:
    """A new person of the tradition, with the family's name if there is one already."""
    chosen = draw_sex(rng)
    return Identity(
        given=draw_given(rng, tradition, chosen),
        middle=draw_given(rng, tradition, chosen) if rng.random() < 0.6 else None,
        family=family or draw(rng, tradition.family),
        preferred=preferred_name(rng, tradition, chosen) if rng.random() < 0.06 else None,
        sex=chosen,
        tradition=tradition,
    )


def preferred_name(rng: Random, tradition: Tradition, sex: str) -> str:
    """What someone likes to be called: a name in the own script, or a common one."""
    if tradition.own_script and rng.random() < 0.5:
        return draw(rng, tradition.own_script)
    return draw_given(rng, ENGLISH, sex)


@lru_cache(maxsize=4096)
def plain_letters(name: str) -> str:
    """The name in lower-case ASCII letters: `Đặng-O'Brien` is `dangobrien`."""
    decomposed = unicodedata.normalize("NFKD", name.translate(PLAIN))
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha()).lower()
