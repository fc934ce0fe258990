"""The plan gives every student one seat."""

from itertools import chain, islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rosterline.sample.plan import Level, apportion, place_names, plan_zones


@given(
    total=st.integers(0, 100_000),
    weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=30),
)
def test_parts_add_up_and_none_is_a_whole_unit_off(total: int, weights: list[float]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1 + 1e-6


@given(students=st.integers(1, 60_000), seed=st.integers(0, 10))
def test_a_district_of_any_size_has_exactly_so_many_seats(students: int, seed: int) -> None:
    schools = list(chain.from_iterable(plan_zones(students, Random(seed))))
    assert sum(sum(school.seats.values()) for school in schools) == students
    assert all(seats >= 0 for school in schools for seats in school.seats.values())


def test_school_names_never_repeat() -> None:
    names = list(islice(place_names(), 2000))
    assert len(set(names)) == len(names)


def test_a_large_district_has_schools_of_sensible_size() -> None:
    schools = list(chain.from_iterable(plan_zones(30_000, Random(1))))
    limits = {
        Level.ELEMENTARY: (250, 700),
        Level.MIDDLE: (700, 1300),
        Level.HIGH: (1000, 1700),
        Level.ALTERNATIVE: (50, 150),
    }
    for school in schools:
        least, most = limits[school.level]
        assert least <= sum(school.seats.values()) <= most, school.name
