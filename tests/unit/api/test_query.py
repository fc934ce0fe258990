"""The other parameters of a collection, and what dialects make of them."""

from typing import Any

import pytest

from rosterline.api.dialects import DIALECTS
from rosterline.api.errors import ApiError, CodeMinor
from rosterline.api.query.filters import And, Or, parse_filter
from rosterline.api.query.parsing import Query, parse_query, parse_selection
from rosterline.api.query.rules import QueryRules
from rosterline.oneroster.vocabulary import Collection, Entity, Version

USERS = Collection(Version.V1P2, Entity.USERS)
RULES = {dialect.name: dialect.rules for dialect in DIALECTS}
STANDARD = RULES["1edtech-1.2"]
V1P1 = RULES["1edtech-1.1"]
CAMPUS = RULES["campus-1.2"]
XPORTER = RULES["xporter"]


def parse(rules: QueryRules = STANDARD, **parameters: str) -> Query:
    return parse_query(parameters.items(), USERS, rules)


def sort_of(query: Query) -> str | None:
    return query.sort.name if query.sort else None


def test_without_parameters_the_standards_defaults_hold() -> None:
    assert parse() == Query(limit=100, offset=0, sort=None, descending=False)


def test_limit_and_offset_are_taken_as_asked() -> None:
    query = parse(limit="50000", offset="1234567")
    assert (query.limit, query.offset) == (50_000, 1_234_567)


@pytest.mark.parametrize("dialect", RULES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "abc"),
        ("limit", ""),
        ("limit", "1.5"),
        ("limit", "1,000"),
        ("limit", "٣"),
        ("offset", "-1"),
        ("offset", "x"),
        ("offset", "9" * 40),
    ],
)
def test_paging_that_cannot_be_done_is_refused_by_name(dialect: str, name: str, value: str) -> None:
    with pytest.raises(ApiError, match=name) as caught:
        parse(RULES[dialect], **{name: value})
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_DATA)


OFFSET = "Invalid data; offset is not a modulus of limit: Invalid parameter 'offset' value of '{}'."
LIMIT = (
    "Invalid data: Pagination limit value must not be greater than 50000: "
    "Invalid parameter 'limit' value of '{}'."
)
BLANK, UNKNOWN = {"fields": "givenName,,phone"}, {"fields": "givenName,shoeSize"}
FILTER = {"filter": "shoeSize='43'"}
ERRORS: list[tuple[str, dict[str, str], int, CodeMinor, str]] = [
    ("1edtech-1.2", {"limit": "50001"}, 400, CodeMinor.INVALID_DATA, "limit"),
    ("1edtech-1.1", {"limit": "50001"}, 400, CodeMinor.INVALID_DATA, "limit"),
    ("1edtech-1.2", {"limit": "9" * 40}, 400, CodeMinor.INVALID_DATA, "limit"),
    ("campus-1.2", {"limit": "60000"}, 422, CodeMinor.INVALID_DATA, LIMIT.format(60000)),
    ("campus-app-1.2", {"limit": "50001"}, 422, CodeMinor.INVALID_DATA, LIMIT.format(50001)),
    ("campus-app-1.1", {"limit": "9" * 40}, 422, CodeMinor.INVALID_DATA, LIMIT.format("9" * 40)),
    ("campus-1.2", {"offset": "150"}, 422, CodeMinor.INVALID_DATA, OFFSET.format(150)),
    (
        "campus-1.2",
        {"limit": "500", "offset": "600"},
        422,
        CodeMinor.INVALID_DATA,
        OFFSET.format(600),
    ),
    ("1edtech-1.2", BLANK, 400, CodeMinor.INVALID_SELECTION_FIELD, "empty name"),
    ("1edtech-1.2", {"fields": ""}, 400, CodeMinor.INVALID_SELECTION_FIELD, "empty name"),
    ("1edtech-1.1", BLANK, 400, CodeMinor.INVALID_BLANK_SELECTION_FIELD, "empty name"),
    ("1edtech-1.1", {"fields": ""}, 400, CodeMinor.INVALID_BLANK_SELECTION_FIELD, "empty name"),
    ("campus-1.2", BLANK, 400, CodeMinor.INVALID_SELECTION_FIELD, "empty name"),
    ("1edtech-1.2", UNKNOWN, 400, CodeMinor.INVALID_SELECTION_FIELD, "'shoeSize'"),
    ("campus-1.2", UNKNOWN, 400, CodeMinor.INVALID_SELECTION_FIELD, "'shoeSize'"),
    *(
        (dialect, FILTER, 400, CodeMinor.INVALID_FILTER_FIELD, "'shoeSize' of users")
        for dialect in RULES
    ),
    ("1edtech-1.2", {"search": "x " * 11}, 400, CodeMinor.INVALID_DATA, "search"),
    ("1edtech-1.2", {"search": "x" * 201}, 400, CodeMinor.INVALID_DATA, "search"),
    ("1edtech-1.2", {"search": "\0"}, 400, CodeMinor.INVALID_DATA, "search"),
]


@pytest.mark.parametrize(("dialect", "parameters", "status", "code", "words"), ERRORS)
def test_errors_are_those_of_the_version_and_the_dialect(
    dialect: str, parameters: dict[str, str], status: int, code: CodeMinor, words: str
) -> None:
    with pytest.raises(ApiError) as caught:
        parse(RULES[dialect], **parameters)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert words in caught.value.message


def test_an_offset_that_is_a_multiple_is_taken_by_all() -> None:
    for rules in RULES.values():
        assert parse(rules, limit="500", offset="1000").offset == 1000


@pytest.mark.parametrize("dialect", ["1edtech-1.1", "campus-app-1.1", "xporter"])
def test_v1p1_answers_unknown_names_with_all_data_and_a_warning(dialect: str) -> None:
    query = parse(RULES[dialect], fields="givenName,shoeSize,hat", sort="shoeSize", orderBy="desc")
    assert (query.fields, query.sort, query.descending) == (None, None, False)
    codes = [code for code, _ in query.warnings]
    assert codes == [CodeMinor.INVALID_SELECTION_FIELD, CodeMinor.INVALID_SORT_FIELD]
    texts = [text for _, text in query.warnings]
    assert "'shoeSize', 'hat'" in texts[0]
    assert "'shoeSize'" in texts[1]


@pytest.mark.parametrize("dialect", ["1edtech-1.2", "campus-1.2"])
def test_an_unknown_sort_gives_the_default_order(dialect: str) -> None:
    assert parse(RULES[dialect], sort="shoeSize", orderBy="desc") == Query()


@pytest.mark.parametrize(
    ("sort", "name"),
    [
        ("dateLastModified", "dateLastModified"),
        ("familyName", "familyName"),
        ("roles.org.sourcedId", "roles.org.sourcedId"),
        ("metadata.x.y", "metadata.x.y"),
        ("sourcedId", None),
        ("primaryOrg", None),
        ("", None),
    ],
)
def test_sort_goes_by_any_field(sort: str, name: str | None) -> None:
    query = parse(sort=sort, orderBy="desc")
    assert sort_of(query) == name
    assert query.descending is (name is not None or sort == "sourcedId")


def test_campus_has_names_of_its_own() -> None:
    enrollments = Collection(Version.V1P2, Entity.ENROLLMENTS)
    given = [("filter", "classSourcedId='c'"), ("sort", "userSourcedId")]
    query = parse_query(given, enrollments, CAMPUS)
    assert sort_of(query) == "user.sourcedId"
    assert query.filter is not None
    assert [(each.field.name, each.folds_case) for each in query.filter.clauses] == [
        ("class.sourcedId", True)
    ]


def test_campus_shows_all_fields_where_none_is_named() -> None:
    assert parse(CAMPUS, fields=" ").fields is None


@pytest.mark.parametrize("dialect", RULES)
@pytest.mark.parametrize("order", ["desc", "up", ""])
def test_order_without_a_known_sort_is_ignored(dialect: str, order: str) -> None:
    assert parse(RULES[dialect], orderBy=order) == Query()
    assert parse(RULES[dialect], sort=" ", orderBy=order) == Query()
    unknown = parse(RULES[dialect], sort="shoeSize", orderBy=order)
    assert (unknown.sort, unknown.descending) == (None, False)


@pytest.mark.parametrize("dialect", RULES)
@pytest.mark.parametrize("sort", ["familyName", "sourcedId"])
def test_beside_a_sort_order_is_asc_or_desc(dialect: str, sort: str) -> None:
    assert parse(RULES[dialect], sort=sort, orderBy="desc").descending
    with pytest.raises(ApiError, match="orderBy") as caught:
        parse(RULES[dialect], sort=sort, orderBy="up")
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_DATA)


@pytest.mark.parametrize("name", ["filter", "search", "sort"])
def test_what_is_blank_is_not_asked_for(name: str) -> None:
    assert parse(STANDARD, **{name: " "}) == Query()


def test_a_search_finds_each_word_in_some_name_beside_the_filter() -> None:
    query = parse(search=" ada  byron ", filter="status='active'")
    assert isinstance(query.filter, And)
    status, *words = query.filter.children
    assert status == parse_filter("status='active'", USERS, STANDARD)
    assert all(isinstance(word, Or) for word in words)
    assert [{clause.value for clause in word.clauses} for word in words] == [{"ada"}, {"byron"}]
    names = {clause.field.name for clause in words[0].clauses}
    assert {"givenName", "familyName", "username", "email"} <= names


def test_a_search_goes_through_users_and_courses_alone() -> None:
    given = [("search", "x")]
    assert parse_query(given, Collection(Version.V1P2, Entity.COURSES), STANDARD).filter is not None
    assert parse_query(given, Collection(Version.V1P2, Entity.ORGS), STANDARD).filter is None


@pytest.mark.parametrize("dialect", [name for name in RULES if name != "1edtech-1.2"])
def test_only_the_standards_addresses_of_1_2_know_search(dialect: str) -> None:
    given = [("search", "x" * 201), ("search", "\0")]
    assert parse_query(given, USERS, RULES[dialect]) == Query()


def test_a_parameter_of_nobody_is_left_alone() -> None:
    assert parse(_="17") == Query()


@pytest.mark.parametrize(
    ("name", "code"),
    [("limit", CodeMinor.INVALID_DATA), ("filter", CodeMinor.INVALID_FILTER_FIELD)],
)
def test_a_parameter_cannot_come_twice(name: str, code: CodeMinor) -> None:
    with pytest.raises(ApiError, match=name) as caught:
        parse_query([(name, "1"), (name, "2")], USERS, STANDARD)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "parameters",
    [
        [("fields", "email,sourcedId,email")],
        [("fields", "email, sourcedId")],
        [("fields", "email"), ("fields", "sourcedId")],
    ],
)
def test_fields_come_with_commas_or_one_by_one(parameters: list[tuple[str, str]]) -> None:
    assert parse_selection(parameters, USERS, STANDARD).fields == ("email", "sourcedId")


@pytest.mark.parametrize(
    "fields",
    ["userProfiles,metadata", "roles.org,roles.org.sourcedId", "metadata.a.b", "userIds"],
)
def test_fields_may_name_whatever_the_standard_knows_and_parts_of_it(fields: str) -> None:
    assert parse_selection([("fields", fields)], USERS, STANDARD).fields == tuple(fields.split(","))


def test_every_collection_can_be_asked_for_everything_by_default() -> None:
    found: Any = {parse_query([], Collection(Version.V1P2, each), STANDARD) for each in Entity}
    assert found == {Query()}
