"""Drafts: a stamp goes where it belongs, digests tell states apart, tombstones stay whole."""

import orjson
import pytest

from rosterline.oneroster.record import UNSTAMPED
from rosterline.oneroster.v1p2 import Org, reference
from rosterline.oneroster.vocabulary import Collection, Entity
from rosterline.projector.draft import in_v1p1, to_draft, tombstone
from rosterline.projector.rules.schools import EVERYWHERE, NOWHERE, Reach
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.wanted import ORGS

STAMP = "2025-10-15T08:00:00.001Z"
ODD = ('"status":"active"', UNSTAMPED, '"dateLastModified":"x"', "\\", "\n", "é", '"href":"~/')


def school(name: str = "School", identifier: str = "1") -> Org:
    """A school."""
    parent = reference(Entity.ORGS, "d1")
    return Org(
        sourced_id="s1",
        status="active",
        name=name,
        type="school",
        identifier=identifier,
        parent=parent,
    )


def digest(verdict: Verdict, collection: Collection = ORGS) -> bytes:
    """The draft's digest."""
    draft = to_draft(collection, verdict)
    assert draft is not None
    return draft.digest


def test_what_is_kept_out_has_no_draft() -> None:
    assert to_draft(ORGS, KeptOut("a rule", "because", "do")) is None


@pytest.mark.parametrize("name", ODD)
def test_the_stamp_goes_into_its_own_member_only(name: str) -> None:
    draft = to_draft(ORGS, school(name))
    assert draft is not None
    record = orjson.loads(draft.stamped(STAMP))
    assert record["dateLastModified"] == STAMP
    assert record["name"] == name


@pytest.mark.parametrize("name", ODD)
def test_a_tombstone_differs_in_status_and_stamp_only(name: str) -> None:
    draft = to_draft(ORGS, school(name), Reach(("s1",)))
    assert draft is not None
    stored = draft.stamped("2020-01-01T00:00:00.000Z")
    dead = tombstone(ORGS, "s1", (stored, None), draft.columns, draft.reach)
    assert dead.status == "tobedeleted"
    changed = {"status": "tobedeleted", "dateLastModified": STAMP}
    assert orjson.loads(dead.stamped(STAMP)) == orjson.loads(stored) | changed
    assert Org.model_validate_json(dead.stamped(STAMP)).name == name
    assert dead.columns == draft.columns == {"type": "school"}
    assert dead.schools == draft.schools == ("s1",)


def test_the_same_look_has_the_same_digest_and_another_look_another() -> None:
    assert digest(school()) == digest(school())
    looks = [school(), school(name="other"), school(identifier="2")]
    assert len({digest(look) for look in looks}) == 3


def test_a_tombstone_by_rule_and_one_of_a_vanished_record_look_the_same() -> None:
    draft = to_draft(ORGS, school())
    assert draft is not None
    by_rule = to_draft(ORGS, school().model_copy(update={"status": "tobedeleted"}))
    assert by_rule is not None
    vanished = tombstone(ORGS, "s1", (draft.stamped(STAMP), None), draft.columns, draft.reach)
    assert vanished == by_rule


def test_another_reach_is_another_look() -> None:
    parent = Reach(("s1", "s2"), (("child", ("s1",)), ("other", ("s2",))))
    reaches = [
        EVERYWHERE,
        NOWHERE,
        Reach(("s1",)),
        Reach(("s1", "s2")),
        parent,
        parent._replace(listed=(("child", ("s1", "s2")), ("other", ("s2",)))),
        parent._replace(listed=(("child", ("s2",)), ("other", ("s1",)))),
    ]
    drafts = [to_draft(ORGS, school(), reach) for reach in reaches]
    for found in (drafts, [in_v1p1(draft) for draft in drafts]):
        assert len({draft.digest for draft in found if draft is not None}) == len(reaches)
