"""Drafts: a stamp goes where it belongs, digests tell states apart, tombstones stay whole."""

import orjson
import pytest

from rosterline.oneroster.v1p2 import UNSTAMPED, Course, Enrollment, Org, User, reference
from rosterline.oneroster.vocabulary import Collection, Entity
from rosterline.projector.draft import to_draft, tombstone
from rosterline.projector.rules.verdict import KeptOut, Verdict
from rosterline.projector.wanted import COURSES, ENROLLMENTS, ORGS, USERS

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
    draft = to_draft(ORGS, school(name))
    assert draft is not None
    stored = draft.stamped("2020-01-01T00:00:00.000Z")
    dead = tombstone(ORGS, "s1", (stored, None), draft.extra)
    assert dead.status == "tobedeleted"
    changed = {"status": "tobedeleted", "dateLastModified": STAMP}
    assert orjson.loads(dead.stamped(STAMP)) == orjson.loads(stored) | changed
    assert Org.model_validate_json(dead.stamped(STAMP)).name == name
    assert dead.extra == draft.extra == ("school",)


def test_the_same_look_has_the_same_digest_and_another_look_another() -> None:
    assert digest(school()) == digest(school())
    looks = [school(), school(name="other"), school(identifier="2")]
    assert len({digest(look) for look in looks}) == 3


def test_a_tombstone_by_rule_and_one_of_a_vanished_record_look_the_same() -> None:
    draft = to_draft(ORGS, school())
    assert draft is not None
    by_rule = to_draft(ORGS, school().model_copy(update={"status": "tobedeleted"}))
    assert by_rule is not None
    vanished = tombstone(ORGS, "s1", (draft.stamped(STAMP), None), draft.extra)
    assert vanished == by_rule


def test_users_say_whether_they_are_students_teachers_or_agents_only() -> None:
    role = {"role_type": "primary", "org": reference(Entity.ORGS, "s1")}
    found = {}
    for name in ("student", "teacher", "aide", "guardian"):
        user = User.model_validate(
            {
                "sourced_id": "u1", "status": "active", "enabled_user": "true",
                "given_name": "A", "family_name": "B", "roles": [role | {"role": name}],
            }
        )  # fmt: skip
        draft = to_draft(USERS, user)
        assert draft is not None
        found[name] = draft.extra
    assert found == {
        "student": (True, False, False),
        "teacher": (False, True, False),
        "aide": (False, False, False),
        "guardian": (False, False, True),
    }


def test_other_entities_have_no_columns_of_their_own() -> None:
    org = reference(Entity.ORGS, "s1")
    course = Course(sourced_id="c1", status="active", title="T", course_code="1", org=org)
    enrollment = Enrollment(
        sourced_id="r1", status="active", user=org, class_=org, school=org, role="student"
    )
    for collection, record in ((COURSES, course), (ENROLLMENTS, enrollment)):
        draft = to_draft(collection, record)
        assert draft is not None
        assert draft.extra == ()
