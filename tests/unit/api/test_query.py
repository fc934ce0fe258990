"""The other parameters of a collection."""

import pytest

from rosterline.api.attributes import attributes
from rosterline.api.errors import ApiError, CodeMinor
from rosterline.api.filters import Attribute
from rosterline.api.query import Query, parse_query, parse_selection
from rosterline.oneroster.vocabulary import Entity

NAMES = attributes(Entity.USERS)


def parse(**parameters: str) -> Query:
    return parse_query(parameters.items(), NAMES)


def test_without_parameters_the_standards_defaults_hold() -> None:
    assert parse() == Query(limit=100, offset=0, sort=Attribute.SOURCED_ID, descending=False)


def test_limit_and_offset_are_taken_as_asked() -> None:
    query = parse(limit="50000", offset="1234567")
    assert (query.limit, query.offset) == (50_000, 1_234_567)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "abc"),
        ("limit", ""),
        ("limit", "1.5"),
        ("limit", "50001"),
        ("limit", "٣"),
        ("limit", "9" * 40),
        ("offset", "-1"),
        ("offset", "x"),
        ("offset", "9" * 40),
        ("orderBy", "up"),
    ],
)
def test_paging_that_cannot_be_done_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ApiError, match=name) as caught:
        parse(**{name: value})
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_DATA)


def test_sort_goes_by_the_known_attributes() -> None:
    query = parse(sort="dateLastModified", orderBy="desc")
    assert (query.sort, query.descending) == (Attribute.DATE_LAST_MODIFIED, True)


def test_an_unknown_sort_gives_the_default_order() -> None:
    assert parse(sort="shoeSize", orderBy="desc") == Query()


def test_order_without_sort_is_ignored() -> None:
    assert parse(orderBy="desc") == Query()


def test_a_blank_filter_is_none() -> None:
    assert parse(filter=" ").filter is None


def test_a_parameter_of_nobody_is_left_alone() -> None:
    assert parse(_="17") == Query()


def test_a_parameter_cannot_come_twice() -> None:
    with pytest.raises(ApiError, match="limit"):
        parse_query([("limit", "1"), ("limit", "2")], NAMES)


def test_a_second_filter_is_an_error_of_filters() -> None:
    with pytest.raises(ApiError) as caught:
        parse_query([("filter", "status='a'"), ("filter", "status='b'")], NAMES)
    assert caught.value.code == CodeMinor.INVALID_FILTER_FIELD


@pytest.mark.parametrize(
    "parameters",
    [
        [("fields", "email,sourcedId,email")],
        [("fields", "email, sourcedId")],
        [("fields", "email"), ("fields", "sourcedId")],
    ],
)
def test_fields_come_with_commas_or_one_by_one(parameters: list[tuple[str, str]]) -> None:
    assert parse_selection(parameters, NAMES) == ("email", "sourcedId")


def test_fields_may_name_what_the_standard_knows_and_no_record_has() -> None:
    assert parse_selection([("fields", "userProfiles,metadata")], NAMES) is not None


@pytest.mark.parametrize("fields", ["", "email,,phone", "shoeSize", "email,shoeSize"])
def test_blank_and_unknown_fields_are_refused(fields: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(fields=fields)
    assert (caught.value.status, caught.value.code) == (400, CodeMinor.INVALID_SELECTION_FIELD)
