"""Merge patches, by the examples of RFC 7396."""

from typing import Any

import pytest

from rosterline.ingest.rules.merging import merged


# RFC 7396, appendix A: those of objects.
@pytest.mark.parametrize(
    ("stored", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "foo"}, {"b": None}, {"a": "foo"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_merged_as_the_rfc_says(
    stored: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    before = dict(stored)
    assert merged(stored, patch) == result
    assert stored == before
