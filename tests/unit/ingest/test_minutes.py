"""Dates of scores as minutes: the nearest one, in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rosterline.ingest.minutes import date_of, midnight_of, minute_of


@pytest.mark.parametrize(
    ("score_date", "minute"),
    [
        ("2026-10-05", "2026-10-05T00:00"),
        ("2026-10-05T00:00:00Z", "2026-10-05T00:00"),
        ("2026-10-05T00:00:29.999Z", "2026-10-05T00:00"),
        ("2026-10-05T00:00:30Z", "2026-10-05T00:01"),
        ("2026-10-04T23:59:30Z", "2026-10-05T00:00"),
        ("2026-10-04T23:59:29.999Z", "2026-10-04T23:59"),
        ("2026-10-05T10:15:00", "2026-10-05T10:15"),
        ("2026-10-05T10:15", "2026-10-05T10:15"),
        ("2026-10-05T10:15Z", "2026-10-05T10:15"),
        ("2026-10-05T10:15+02:00", "2026-10-05T08:15"),
        ("2026-10-05T10:15:00z", "2026-10-05T10:15"),
        ("2026-10-05T10:14:59.1234567891", "2026-10-05T10:15"),
        ("2026-10-05T10:15:00-05:00", "2026-10-05T15:15"),
        ("2026-10-05T00:10:00+05:45", "2026-10-04T18:25"),
        ("2024-02-29", "2024-02-29T00:00"),
        ("2026-12-31T23:59:59Z", "2027-01-01T00:00"),
    ],
)
def test_a_date_or_moment_is_its_nearest_minute(score_date: str, minute: str) -> None:
    assert minute_of(score_date) == datetime.fromisoformat(f"{minute}:00+00:00")


@pytest.mark.parametrize(
    "score_date",
    [
        None,
        5,
        "",
        "yesterday",
        "2026-10",
        "2026-02-29",
        "20261005",
        "2026-W41-1",
        "05/10/2026",
        "2026-10-05T25:00:00Z",
        "2026-10-05T",
        "2026-10-05T09",
        "2026-10-05T10",
        "2026-10-05T10Z",
        "2026-10-05 10:15:00",
        "2026-10-05t10:15:00Z",
        "2026-10-05T101500Z",
        "2026-10-05T10:15:00,5Z",
        "2026-10-05T10:15:00.Z",
        "2026-10-05T10:15:00-0500",
        "2026-10-05T10:15:00-05",
        "2026-10-05T10:15:00 -05:00",
        "2026-10-05T10:15:00Z\n",
        "2026-10-05T24:00:00Z",
        "2026-10-05T10:15:00+24:00",
        "٢٠٢٦-10-05",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
    ],
)
def test_what_is_neither_has_no_minute(score_date: object) -> None:
    assert minute_of(score_date) is None


def test_a_day_is_that_of_utc() -> None:
    moment = datetime(2026, 10, 5, 20, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert date_of(moment) == "2026-10-06"
    assert midnight_of(moment) == datetime(2026, 10, 6, tzinfo=UTC) == minute_of(date_of(moment))
