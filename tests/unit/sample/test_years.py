"""The active year contains today, and terms divide its school days."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.sample.years import school_year, terms_of, years_around

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@given(today=DAYS)
def test_this_year_contains_today_and_last_year_ends_the_day_before_it(today: date) -> None:
    last_year, this_year = years_around(today)
    assert this_year.start_date <= today <= this_year.end_date
    assert last_year.end_date + timedelta(days=1) == this_year.start_date


@given(start_year=st.integers(1990, 2090), number=st.sampled_from([2, 4]))
def test_terms_follow_each_other_from_the_first_to_the_last_school_day(
    start_year: int, number: int
) -> None:
    year = school_year(1, start_year)
    terms = terms_of(year, number)
    assert terms[0][1] == year.first_school_day
    assert terms[-1][2] == year.last_school_day
    for (_, _, last), (_, first, _) in pairwise(terms):
        assert last + timedelta(days=1) == first
    assert year.start_date < year.first_school_day < year.last_school_day < year.end_date


@pytest.mark.parametrize(("number", "names"), [(2, ["S1", "S2"]), (4, ["Q1", "Q2", "Q3", "Q4"])])
def test_terms_are_named_semesters_or_quarters(number: int, names: list[str]) -> None:
    assert [name for name, _, _ in terms_of(school_year(1, 2025), number)] == names
