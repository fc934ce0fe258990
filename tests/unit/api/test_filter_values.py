"""What the values of filters mean."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.query.values import (
    parse_boolean,
    parse_day,
    parse_list,
    parse_moment,
    parse_number,
)

MOMENT = datetime(2026, 11, 21, 8, 15, 0, 123000, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:15:00.123Z",
        "2026-11-21T08:15:00.123999Z",
        "2026-11-21t08:15:00.123z",
        "2026-11-21 08:15:00.123",
        " 2026-11-21T08:15:00.123 ",
        "2026-11-21T10:15:00.123+02:00",
        "2026-11-21T10:15:00.123 02:00",
        "2026-11-21T10:15:00.123+0200",
        "2026-11-20T22:15:00.123-10:00",
    ],
)
def test_a_moment_is_understood_in_any_zone_to_the_millisecond(text: str) -> None:
    assert parse_moment(text) == MOMENT


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21 08:15", datetime(2026, 11, 21, 8, 15, tzinfo=UTC)),
    ],
)
def test_a_date_is_its_midnight_and_a_space_stays_a_space(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_any_moment_is_read_as_it_is_written(moment: datetime) -> None:
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert parse_moment(moment.isoformat()) == cut


@given(st.text())
def test_any_text_is_a_moment_or_a_value_error(text: str) -> None:
    try:
        assert parse_moment(text).tzinfo is UTC
    except ValueError as error:
        assert "2026-11-21" in str(error)  # noqa: PT017 - both outcomes are fine, no third


@pytest.mark.parametrize(
    ("text", "day", "is_midnight"),
    [
        ("2026-08-15", "2026-08-15", True),
        ("2026-08-15T00:00:00Z", "2026-08-15", True),
        ("2026-08-15T01:00:00+02:00", "2026-08-14", False),
        ("2026-08-15T02:00:00+02:00", "2026-08-15", True),
        ("2026-08-15T23:59:59.999Z", "2026-08-15", False),
    ],
)
def test_a_moment_lies_in_a_day_of_utc(text: str, day: str, *, is_midnight: bool) -> None:
    assert parse_day(text) == (day, is_midnight)


def test_numbers_booleans_and_lists_are_read_leniently_about_blanks_and_case() -> None:
    assert parse_number(" 8.5e1 ") == Decimal(85)
    assert parse_boolean(" True") == "true"
    assert parse_list(" a, b,,c ") == ("a", "b", "c")
    assert parse_list(" , ") == ("",)
