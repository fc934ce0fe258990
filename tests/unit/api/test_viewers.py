"""What a turned switch makes of stamps: asked of the stored ones, as if all were restamped."""

import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.filters import Attribute, Clause, Filter, Predicate
from rosterline.api.viewers import Viewer, compare_stamp, is_after_switch
from rosterline.oneroster.vocabulary import Entity
from tests.support.api import stamp

COMPARE: dict[Predicate, Callable[[Any, Any], bool]] = {
    Predicate.EQUAL: operator.eq,
    Predicate.NOT_EQUAL: operator.ne,
    Predicate.GREATER: operator.gt,
    Predicate.GREATER_OR_EQUAL: operator.ge,
    Predicate.LESS: operator.lt,
    Predicate.LESS_OR_EQUAL: operator.le,
}
# Few, so that they meet each other.
MOMENTS = st.integers(0, 4).map(stamp)
CLAUSES = st.one_of(
    st.builds(
        Clause, st.just(Attribute.DATE_LAST_MODIFIED), st.sampled_from(list(Predicate)), MOMENTS
    ),
    st.builds(
        Clause,
        st.sampled_from([Attribute.STATUS, Attribute.SOURCED_ID]),
        st.sampled_from(list(Predicate)),
        st.sampled_from(["active", "tobedeleted"]),
    ),
)
FILTERS = st.builds(Filter, st.tuples(CLAUSES)) | st.builds(
    Filter, st.tuples(CLAUSES, CLAUSES), st.booleans()
)


def holds(found: Predicate | bool, stored: datetime, value: datetime) -> bool:
    """Whether the stored stamp is selected."""
    return found if isinstance(found, bool) else COMPARE[found](stored, value)


@given(st.sampled_from(list(Predicate)), MOMENTS, MOMENTS, st.none() | MOMENTS)
def test_what_is_asked_of_stored_stamps_selects_the_same_as_the_greater_of_stamp_and_switch(
    predicate: Predicate, stored: datetime, value: datetime, switched_at: datetime | None
) -> None:
    effective = max(stored, switched_at) if switched_at else stored
    found = compare_stamp(predicate, value, switched_at)
    assert holds(found, stored, value) == COMPARE[predicate](effective, value)


def selects(filtered: Filter, stored: datetime, status: str) -> bool:
    """Whether the filter takes a record with these values."""
    values = {
        Attribute.DATE_LAST_MODIFIED: stored,
        Attribute.STATUS: status,
        Attribute.SOURCED_ID: status,
    }
    verdicts = [
        COMPARE[clause.predicate](values[clause.attribute], clause.value)
        for clause in filtered.clauses
    ]
    return any(verdicts) if filtered.either else all(verdicts)


@given(FILTERS, MOMENTS, MOMENTS, st.sampled_from(["active", "tobedeleted"]))
def test_a_filter_for_what_is_later_than_the_switch_meets_nothing_that_the_switch_restamps(
    filtered: Filter, switched_at: datetime, stored: datetime, status: str
) -> None:
    if not is_after_switch(filtered, switched_at):
        return
    effective = max(stored, switched_at)
    assert selects(filtered, stored, status) == selects(filtered, effective, status)
    assert not selects(filtered, min(stored, switched_at), status)


@pytest.mark.parametrize(
    ("predicate", "value", "expected"),
    [
        (Predicate.GREATER, 5, True),
        (Predicate.GREATER, 4, False),
        (Predicate.GREATER_OR_EQUAL, 6, True),
        (Predicate.GREATER_OR_EQUAL, 5, False),
        (Predicate.EQUAL, 6, True),
        (Predicate.EQUAL, 5, False),
        (Predicate.LESS, 9, False),
    ],
)
def test_the_usual_delta_is_known_as_later_than_the_switch(
    predicate: Predicate, value: int, expected: bool
) -> None:
    clause = Clause(Attribute.DATE_LAST_MODIFIED, predicate, stamp(value))
    assert is_after_switch(Filter((clause,)), stamp(5)) is expected
    active = Clause(Attribute.STATUS, Predicate.EQUAL, "active")
    assert is_after_switch(Filter((active, clause)), stamp(5)) is expected
    assert is_after_switch(Filter((active, clause), either=True), stamp(5)) is False


def test_no_filter_asks_for_everything() -> None:
    assert not is_after_switch(None, stamp(0))


ACME = Viewer("acme")


@pytest.mark.parametrize(
    ("viewer", "is_shared"),
    [
        (ACME, True),
        (replace(ACME, secondary_email=True, switched_at=stamp(1)), True),
        (replace(ACME, sees_agents=False), True),
        (replace(ACME, sees_agents=False, switched_at=stamp(1)), False),
    ],
)
def test_only_connections_with_tombstones_of_their_own_see_what_nobody_else_does(
    viewer: Viewer, is_shared: bool
) -> None:
    other = replace(viewer, app="other")
    assert (viewer.towards(Entity.USERS) == other.towards(Entity.USERS)) is is_shared


@pytest.mark.parametrize(
    "switched",
    [
        replace(ACME, secondary_email=True),
        replace(ACME, sees_agents=False),
        replace(ACME, tombstones=True),
        replace(ACME, switched_at=stamp(1)),
    ],
)
def test_each_switch_makes_another_viewer_of_users(switched: Viewer) -> None:
    assert switched.towards(Entity.USERS) != ACME.towards(Entity.USERS)


def test_towards_other_entities_only_tombstones_count() -> None:
    switched = Viewer("other", secondary_email=True, sees_agents=False, switched_at=stamp(1))
    assert switched.towards(Entity.ORGS) == ACME.towards(Entity.ORGS)
    assert replace(ACME, tombstones=True).towards(Entity.ORGS) != ACME.towards(Entity.ORGS)
