"""Scopes of connections, as they bind commands however those come."""

from dataclasses import replace

import pytest

from rosterline.ingest.lines import Line, Refused
from rosterline.oneroster import scopes
from rosterline.oneroster.vocabulary import Entity
from tests.support.ingest_world import (
    ASSESSOR,
    LINE_ITEMS,
    OLDER,
    World,
    delete,
    patch,
    put,
    uuid,
)

A, B = uuid(1), uuid(2)


def ready() -> World:
    """A district with a category and an assessment."""
    world = World()
    world.decide(put(Entity.CATEGORIES, A, title="Homework"), put(LINE_ITEMS, A, title="Reading"))
    return world


def allowed(entity: Entity) -> dict[str, Line]:
    """A line for each thing that scopes are about."""
    return {
        "create": put(entity, B, title="x"),
        "replace": put(entity, A, title="x"),
        "patch": patch(entity, A, title="x"),
        "delete": delete(entity, A),
        "bury": put(entity, A, status="tobedeleted"),
    }


@pytest.mark.parametrize(
    ("entity", "scope", "things"),
    [
        (Entity.CATEGORIES, scopes.GRADEBOOK_PUT, {"create", "replace", "patch"}),
        (Entity.CATEGORIES, scopes.GRADEBOOK_POST, {"create"}),
        (Entity.CATEGORIES, scopes.GRADEBOOK_DELETE, {"delete", "bury"}),
        (Entity.CATEGORIES, scopes.ASSESSMENT_PUT, set()),
        (Entity.CATEGORIES, scopes.GRADEBOOK, set()),
        (LINE_ITEMS, scopes.ASSESSMENT_PUT, {"create", "replace", "patch"}),
        (LINE_ITEMS, scopes.ASSESSMENT_DELETE, {"delete", "bury"}),
        (LINE_ITEMS, scopes.GRADEBOOK_PUT, set()),
        (LINE_ITEMS, scopes.GRADEBOOK_POST, set()),
    ],
)
def test_a_scope_allows_what_it_says(entity: Entity, scope: str, things: set[str]) -> None:
    sender = replace(ASSESSOR, scopes=frozenset({scope}))
    found = set()
    for thing, line in allowed(entity).items():
        (outcome,) = ready().decide(replace(line, sender=sender))
        if isinstance(outcome, Refused):
            assert (outcome.status, outcome.code_minor) == (403, "forbidden")
        else:
            found.add(thing)
    assert found == things


def test_a_refusal_names_the_scopes_that_would_do() -> None:
    nobody = replace(ASSESSOR, scopes=frozenset())
    (outcome,) = World().decide(replace(put(Entity.CATEGORIES, A), sender=nobody))
    assert isinstance(outcome, Refused)
    assert outcome.description == (
        "The connection, and its access token, needs the scope "
        f"{scopes.GRADEBOOK_PUT} or {scopes.GRADEBOOK_POST}"
    )


def test_1_1_has_scopes_of_its_own() -> None:
    line = put(Entity.CATEGORIES, A, title="Homework")
    newer = replace(OLDER, scopes=frozenset({scopes.GRADEBOOK_PUT}))
    (outcome,) = World().decide(replace(line, sender=newer))
    assert isinstance(outcome, Refused)
    assert outcome.description == (
        f"The connection, and its access token, needs the scope {scopes.V1P1}gradebook.createput"
    )
    assert World().decide(replace(line, sender=OLDER))[0].status == 201


@pytest.mark.parametrize("entity", [Entity.USERS, Entity.ORGS, Entity.RESOURCES])
def test_other_collections_take_no_commands(entity: Entity) -> None:
    (outcome,) = World().decide(put(entity, A, title="x"))
    assert outcome == Refused(403, "forbidden", f"The connection cannot write {entity.value}")
