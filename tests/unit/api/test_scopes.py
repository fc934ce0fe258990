"""Scope names: which there are, what they include, and which operations ask for them."""

import pytest

from rosterline.api import operations
from rosterline.api.endpoints import NUMBERS, Endpoint, Service, Shape
from rosterline.oneroster.scopes import (
    ADMIN,
    ASSESSMENT,
    DEFAULT,
    INCLUDES,
    KNOWN,
    ROSTER,
    ROSTER_CORE,
    V1P1,
    find_scope,
    in_v1p1,
    short_name,
    with_included,
)
from rosterline.oneroster.vocabulary import Entity

WRITES = ("createput", "createpost", "delete")
ENDPOINTS = (*operations.V1P2, *operations.V1P1)
IDS = [f"{row.version}-{row.operation_id}" for row in ENDPOINTS]


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


@pytest.mark.parametrize("version", KNOWN)
def test_every_scope_opens_an_endpoint_or_is_one_to_write_or_administer(version: str) -> None:
    used = {scope for row in ENDPOINTS if NUMBERS[row.version] == version for scope in row.scopes}
    rest = {scope for scope in KNOWN[version] if not scope.endswith(WRITES)} - {ADMIN}
    assert used == rest


@pytest.mark.parametrize("version", KNOWN)
def test_in_each_version_a_scope_includes_its_core(version: str) -> None:
    for scope in KNOWN[version]:
        core = scope.replace(".readonly", "-core.readonly")
        if scope.endswith(".readonly") and core in KNOWN[version]:
            assert with_included([scope]) == (scope, core)
        else:
            assert with_included([scope]) == (scope,)


def test_what_is_included_and_what_is_given_by_default_is_known() -> None:
    pairs = {(version, scope) for version, scopes in KNOWN.items() for scope in scopes}
    for scope, core in INCLUDES.items():
        assert [each for each, known in pairs if known == scope] == [
            each for each, known in pairs if known == core
        ]
    for version, scopes in DEFAULT.items():
        assert {(version, scope) for scope in scopes} <= pairs


def test_1p1_has_no_word_for_what_it_does_not_know() -> None:
    assert in_v1p1([ROSTER, ROSTER_CORE]) == (
        f"{V1P1}roster.readonly",
        f"{V1P1}roster-core.readonly",
    )
    assert in_v1p1([ASSESSMENT]) == ()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
def test_an_operation_asks_for_the_scopes_of_its_service_and_kind(endpoint: Endpoint) -> None:
    family = {
        Service.ROSTERING: "roster",
        Service.GRADEBOOK: "gradebook",
        Service.RESOURCES: "resource",
    }[endpoint.service]
    wanted = [f"{family}.readonly"]
    if endpoint.entity is Entity.DEMOGRAPHICS:
        wanted = ["roster-demographics.readonly"]
    elif endpoint.entity in {Entity.ASSESSMENT_LINE_ITEMS, Entity.ASSESSMENT_RESULTS}:
        wanted = ["assessment.readonly"]
    elif endpoint.relation is None and find_scope(
        NUMBERS[endpoint.version], f"{family}-core.readonly"
    ):
        wanted.append(f"{family}-core.readonly")
    assert [short_name(scope) for scope in endpoint.scopes] == wanted
    assert set(endpoint.scopes) <= set(KNOWN[NUMBERS[endpoint.version]])
    assert endpoint.relation is None or endpoint.shape is Shape.COLLECTION
