"""Scope names."""

import pytest

from rosterline.api.scopes import ROSTER, ROSTER_CORE, V1P1, find_scope, with_included


def test_roster_includes_roster_core() -> None:
    assert with_included([ROSTER]) == (ROSTER, ROSTER_CORE)


def test_what_is_included_stands_once() -> None:
    assert with_included([ROSTER_CORE, ROSTER]) == (ROSTER_CORE, ROSTER)


@pytest.mark.parametrize("name", ["roster.readonly", ROSTER])
def test_a_scope_is_found_by_its_last_part_or_in_full(name: str) -> None:
    assert find_scope("1.2", name) == ROSTER


def test_each_version_has_its_own_names() -> None:
    assert find_scope("1.1", "roster.readonly") == f"{V1P1}roster.readonly"
    assert find_scope("1.1", ROSTER) is None
    assert find_scope("1.1", "assessment.readonly") is None
