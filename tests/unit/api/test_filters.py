"""The filter parameter: what is taken, what is refused, and with which words."""

from datetime import UTC, datetime

import pytest

from rosterline.api.errors import ApiError, CodeMinor
from rosterline.api.filters import Attribute, Clause, Filter, Predicate, parse_filter

MOMENT = datetime(2026, 11, 21, 8, 15, 0, 123000, UTC)


def only_clause(text: str) -> Clause:
    (clause,) = parse_filter(text).clauses
    return clause


@pytest.mark.parametrize("predicate", list(Predicate))
def test_every_predicate_is_read_whole(predicate: Predicate) -> None:
    clause = only_clause(f"status{predicate}'active'")
    assert clause == Clause(Attribute.STATUS, predicate, "active")


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("", ""),
        ("O''Hara", "O'Hara"),
        (r"O\'Hara", "O'Hara"),
        (r"a\\b", r"a\b"),
        (r"a\b", r"a\b"),
        ("x AND status=", "x AND status="),
        ("é ü 漢", "é ü 漢"),
    ],
)
def test_quotes_and_operators_inside_values_belong_to_the_value(value: str, meaning: str) -> None:
    assert only_clause(f"sourcedId='{value}'").value == meaning


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:15:00.123Z",
        "2026-11-21t08:15:00.123z",
        "2026-11-21 08:15:00.123",
        "2026-11-21T08:15:00.123",
        "2026-11-21T10:15:00.123+02:00",
        "2026-11-21T10:15:00.123 02:00",
        "2026-11-21T10:15:00.123+0200",
        "2026-11-20T22:15:00.123-10:00",
    ],
)
def test_a_moment_is_understood_in_any_zone(text: str) -> None:
    assert only_clause(f"dateLastModified>='{text}'").value == MOMENT


def test_a_date_is_its_midnight() -> None:
    clause = only_clause("dateLastModified>'2026-11-21'")
    assert clause.value == datetime(2026, 11, 21, tzinfo=UTC)


def test_a_date_with_a_space_before_its_time_keeps_the_space() -> None:
    clause = only_clause("dateLastModified>'2026-11-21 08:15'")
    assert clause.value == datetime(2026, 11, 21, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(("operator", "either"), [("AND", False), ("OR", True)])
def test_two_clauses_can_be_joined(operator: str, *, either: bool) -> None:
    joined = parse_filter(f"status='active' {operator} sourcedId>'b'")
    assert joined == Filter(
        (
            Clause(Attribute.STATUS, Predicate.EQUAL, "active"),
            Clause(Attribute.SOURCED_ID, Predicate.GREATER, "b"),
        ),
        either=either,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("familyName='x'", "'familyName'"),
        ("status", "clause"),
        ("status='active", "clause"),
        (r"status='active\'", "clause"),
        ("status=active", "clause"),
        ('status="active"', "clause"),
        ("status~'act'", "~"),
        ("status='a' and status='b'", "AND"),
        ("status='a'AND status='b'", "AND"),
        ("status='a' AND", "AND"),
        ("status='a' AND status", "after AND"),
        ("status='a' AND status='b' OR status='c'", "two clauses"),
        ("status='a' status='b'", "AND"),
        ("dateLastModified>'yesterday'", "'yesterday'"),
        ("dateLastModified>''", "dateLastModified"),
        ("dateLastModified>'0001-01-01T00:00:00+14:00'", "dateLastModified"),
        ("dateLastModified>'2026-13-01'", "dateLastModified"),
        ("dateLastModified>'२०२६-01-01'", "dateLastModified"),
        ("sourcedId='a\0b'", "NUL"),
    ],
)
def test_a_faulty_filter_is_refused_and_the_fault_named(text: str, words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        parse_filter(text)
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_FILTER_FIELD)


def test_a_long_row_of_backslashes_is_read_in_no_time() -> None:
    with pytest.raises(ApiError):
        parse_filter("sourcedId='" + "\\" * 50_001 + "'")
