"""How many records the guard lets go."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.projector.guard import fewest_active


@given(
    losses=st.integers(1, 10_000_000),
    active=st.integers(0, 10_000_000),
    hundredths=st.integers(1, 100),
)
def test_g10_enough_records_are_there_just_when_the_losses_are_within_the_share(
    losses: int, active: int, hundredths: int
) -> None:
    enough = fewest_active(losses, hundredths / 100)
    assert enough is not None
    assert (active >= enough) == (losses <= Fraction(hundredths, 100) * active)


@pytest.mark.parametrize(
    ("losses", "share", "enough"), [(50, 0.2, 250), (29, 0.29, 100), (51, 0.2, 255), (7, 1.0, 7)]
)
def test_g10_a_loss_of_exactly_the_share_is_not_more_than_it(
    losses: int, share: float, enough: int
) -> None:
    assert fewest_active(losses, share) == enough


def test_g10_of_a_share_of_nothing_no_number_of_records_is_enough() -> None:
    assert fewest_active(1, 0.0) is None
