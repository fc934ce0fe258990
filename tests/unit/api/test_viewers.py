"""What a turned switch makes of stamps: asked of the stored ones, as if all were restamped."""

import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosterline.api.query.fields import Field, find_field
from rosterline.api.query.filters import And, Clause, Filter, Joint, Or
from rosterline.api.query.values import Predicate, parse_moment
from rosterline.api.viewing.viewers import Viewer, compare_stamp, is_after_switch
from rosterline.oneroster.stamps import format_stamp
from rosterline.oneroster.vocabulary import Collection, Entity, Version
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
PREDICATES = st.sampled_from(list(COMPARE))
USERS = Collection(Version.V1P2, Entity.USERS)


def field(name: str) -> Field:
    """A field of users."""
    found = find_field(USERS, name)
    assert found is not None
    return found


STAMP, STATUS, SOURCED_ID = field("dateLastModified"), field("status"), field("sourcedId")
CLAUSES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Clause, st.just(STAMP), PREDICATES, MOMENTS.map(format_stamp)),
    st.builds(
        Clause,
        st.sampled_from([STATUS, SOURCED_ID]),
        PREDICATES,
        st.sampled_from(["active", "tobedeleted"]),
    ),
)
FILTERS = st.recursive(
    CLAUSES,
    lambda inner: st.builds(
        lambda joint, children: joint(tuple(children)),
        st.sampled_from([And, Or]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)


def holds(found: Predicate | bool, stored: datetime, value: datetime) -> bool:
    """Whether the stored stamp is selected."""
    return found if isinstance(found, bool) else COMPARE[found](stored, value)


@given(PREDICATES, MOMENTS, MOMENTS, st.none() | MOMENTS)
def test_what_is_asked_of_stored_stamps_selects_the_same_as_the_greater_of_stamp_and_switch(
    predicate: Predicate, stored: datetime, value: datetime, switched_at: datetime | None
) -> None:
    effective = max(stored, switched_at) if switched_at else stored
    found = compare_stamp(predicate, value, switched_at)
    assert holds(found, stored, value) == COMPARE[predicate](effective, value)


def selects(filtered: Filter, stored: datetime, status: str) -> bool:
    """Whether the filter takes a record with these values."""
    if isinstance(filtered, Joint):
        verdicts = (selects(child, stored, status) for child in filtered.children)
        return all(verdicts) if isinstance(filtered, And) else any(verdicts)
    (clause,) = filtered.clauses
    if clause.field is STAMP:
        return COMPARE[clause.predicate](stored, parse_moment(clause.value))
    return COMPARE[clause.predicate](status, clause.value)


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
    clause = Clause(STAMP, predicate, format_stamp(stamp(value)))
    assert is_after_switch(clause, stamp(5)) is expected
    active = Clause(STATUS, Predicate.EQUAL, "active")
    assert is_after_switch(And((active, clause)), stamp(5)) is expected
    assert is_after_switch(Or((active, clause)), stamp(5)) is False
    assert is_after_switch(And((Or((clause, clause)), active)), stamp(5)) is expected


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
