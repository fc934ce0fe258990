"""The filter parameter: what is taken, what is refused, and with which words."""

import pytest

from rosterline.api.errors import ApiError, CodeMinor
from rosterline.api.query.fields import Field, find_field
from rosterline.api.query.filters import And, Clause, Filter, Or, format_filter, parse_filter
from rosterline.api.query.rules import QueryRules
from rosterline.api.query.values import Predicate
from rosterline.oneroster.vocabulary import Collection, Entity, Version
from tests.support.api import stamp

USERS = Collection(Version.V1P2, Entity.USERS)
ENROLLMENTS = Collection(Version.V1P2, Entity.ENROLLMENTS)
RESULTS = Collection(Version.V1P2, Entity.RESULTS)
ASSESSMENT_RESULTS = Collection(Version.V1P2, Entity.ASSESSMENT_RESULTS)
ASSESSMENT_LINE_ITEMS = Collection(Version.V1P2, Entity.ASSESSMENT_LINE_ITEMS)
STANDARD = QueryRules()


def read(text: str, collection: Collection = USERS, *, rules: QueryRules = STANDARD) -> Filter:
    return parse_filter(text, collection, rules)


def only_clause(text: str, collection: Collection = USERS) -> Clause:
    found = read(text, collection)
    assert isinstance(found, Clause)
    return found


def clause(name: str, value: str, predicate: Predicate = Predicate.EQUAL) -> Clause:
    field = find_field(USERS, name)
    assert isinstance(field, Field)
    return Clause(field, predicate, value)


@pytest.mark.parametrize("predicate", list(Predicate))
def test_every_predicate_is_read_whole(predicate: Predicate) -> None:
    assert only_clause(f"status{predicate}'active'") == clause("status", "active", predicate)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("", ""),
        ("O''Hara", "O'Hara"),
        (r"O\'Hara", "O'Hara"),
        (r"a\\b", r"a\b"),
        (r"a\b", r"a\b"),
        ("x AND status=", "x AND status="),
        (") OR (", ") OR ("),
        ("é ü 漢", "é ü 漢"),
    ],
)
def test_quotes_and_operators_inside_values_belong_to_the_value(value: str, meaning: str) -> None:
    assert only_clause(f"sourcedId='{value}'").value == meaning


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("score>=90", "90"),
        ("score > -1.5e2 ", "-1.5e2"),
        ("late=true", "true"),
        ("(score=90)", "90"),
        ("score = '90.5'", "90.5"),
    ],
)
def test_numbers_and_booleans_need_no_quotes(text: str, value: str) -> None:
    assert only_clause(text, RESULTS).value == value


A, B, C = clause("givenName", "a"), clause("givenName", "b"), clause("givenName", "c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a} AND {b}", And((A, B))),
        ("{a} OR {b}", Or((A, B))),
        ("{a} OR {b} AND {c}", Or((A, And((B, C))))),
        ("{a} AND {b} OR {c}", Or((And((A, B)), C))),
        ("{a} AND {b} AND {c}", And((A, B, C))),
        ("({a} OR {b}) AND {c}", And((Or((A, B)), C))),
        ("({a} OR {b})AND({c})", And((Or((A, B)), C))),
        ("  ( ({a}) ) ", A),
    ],
)
def test_and_binds_tighter_than_or_and_parentheses_tighter_than_both(
    text: str, expected: Filter
) -> None:
    found = read(text.format(a="givenName='a'", b="givenName='b'", c="givenName='c'"))
    assert found == expected
    assert read(format_filter(found)) == found


def test_operators_in_lower_case_are_a_dialects_own() -> None:
    text = "class.sourcedId='x11BSAT6S' and role='student'"
    assert isinstance(read(text, ENROLLMENTS, rules=QueryRules(lower_operators=True)), And)
    with pytest.raises(ApiError, match="AND"):
        read(text, ENROLLMENTS)


def test_other_names_of_fields_are_a_dialects_own() -> None:
    rules = QueryRules(aliases={"userSourcedId": "user.sourcedId"})
    found = parse_filter("userSourcedId='u'", ENROLLMENTS, rules)
    assert found == parse_filter("user.sourcedId='u'", ENROLLMENTS, QueryRules())
    with pytest.raises(ApiError, match="'userSourcedId'"):
        read("userSourcedId='u'", ENROLLMENTS)


def test_assessment_results_are_found_by_the_name_that_their_writers_use() -> None:
    for part in ("sourcedId", "href"):
        found = read(f"lineItem.{part}='x'", ASSESSMENT_RESULTS)
        assert found == read(f"assessmentLineItem.{part}='x'", ASSESSMENT_RESULTS)
    with pytest.raises(ApiError, match=r"such as lineItem\.sourcedId"):
        read("lineItem='x'", ASSESSMENT_RESULTS)


@pytest.mark.parametrize("dot", [". ", " .", " . ", "."])
def test_blanks_around_the_dot_of_a_name_say_nothing(dot: str) -> None:
    found = read(f"parentAssessmentLineItem{dot}sourcedId='x'", ASSESSMENT_LINE_ITEMS)
    assert found == read("parentAssessmentLineItem.sourcedId='x'", ASSESSMENT_LINE_ITEMS)
    with pytest.raises(ApiError):
        read("parentAssessmentLineItem sourcedId='x'", ASSESSMENT_LINE_ITEMS)


def test_a_filter_that_folds_case_is_another_filter() -> None:
    assert read("status='a'", rules=QueryRules(folds_case=True)) != read("status='a'")


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("givenName='x'", False),
        ("status='active'", True),
        ("givenName='x' OR (givenName='y' AND dateLastModified>'2026-01-01')", True),
    ],
)
def test_deleted_records_are_shown_to_who_names_status_or_stamp_anywhere(
    text: str, *, shows: bool
) -> None:
    assert read(text).shows_deleted is shows


@pytest.mark.parametrize(
    ("text", "is_after"),
    [
        ("dateLastModified>'2026-09-01T08:00:00.005Z'", True),
        ("dateLastModified>='2026-09-01T08:00:00.005Z'", False),
        ("dateLastModified>='2026-09-01T08:00:00.006Z' AND status='active'", True),
        ("dateLastModified>='2026-09-01T08:00:00.006Z' OR status='active'", False),
        ("dateLastModified='2027-01-01' OR dateLastModified>'2027-01-01'", True),
        ("dateLastModified~'2027'", False),
        ("dateLastModified!='2027-01-01'", False),
    ],
)
def test_it_is_known_what_can_only_hold_after_a_moment(text: str, *, is_after: bool) -> None:
    assert read(text).implies_after(stamp(5)) is is_after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("shoeSize='x'", "'shoeSize' of users"),
        ("givenname='x'", "do you mean givenName"),
        ("GivenName='x'", "'GivenName'"),
        ("role='student'", "'role'"),
        ("primaryOrg='x'", "primaryOrg.sourcedId"),
        ("roles='x'", "'roles' has parts"),
        ("roles.org='x'", "roles.org.sourcedId"),
        ("metadata='x'", "'metadata' has parts"),
        ("metadata.='x'", "'metadata.'"),
        ("status", "clause"),
        ("status='active", "clause"),
        (r"status='active\'", "clause"),
        ("status=active", "clause"),
        ("status=1x", "clause"),
        ('status="active"', "clause"),
        ("status='a' and status='b'", "AND"),
        ("status='a'AND status='b'", "AND"),
        ("status='a' AND", "AND"),
        ("status='a' AND status", "after AND"),
        ("status='a' OR ()", "parenthesis"),
        ("(status='a'", "does not close"),
        ("status='a')", "did not open"),
        ("status='a' status='b'", "AND"),
        ("(" * 21 + "status='a'" + ")" * 21, "20 parentheses"),
        (" OR ".join(["status='a'"] * 51), "50 clauses"),
        (f"status='{'x' * 4000}'", "4000 characters"),
        ("grades='" + "1," * 101 + "'", "100 parts"),
        ("dateLastModified>'yesterday'", "'yesterday'"),
        ("dateLastModified>''", "dateLastModified"),
        ("dateLastModified>'0001-01-01T00:00:00+14:00'", "dateLastModified"),
        ("dateLastModified>'2026-13-01'", "dateLastModified"),
        ("dateLastModified>'२०२६-01-01'", "dateLastModified"),
        ("roles.beginDate>'soon'", "roles.beginDate"),
        ("roles.beginDate='2026-01-01,soon'", "roles.beginDate"),
        ("enabledUser='yes'", "true or false"),
        ("sourcedId='a\0b'", "NUL"),
    ],
)
def test_a_faulty_filter_is_refused_and_the_fault_named(text: str, words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        read(text)
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_FILTER_FIELD)


@pytest.mark.parametrize("value", ["many", "", "0x10", "NaN", "Infinity", "1e999", "1_000", "٣"])
def test_a_number_is_compared_with_numbers_only(value: str) -> None:
    with pytest.raises(ApiError, match="score cannot be compared"):
        read(f"score>'{value}'", RESULTS)


def test_a_long_row_of_backslashes_is_read_in_no_time() -> None:
    with pytest.raises(ApiError):
        read("sourcedId='" + "\\" * 3_500)


def test_a_field_belongs_to_its_version() -> None:
    v1p1 = Collection(Version.V1P1, Entity.USERS)
    assert only_clause("role='student'", v1p1).field.name == "role"
    with pytest.raises(ApiError, match=r"roles\.role"):
        read("roles.role='student'", v1p1)
