"""The `fields` parameter: what is left of records."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.query.selections import select_fields

ORG = {"href": "~/orgs/o", "sourcedId": "o", "type": "org"}
USER: dict[str, Any] = {
    "sourcedId": "u",
    "givenName": "Zoë",
    "primaryOrg": ORG,
    "roles": [
        {"roleType": "primary", "role": "student", "org": ORG, "endDate": "2027-06-30"},
        {"roleType": "secondary", "role": "aide", "org": ORG},
    ],
    "grades": ["09"],
    "metadata": {"a": {"b": 1, "c": [{"d": 2}, {"e": 3}]}, "n": None},
}


def select(*fields: str) -> Any:
    return json.loads(select_fields(json.dumps([USER]).encode(), fields))[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["givenName", "sourcedId"], {"sourcedId": "u", "givenName": "Zoë"}),
        (["username"], {}),
        (["primaryOrg"], {"primaryOrg": ORG}),
        (["primaryOrg.sourcedId"], {"primaryOrg": {"sourcedId": "o"}}),
        (["primaryOrg.sourcedId", "primaryOrg"], {"primaryOrg": ORG}),
        (["primaryOrg", "primaryOrg.sourcedId"], {"primaryOrg": ORG}),
        (["roles.role"], {"roles": [{"role": "student"}, {"role": "aide"}]}),
        (["roles.endDate"], {"roles": [{"endDate": "2027-06-30"}]}),
        (["roles.org.type"], {"roles": [{"org": {"type": "org"}}, {"org": {"type": "org"}}]}),
        (["metadata.a.b"], {"metadata": {"a": {"b": 1}}}),
        (["metadata.a.c.d"], {"metadata": {"a": {"c": [{"d": 2}]}}}),
        (["metadata.n"], {"metadata": {"n": None}}),
        (["metadata.x"], {}),
        (["grades.x", "givenName.x"], {}),
    ],
)
def test_a_record_is_cut_to_what_is_chosen(fields: list[str], expected: object) -> None:
    assert select(*fields) == expected


NAMES = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


@given(
    st.lists(st.dictionaries(NAMES, JSON)),
    st.lists(st.lists(NAMES, min_size=1, max_size=3).map(".".join), min_size=1),
)
def test_choosing_twice_changes_nothing_and_keeps_the_order(
    records: list[dict[str, Any]], fields: list[str]
) -> None:
    once = select_fields(json.dumps(records).encode(), fields)
    assert select_fields(once, fields) == once
    for record, cut in zip(records, json.loads(once), strict=True):
        assert list(cut) == [name for name in record if name in cut]
        whole = {name for name in fields if "." not in name}
        assert {name: cut.get(name) for name in whole & set(record)} == {
            name: record[name] for name in whole & set(record)
        }
